//! Language tags.

/// The tag of an unknown language (RFC 5646, section 4.1).
pub(crate) const UNKNOWN_LANGUAGE: &str = "und";
/// Length in bytes that every implementation accepts (RFC 5646, section 4.4.1).
const MAX_BYTES: usize = 35;

/// Returns a tag as BCP 47 spells it, or `None` if it is not well-formed. Reads `_` as `-`, which some sites write. Does not know which
/// subtags are registered: RFC 5646, section 2.2.9. A language of four or more letters is none, because none is registered; sites write
/// names in this place.
pub(crate) fn language_tag(text: &str) -> Option<String> {
    let text = text.trim().replace('_', "-");
    if text.len() > MAX_BYTES {
        return None;
    }
    let mut subtags = text.split('-');
    let language = subtags.next().filter(|language| is_language(language))?;
    let mut tag = language.to_ascii_lowercase();
    let mut after_singleton = false;
    for subtag in subtags {
        if !is_subtag(subtag) {
            return None;
        }
        tag.push('-');
        tag.push_str(&if after_singleton { subtag.to_ascii_lowercase() } else { spelled(subtag) });
        after_singleton |= subtag.len() == 1;
    }
    let ends_with_singleton = tag.as_bytes().iter().nth_back(1) == Some(&b'-');
    (!ends_with_singleton).then_some(tag)
}

fn is_language(text: &str) -> bool {
    (2..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphabetic())
}

fn is_subtag(text: &str) -> bool {
    (1..=8).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Returns a subtag in its recommended case (RFC 5646, section 2.1.1): `DE`, `Latn`, `variant`.
fn spelled(subtag: &str) -> String {
    match subtag.len() {
        2 => subtag.to_ascii_uppercase(),
        4 => subtag[..1].to_ascii_uppercase() + &subtag[1..].to_ascii_lowercase(),
        _ => subtag.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn well_formed_tags_are_spelled_as_recommended() {
        for (text, tag) in [
            ("en", "en"),
            ("EN-us", "en-US"),
            (" pt_br ", "pt-BR"),
            ("ZH-HANT-tw", "zh-Hant-TW"),
            ("es-419", "es-419"),
            ("sl-Rozaj-1994", "sl-rozaj-1994"),
            ("de-X-US-Latn", "de-x-us-latn"),
            ("cmn", "cmn"),
        ] {
            assert_eq!(language_tag(text).as_deref(), Some(tag), "{text}");
        }
    }

    #[test]
    fn other_texts_are_none() {
        let long = format!("en-{}", "abcdefgh-".repeat(4));
        for text in [
            "",
            " ",
            "-",
            "e",
            "English",
            "x-a",
            "en-",
            "en--us",
            "en-x",
            "en-abcdefghi",
            "en us",
            "én",
            "e1",
            &long,
        ] {
            assert_eq!(language_tag(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_tag_is_short_ascii_and_stays_as_it_is(
            text in "\\PC{0,12}|[A-Za-z]{2,3}([_-][A-Za-z0-9]{1,8}){0,5}",
        ) {
            if let Some(tag) = language_tag(&text) {
                prop_assert!(tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'));
                prop_assert!(tag.len() <= MAX_BYTES);
                prop_assert_eq!(language_tag(&tag), Some(tag.clone()));
            }
        }
    }
}
