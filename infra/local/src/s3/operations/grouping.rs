//! Lists keys; keys with a common prefix up to a delimiter are grouped.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-prefixes.html>

use rusqlite::Connection;

use crate::s3::fault::Outcome;
use crate::s3::index::objects::{self, Object, Start};

/// One page of a list.
#[derive(Default)]
pub(super) struct Listing {
    pub(super) objects: Vec<Object>,
    /// The common prefixes of the groups, including the delimiter.
    pub(super) prefixes: Vec<String>,
    /// The first key that did not fit.
    pub(super) next: Option<String>,
}

impl Listing {
    fn len(&self) -> i32 {
        i32::try_from(self.objects.len() + self.prefixes.len()).unwrap_or(i32::MAX)
    }
}

/// Lists at most `limit` objects and groups whose keys start with `prefix`. A limit of 0 has no next page.
pub(super) fn list(
    index: &Connection,
    prefix: &str,
    delimiter: Option<&str>,
    mut start: Start,
    limit: i32,
) -> Outcome<Listing> {
    let mut listing = Listing::default();
    loop {
        let room = i64::from(limit - listing.len());
        let rows = objects::list(index, prefix, &start, room + 1)?;
        let mut group = None;
        for object in rows {
            if listing.len() == limit {
                listing.next = Some(object.key).filter(|_| limit > 0);
                return Ok(listing);
            }
            group = delimiter.and_then(|delimiter| common_prefix(&object.key, prefix, delimiter));
            match &group {
                Some(_) => break,
                None => listing.objects.push(object),
            }
        }
        // Skips the rest of a group without reading it.
        let Some(found) = group else { return Ok(listing) };
        let after = successor(&found);
        listing.prefixes.push(found);
        match after {
            Some(key) => start = Start::At(key),
            None => return Ok(listing),
        }
    }
}

/// Returns a key up to the first delimiter after the prefix, including it.
fn common_prefix(key: &str, prefix: &str, delimiter: &str) -> Option<String> {
    let end = prefix.len() + key.strip_prefix(prefix)?.find(delimiter)? + delimiter.len();
    Some(key[..end].to_owned())
}

/// Returns the smallest text greater than all that start with `prefix`, in the order of code points, which is that of UTF-8.
fn successor(prefix: &str) -> Option<String> {
    let mut kept = prefix.to_owned();
    while let Some(last) = kept.pop() {
        if let Some(next) = (u32::from(last) + 1..=u32::from(char::MAX)).find_map(char::from_u32) {
            kept.push(next);
            return Some(kept);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_end_with_the_delimiter() {
        assert_eq!(common_prefix("a/b/c", "", "/").unwrap(), "a/");
        assert_eq!(common_prefix("a/b/c", "a/", "/").unwrap(), "a/b/");
        assert_eq!(common_prefix("aüüb", "a", "üü").unwrap(), "aüü");
        assert_eq!(common_prefix("a/b", "a/b", "/"), None);
    }

    #[test]
    fn a_successor_sorts_after_all_keys_with_the_prefix() {
        assert_eq!(successor("a/").unwrap(), "a0");
        assert_eq!(successor("a\u{D7FF}").unwrap(), "a\u{E000}");
        assert_eq!(successor("a\u{10FFFF}\u{10FFFF}").unwrap(), "b");
        assert_eq!(successor("\u{10FFFF}"), None);
        assert!("a/\u{10FFFF}\u{10FFFF}" < successor("a/").unwrap().as_str());
    }
}
