//! JSON in records, compressed: ffprobe's complete output, which shrinks to a tenth, and long metadata.

use std::io::{self, Read, Write};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Maximum number of compressed bytes in a record. With the longest metadata and URL, the item stays below DynamoDB's 400 KB.
pub const MAX_INLINE_BYTES: usize = 256 * 1024;
/// Maximum number of bytes that are decompressed, above the size of any stored output.
const MAX_UNPACKED_BYTES: u64 = 64 * 1024 * 1024;

/// Compresses ffprobe's output.
///
/// # Errors
/// None for parsed JSON.
pub fn pack_probe(value: &serde_json::Value) -> io::Result<Vec<u8>> {
    pack(value)
}

/// Compresses the JSON of a value.
pub(crate) fn pack(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    serde_json::to_writer(&mut encoder, value)?;
    encoder.flush()?;
    encoder.finish()
}

/// Decompresses the output of [`pack_probe`].
///
/// # Errors
/// [`io::Error`]: the bytes are not such output.
pub fn unpack_probe(packed: &[u8]) -> io::Result<serde_json::Value> {
    unpack(packed)
}

/// Reads what [`pack`] wrote.
pub(crate) fn unpack<T: DeserializeOwned>(packed: &[u8]) -> io::Result<T> {
    Ok(serde_json::from_reader(GzDecoder::new(packed).take(MAX_UNPACKED_BYTES))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packed_output_survives_a_round_trip() {
        let value = serde_json::json!({"streams": [{"index": 0, "tags": {"title": "ü🎬"}}]});
        assert_eq!(unpack_probe(&pack_probe(&value).unwrap()).unwrap(), value);
        assert!(unpack_probe(b"nonsense").is_err());
    }
}
