use crate::{FieldValue, encoded_word};

/// Returns the file name of a `Content-Disposition` field: `filename*` if it is valid, otherwise `filename`. Decodes encoded
/// words (RFC 2047). The name is untrusted and may contain paths and control characters.
#[must_use]
pub fn file_name(field: &[u8]) -> Option<String> {
    FieldValue::parse(field).extended("filename").map(encoded_word::decode).filter(|name| !name.is_empty())
}

#[cfg(test)]
#[path = "file_name_tests.rs"]
mod tests;
