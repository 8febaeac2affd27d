use std::io::Write;

use anyhow::Result;
use files_domain::ApiKey;
use serde_json::json;

/// Shows a new key, with its id.
pub(crate) fn show(key: &ApiKey, json: bool, out: &mut impl Write) -> Result<()> {
    let (id, key) = (key.hash().id(), key.reveal());
    if json {
        writeln!(out, "{}", json!({"id": id.to_string(), "key": key}))?;
    } else {
        writeln!(out, "{key}\n\nKeep it: it is stored nowhere and cannot be shown again. Its id is {id}.")?;
    }
    Ok(())
}
