use http::{HeaderName, HeaderValue};
use proptest::prelude::*;

use super::*;

fn headers(list: &[(&'static str, &str)]) -> HeaderMap {
    list.iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
        .collect()
}

fn validator(list: &[(&'static str, &str)]) -> Option<String> {
    Validator::of(&headers(list)).map(|validator| validator.as_str().to_owned())
}

const CHANGED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

#[test]
fn content_range_is_parsed_strictly() {
    let range = |first, last, total| Some(ContentRange { first, last, total });
    for (text, expected) in [
        ("bytes 0-9/10", range(0, 9, Some(10))),
        ("Bytes 0-9/10", range(0, 9, Some(10))),
        ("bytes 5-5/10", range(5, 5, Some(10))),
        ("bytes 0-9/*", range(0, 9, None)),
        (" bytes  0-9/10 ", range(0, 9, Some(10))),
        ("bytes 0-18446744073709551613/18446744073709551615", range(0, u64::MAX - 2, Some(u64::MAX))),
        ("bytes 0-18446744073709551615/*", None),
        ("bytes 0-9/9", None),
        ("bytes 9-0/10", None),
        ("bytes */10", None),
        ("bytes 0-9", None),
        ("bytes 0-/10", None),
        ("bytes -9/10", None),
        ("bytes +0-9/10", None),
        ("bytes 0 - 9/10", None),
        ("bytes 0-9/1e1", None),
        ("bytes 0-99999999999999999999/*", None),
        ("items 0-9/10", None),
        ("bytes=0-9/10", None),
        ("", None),
    ] {
        assert_eq!(ContentRange::parse(text), expected, "{text:?}");
    }
    let mut twice = headers(&[("content-range", "bytes 0-9/10")]);
    assert_eq!(ContentRange::of(&twice), range(0, 9, Some(10)));
    twice.append(CONTENT_RANGE, HeaderValue::from_static("bytes 0-9/10"));
    assert_eq!(ContentRange::of(&twice), None);
    assert!(range(0, 9, Some(10)).is_some_and(ContentRange::is_whole));
    for part in [range(0, 8, Some(10)), range(1, 9, Some(10)), range(0, 9, None)] {
        assert!(!part.is_some_and(ContentRange::is_whole));
    }
}

#[test]
fn only_strong_validators_are_used() {
    let long = format!("\"{}\"", "x".repeat(254));
    let too_long = format!("\"{}\"", "x".repeat(255));
    for (given, expected) in [
        (vec![("etag", "\"a\"")], Some("\"a\"")),
        (vec![("etag", "\"\"")], Some("\"\"")),
        (vec![("etag", long.as_str())], Some(long.as_str())),
        (vec![("etag", too_long.as_str())], None),
        (vec![("etag", "W/\"a\"")], None),
        (vec![("etag", "a")], None),
        (vec![("etag", "\"a\"b\"")], None),
        (vec![("etag", "\"")], None),
        (vec![], None),
        (vec![("last-modified", CHANGED)], None),
        (vec![("last-modified", CHANGED), ("date", CHANGED)], None),
        (vec![("last-modified", CHANGED), ("date", "Sun, 06 Nov 1994 08:50:36 GMT")], None),
        (vec![("last-modified", CHANGED), ("date", "Sun, 06 Nov 1994 08:50:37 GMT")], Some(CHANGED)),
        (vec![("last-modified", CHANGED), ("date", "Sun, 06 Nov 1994 08:00:00 GMT")], None),
        (vec![("last-modified", "yesterday"), ("date", CHANGED)], None),
        (
            vec![("etag", "W/\"a\""), ("last-modified", CHANGED), ("date", "Mon, 07 Nov 1994 08:49:37 GMT")],
            Some(CHANGED),
        ),
    ] {
        assert_eq!(validator(&given).as_deref(), expected, "{given:?}");
    }
}

#[test]
fn a_validator_matches_only_responses_of_its_version() {
    let tag = Validator::parse("\"a\"").unwrap();
    for (given, expected) in [
        (&[("etag", "\"a\"")][..], Some(true)),
        (&[("etag", "\"b\"")], Some(false)),
        (&[("etag", "W/\"a\"")], Some(false)),
        (&[], None),
        (&[("last-modified", CHANGED)], None),
    ] {
        assert_eq!(tag.is_of(&headers(given)), expected, "{given:?}");
    }
    let date = Validator::parse(CHANGED).unwrap();
    assert_eq!(date.is_of(&headers(&[("last-modified", CHANGED)])), Some(true));
    assert_eq!(date.is_of(&headers(&[("last-modified", "Sun, 06 Nov 1994 08:49:38 GMT")])), Some(false));
    assert_eq!((date.is_of(&headers(&[])), date.is_optional(), tag.is_optional()), (None, true, false));
    for wrong in ["", "a", "W/\"a\"", "\"\r\n\"", "tomorrow"] {
        assert_eq!(Validator::parse(wrong), None, "{wrong:?}");
    }
}

#[test]
fn retry_after_is_read_as_seconds_and_as_a_date() {
    let now = httpdate::parse_http_date(CHANGED).unwrap();
    for (value, seconds) in [
        ("120", Some(120)),
        (" 0 ", Some(0)),
        ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
        ("Sunday, 06-Nov-94 08:50:37 GMT", Some(60)),
        ("Sun Nov  6 08:50:37 1994", Some(60)),
        ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
    ] {
        assert_eq!(retry_after(value, now), seconds.map(Duration::from_secs), "{value:?}");
    }
}

proptest! {
    #[test]
    fn any_range_survives_a_round_trip(first in 0..u64::MAX / 2, more in 0..u64::MAX / 4, rest: u32) {
        let (last, total) = (first + more, first + more + 1 + u64::from(rest));
        let read = ContentRange::parse(&format!("bytes {first}-{last}/{total}"));
        prop_assert_eq!(read, Some(ContentRange { first, last, total: Some(total) }));
    }

    #[test]
    fn no_text_panics(text in "[ -~]{0,40}") {
        if let Some(range) = ContentRange::parse(&text) {
            prop_assert!(range.length() > 0);
        }
        retry_after(&text, SystemTime::UNIX_EPOCH);
    }
}
