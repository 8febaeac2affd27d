//! Classifies codecs (RFC 6381).

/// Prefixes of audio codecs in `CODECS` (RFC 6381).
const AUDIO_CODECS: [&str; 15] = [
    "mp4a", "ac-3", "ac-4", "ec-3", "opus", "flac", "alac", "mp3", "dts", "mha1", "mhm1", "vorbis", "iamf",
    "apac", "aac",
];
/// Prefixes of subtitle codecs in `CODECS` (RFC 6381).
const TEXT_CODECS: [&str; 4] = ["stpp", "wvtt", "tx3g", "sbtt"];

/// Returns whether a codec is one of audio.
#[must_use]
pub fn is_audio_codec(codec: &str) -> bool {
    has_prefix(codec, &AUDIO_CODECS)
}

/// Returns whether a codec is one of subtitles.
#[must_use]
pub fn is_text_codec(codec: &str) -> bool {
    has_prefix(codec, &TEXT_CODECS)
}

fn has_prefix(codec: &str, prefixes: &[&str]) -> bool {
    prefixes
        .iter()
        .any(|prefix| codec.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix)))
}
