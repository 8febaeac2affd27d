//! Streams as ffprobe describes them.

use serde_json::Value;

use crate::number::integer;

/// Returns whether a stream is of this kind: `video`, `audio`, `subtitle`, …
pub(crate) fn is(stream: &Value, codec_type: &str) -> bool {
    stream.get("codec_type").and_then(Value::as_str) == Some(codec_type)
}

/// Returns whether a stream is a picture attached to the file.
pub(crate) fn is_cover_art(stream: &Value) -> bool {
    integer(stream.get("disposition").and_then(|disposition| disposition.get("attached_pic"))) == Some(1)
}

/// Returns the name of a stream's codec, if ffprobe knows it.
pub(crate) fn codec(stream: &Value) -> Option<String> {
    let name = stream.get("codec_name").and_then(Value::as_str)?;
    (!name.is_empty() && name != "unknown" && name != "none").then(|| name.to_owned())
}
