/// Longest media type, in bytes: the limit of RFC 6838, section 4.2, for one name, applied to the whole.
const MAX_BYTES: usize = 127;

/// Returns a media type in the form in which it is stored and compared: `type/subtype` in lower case, without parameters.
/// `None`: the text is not a media type (RFC 9110, section 8.3.1).
#[must_use]
pub fn clean_content_type(text: &str) -> Option<String> {
    let essence = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let token =
        |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b));
    let typed = essence.split_once('/').is_some_and(|(kind, sub)| token(kind) && token(sub));
    (typed && essence.len() <= MAX_BYTES).then_some(essence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_media_type_is_normalized_and_an_ambiguous_one_rejected() {
        assert_eq!(clean_content_type(" Video/MP4; codecs=avc1 ").as_deref(), Some("video/mp4"));
        assert_eq!(clean_content_type("video/mp4;x=y,text/html").as_deref(), Some("video/mp4"));
        assert_eq!(clean_content_type("image/svg+xml").as_deref(), Some("image/svg+xml"));
        let long = format!("video/{}", "x".repeat(121));
        assert_eq!(clean_content_type(&long).as_deref(), Some(long.as_str()));
        for wrong in [
            "",
            "video",
            "video/",
            "/mp4",
            "video/mp4,text/html",
            "a/b\r\nx: y",
            "a/b/c",
            &format!("{long}x"),
        ] {
            assert_eq!(clean_content_type(wrong), None, "{wrong:?}");
        }
    }
}
