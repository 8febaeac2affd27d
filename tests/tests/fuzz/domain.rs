//! Names, keys, times, media types.

use files_domain::{
    ApiKey, FileName, OwnerId, Timestamp, clean_content_type, file_object_key, parse_file_object_key,
};
use proptest::prelude::*;

use crate::nearly::{long, nearly, object_key, texts};

fn an_api_key() -> String {
    ApiKey::generate(OwnerId::named("press")).unwrap().reveal().to_owned()
}

proptest! {
    #![proptest_config(long())]

    #[test]
    fn a_name_is_clean_and_stays_so(
        raw in texts(&["clip.mp4", "../../etc/passwd", "ü\u{202e}4pm.exe", "C:\\a\\b.mov", &"long".repeat(90), " .x. "]),
    ) {
        if let Some(name) = FileName::clean(&raw) {
            let text = name.as_str();
            prop_assert!(!text.is_empty() && text.len() <= 255 && !text.trim_matches('.').is_empty());
            prop_assert!(!text.contains(['/', '\\']) && !text.chars().any(char::is_control));
        }
    }

    #[test]
    fn a_key_is_read_as_it_was_written_or_not_at_all(text in nearly(vec![an_api_key()])) {
        if let Some(key) = ApiKey::parse(&text) {
            prop_assert_eq!(key.reveal(), text.as_str());
            prop_assert!(!format!("{key:?}").contains(&text[20..]), "Debug shows the key");
        }
    }

    #[test]
    fn an_object_s_key_has_one_spelling(text in nearly(vec![object_key()])) {
        if let Ok((owner, id)) = parse_file_object_key(&text) {
            prop_assert_eq!(file_object_key(owner, id), text);
        }
    }

    #[test]
    fn a_time_is_read_as_it_is_written(
        text in texts(&["2026-11-23T18:36:59.784Z", "2026-11-23T18:36:59+02:00", "1970-01-01T00:00:00Z"]),
    ) {
        if let Some(time) = Timestamp::parse(&text) {
            prop_assert_eq!(Timestamp::parse(&time.to_string()), Some(time));
        }
    }

    #[test]
    fn a_media_type_is_a_harmless_header(
        text in texts(&["video/mp4", "text/html; charset=utf-8", "application/vnd.x+json;a=\"b;c\""]),
    ) {
        if let Some(clean) = clean_content_type(&text) {
            prop_assert!(clean.contains('/') && clean.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
            prop_assert_eq!(clean_content_type(&clean), Some(clean.clone()));
        }
    }
}
