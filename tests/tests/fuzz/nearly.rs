//! Nearly valid inputs: valid ones with some bytes changed, removed, repeated or inserted.

use files_domain::{FileId, OwnerId, Timestamp, file_object_key};
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

/// Returns one of the valid inputs after some edits.
pub(crate) fn nearly_bytes(good: Vec<String>) -> impl Strategy<Value = Vec<u8>> {
    (prop::sample::select(good), prop::collection::vec(edit(), 0..8)).prop_map(|(good, edits)| {
        let mut bytes = good.into_bytes();
        edits.iter().for_each(|edit| edit.apply(&mut bytes));
        bytes
    })
}

/// Returns nearly valid texts.
pub(crate) fn nearly(good: Vec<String>) -> impl Strategy<Value = String> {
    nearly_bytes(good).prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// Returns nearly valid texts from literals.
pub(crate) fn texts(good: &[&str]) -> impl Strategy<Value = String> {
    nearly(good.iter().map(ToString::to_string).collect())
}

/// Returns a file's id.
pub(crate) fn file_id() -> FileId {
    FileId::new(Timestamp::from_millis(1_700_000_000_000))
}

/// Returns a file's key in S3.
pub(crate) fn object_key() -> String {
    file_object_key(OwnerId::named("press"), file_id())
}

/// Returns the configuration of targets that take some seconds in total on an idle machine.
pub(crate) fn long() -> Config {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok());
    Config { cases: cases.unwrap_or(50_000), failure_persistence: None, ..Config::default() }
}
