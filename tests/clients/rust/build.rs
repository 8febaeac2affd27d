//! Generates the client from the document that `FILES_OPENAPI` names.

use std::error::Error;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-env-changed=FILES_OPENAPI");
    let document = std::env::var("FILES_OPENAPI")?;
    println!("cargo::rerun-if-changed={document}");
    let document: openapiv3::OpenAPI = serde_json::from_reader(std::fs::File::open(document)?)?;
    let tokens = progenitor::Generator::default().generate_tokens(&document)?;
    let code = prettyplease::unparse(&syn::parse2(tokens)?);
    std::fs::write(PathBuf::from(std::env::var("OUT_DIR")?).join("client.rs"), code)?;
    Ok(())
}
