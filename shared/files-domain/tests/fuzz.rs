//! Fuzz targets: what reads text that a client or a queue sends. The inputs are nearly right: good ones, some bytes of
//! which are changed, left out, repeated or put in. A failure prints the input and the seed that gives it again
//! (`PROPTEST_CASES=N` runs longer).

#![allow(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

use files_domain::{
    ApiKey, FileId, FileName, OwnerId, Timestamp, clean_content_type, file_object_key, parse_file_object_key,
};
use proptest::prelude::*;
use proptest::test_runner::Config;

#[derive(Debug, Clone)]
enum Edit {
    Change(u16, u8),
    Remove(u16),
    Insert(u16, char),
    Repeat(u16, u8),
    Cut(u16),
}

impl Edit {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let end = bytes.len() + 1;
        let place = |at: &u16| usize::from(*at) % end;
        match self {
            Self::Change(at, byte) => {
                if let Some(there) = bytes.get_mut(place(at)) {
                    *there = *byte;
                }
            }
            Self::Remove(at) if place(at) < bytes.len() => drop(bytes.remove(place(at))),
            Self::Remove(_) => {}
            Self::Insert(at, text) => drop(bytes.splice(place(at)..place(at), text.to_string().bytes())),
            Self::Repeat(at, length) => {
                let from = place(at);
                let part = bytes[from..bytes.len().min(from + usize::from(*length))].to_vec();
                drop(bytes.splice(from..from, part));
            }
            Self::Cut(at) => bytes.truncate(place(at)),
        }
    }
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        any::<(u16, u8)>().prop_map(|(at, byte)| Edit::Change(at, byte)),
        any::<u16>().prop_map(Edit::Remove),
        any::<(u16, char)>().prop_map(|(at, text)| Edit::Insert(at, text)),
        any::<(u16, u8)>().prop_map(|(at, length)| Edit::Repeat(at, length)),
        any::<u16>().prop_map(Edit::Cut),
    ]
}

/// One of the good inputs, after some edits.
fn nearly(good: Vec<String>) -> impl Strategy<Value = String> {
    (prop::sample::select(good), prop::collection::vec(edit(), 0..8)).prop_map(|(good, edits)| {
        let mut bytes = good.into_bytes();
        edits.iter().for_each(|edit| edit.apply(&mut bytes));
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn texts(good: &[&str]) -> impl Strategy<Value = String> {
    nearly(good.iter().map(ToString::to_string).collect())
}

fn object_key() -> String {
    file_object_key(OwnerId::named("press"), FileId::new(Timestamp::from_millis(1_700_000_000_000)))
}

fn an_api_key() -> String {
    ApiKey::generate(OwnerId::named("press")).unwrap().reveal().to_owned()
}

/// Some seconds in all, on an idle machine.
fn long() -> Config {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok());
    Config { cases: cases.unwrap_or(50_000), failure_persistence: None, ..Config::default() }
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
            prop_assert!(!format!("{key:?}").contains(&text[20..]), "it is shown");
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
