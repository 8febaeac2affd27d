//! Builds the JSON document and the web page from `infra/api/openapi.yaml`.

use std::error::Error;
use std::path::{Path, PathBuf};

use serde_norway::Value;

#[path = "src/page.rs"]
mod page;

const SOURCE: &str = "../../infra/api/openapi.yaml";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={SOURCE}");
    println!("cargo::rerun-if-changed=src/page.rs");
    let source = Path::new(&std::env::var("CARGO_MANIFEST_DIR")?).join(SOURCE);
    let mut document: Value = serde_norway::from_str(&std::fs::read_to_string(source)?)?;
    // Relative to the document's URL (RFC 3986), so it is the deployment that serves it.
    document["servers"] = serde_norway::from_str("[{url: /}]")?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("openapi.json"), serde_json::to_string(&document)?)?;
    std::fs::write(out.join("docs.html"), page::page(&document))?;
    Ok(())
}
