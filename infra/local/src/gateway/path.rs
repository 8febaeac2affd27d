//! Decodes paths as an HTTP API does.

use percent_encoding::percent_decode_str;

/// Decodes a path to the form of `rawPath`, which routes match. Returns `None` for a path that the gateway refuses.
///
/// Unlike REST APIs and function URLs, HTTP APIs decode twice, and cut at a question mark that the first decoding revealed.
/// This is not documented; it was observed on AWS in July 2026 and published with the test data of
/// github.com/hotsock/voker (`vokerhttp/testdata/ingress-paths.json`), the source of the cases below.
/// Assumed: routes match the decoded path, and a refused path is a 400.
pub(super) fn decode(sent: &str) -> Option<String> {
    let once = percent_decode_str(sent).decode_utf8_lossy().into_owned();
    let cut = once.split('?').next().unwrap_or_default();
    well_formed(cut).then(|| percent_decode_str(cut).decode_utf8_lossy().into_owned())
}

/// Returns whether every percent sign begins an escape.
fn well_formed(path: &str) -> bool {
    let digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_hexdigit);
    let bytes = path.as_bytes();
    let escape = |index: usize| digit(bytes.get(index + 1)) && digit(bytes.get(index + 2));
    bytes.iter().enumerate().all(|(index, byte)| *byte != b'%' || escape(index))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_decoded_as_observed_on_aws() {
        for (sent, seen) in [
            ("/capture/plain", Some("/capture/plain")),
            ("/capture/space%20value", Some("/capture/space value")),
            ("/capture/question%3Fvalue", Some("/capture/question")),
            ("/capture/percent%25done", None),
            ("/capture/hash%23value", Some("/capture/hash#value")),
            ("/capture/slash%2Fvalue", Some("/capture/slash/value")),
            ("/capture/unicode-%CE%BB-%E4%B8%96%E7%95%8C", Some("/capture/unicode-λ-世界")),
            ("/capture/literal%252Fvalue", Some("/capture/literal/value")),
            ("/capture/literal%253Fvalue", Some("/capture/literal?value")),
            ("/capture/literal%2525value", Some("/capture/literal%value")),
        ] {
            assert_eq!(decode(sent).as_deref(), seen, "{sent}");
        }
    }
}
