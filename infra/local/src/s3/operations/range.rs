//! `Range` and `partNumber`: select bytes of an object.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html>

use std::ops::Range;

use http::StatusCode;
use s3s::S3ErrorCode;

use super::signed;
use crate::s3::checksums::{Checksum, Kind};
use crate::s3::fault::{Fault, Outcome};
use crate::s3::store::Found;

/// The selected bytes of an object.
#[derive(Debug)]
pub(super) struct Span {
    pub(super) bytes: Range<u64>,
    /// `Content-Range`, unless the whole object is selected.
    pub(super) content_range: Option<String>,
    /// The number of parts, if a part was requested.
    pub(super) parts: Option<i32>,
    /// The checksum of the selected bytes, if known.
    pub(super) checksum: Option<Checksum>,
}

/// Returns the requested bytes. A range that S3 does not understand is ignored.
///
/// # Errors
/// 416 `InvalidRange` or `InvalidPartNumber`; 400 for a number out of bounds, or for both a range and a number.
pub(super) fn span(found: &Found, range: Option<&str>, part: Option<i32>) -> Outcome<Span> {
    let size = found.object.size;
    if let Some(number) = part {
        if range.is_some() {
            let message = "Cannot specify both Range header and partNumber query parameter";
            return Err(Fault::new(S3ErrorCode::InvalidRequest, message));
        }
        return part_span(found, number);
    }
    let bytes = match range.and_then(ByteRange::parse) {
        Some(requested) => requested.within(size).map_err(|Unsatisfiable| {
            Fault::new(S3ErrorCode::InvalidRange, "The requested range is not satisfiable")
                .detail("RangeRequested", range.unwrap_or_default())
                .detail("ActualObjectSize", size)
        })?,
        None => None,
    };
    let content_range = bytes.as_ref().map(|bytes| content_range(bytes, size));
    let bytes = bytes.unwrap_or(0..size);
    // Clients would compare the checksum of the whole with a piece.
    let checksum = (bytes == (0..size)).then(|| found.object.checksum.clone());
    Ok(Span { bytes, content_range, parts: None, checksum })
}

fn part_span(found: &Found, number: i32) -> Outcome<Span> {
    check_number(number)?;
    let (object, segments) = (&found.object, &found.segments);
    let index = segments.iter().position(|segment| segment.number == number);
    let Some(index) = index else {
        let message = "The requested partnumber is not satisfiable";
        return Err(Fault::custom("InvalidPartNumber", StatusCode::RANGE_NOT_SATISFIABLE, message)
            .detail("PartNumberRequested", number)
            .detail("ActualPartCount", segments.len()));
    };
    let start: u64 = segments[..index].iter().map(|segment| segment.size).sum();
    let bytes = start..start + segments[index].size;
    let whole = object.checksum.clone();
    let checksum = match (&segments[index].checksum, whole.kind) {
        (Some(digest), Kind::Composite) => Some(Checksum { value: whole.algorithm.encode(digest), ..whole }),
        _ => (bytes == (0..object.size)).then_some(whole),
    };
    Ok(Span {
        content_range: (!bytes.is_empty()).then(|| content_range(&bytes, object.size)),
        bytes,
        parts: object.is_multipart().then(|| i32::try_from(segments.len()).unwrap_or(i32::MAX)),
        checksum,
    })
}

/// Refuses a number outside 1 to 10,000.
pub(super) fn check_number(number: i32) -> Outcome<()> {
    if (1..=10_000).contains(&number) {
        return Ok(());
    }
    let message = "Part number must be an integer between 1 and 10000, inclusive";
    Err(Fault::argument(message, "partNumber", number))
}

fn content_range(bytes: &Range<u64>, size: u64) -> String {
    format!("bytes {}-{}/{}", bytes.start, bytes.end - 1, signed(size))
}

/// One range of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ByteRange {
    From { first: u64, last: u64 },
    Last(u64),
}

/// The range contains no byte of the object.
#[derive(Debug, PartialEq, Eq)]
struct Unsatisfiable;

impl ByteRange {
    fn parse(header: &str) -> Option<Self> {
        let (first, last) = header.strip_prefix("bytes=")?.split_once('-')?;
        match (first, last) {
            ("", last) => Some(Self::Last(number(last)?)),
            (first, "") => Some(Self::From { first: number(first)?, last: u64::MAX }),
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                (first <= last).then_some(Self::From { first, last })
            }
        }
    }

    /// Returns the bytes within an object of this size; `None` for all of an empty one.
    fn within(self, size: u64) -> Result<Option<Range<u64>>, Unsatisfiable> {
        match self {
            Self::From { first, .. } if first >= size => Err(Unsatisfiable),
            Self::From { first, last } => Ok(Some(first..last.min(size - 1) + 1)),
            Self::Last(0) => Err(Unsatisfiable),
            Self::Last(_) if size == 0 => Ok(None),
            Self::Last(length) => Ok(Some(size - length.min(size)..size)),
        }
    }
}

/// Parses digits; a number that overflows becomes the largest one.
fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn within(header: &str, size: u64) -> Result<Option<Range<u64>>, Unsatisfiable> {
        ByteRange::parse(header).unwrap().within(size)
    }

    #[test]
    fn ranges_are_cut_to_the_object() {
        for (header, expected) in [
            ("bytes=0-0", 0..1),
            ("bytes=4-", 4..10),
            ("bytes=4-99", 4..10),
            ("bytes=4-99999999999999999999", 4..10),
            ("bytes=-3", 7..10),
            ("bytes=-99", 0..10),
            ("bytes=-99999999999999999999", 0..10),
        ] {
            assert_eq!(within(header, 10), Ok(Some(expected)), "{header}");
        }
        assert_eq!(within("bytes=-1", 0), Ok(None));
    }

    #[test]
    fn ranges_outside_are_refused() {
        for (header, size) in [
            ("bytes=10-", 10),
            ("bytes=99999999999999999999-", 10),
            ("bytes=-0", 10),
            ("bytes=0-", 0),
            ("bytes=-0", 0),
        ] {
            assert_eq!(within(header, size), Err(Unsatisfiable), "{header}");
        }
    }

    #[test]
    fn an_invalid_range_is_ignored() {
        for header in [
            "bytes=-",
            "bytes=",
            "bytes",
            "bytes=1-0",
            "bytes=-1-",
            "bytes=0--1",
            "bytes=0-1,4-5",
            "test",
            "lines=0-1",
            "bytes=+1-2",
            "bytes=1 - 2",
            "bytes=a-b",
            "",
        ] {
            assert_eq!(ByteRange::parse(header), None, "{header}");
        }
    }
}
