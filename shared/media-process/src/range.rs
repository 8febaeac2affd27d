//! The `Range` header, as far as one client needs it: a single range of bytes.

/// The bytes that a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteRange {
    /// All bytes: there is no valid `Range` header (RFC 9110, section 14.2, lets a server ignore an invalid one).
    Whole,
    /// `start..end`, end exclusive, not empty, within the size.
    Part {
        /// The first byte.
        start: u64,
        /// After the last byte.
        end: u64,
    },
    /// A range outside of the file.
    Unsatisfiable,
}

/// Parses a `Range` header's value for a file of `size` bytes.
#[must_use]
pub fn parse(header: Option<&str>, size: u64) -> ByteRange {
    let Some((first, last)) =
        header.and_then(|value| value.strip_prefix("bytes=")).and_then(|v| v.split_once('-'))
    else {
        return ByteRange::Whole;
    };
    match (number(first), number(last)) {
        (Some(start), None) if last.is_empty() => part(start, size, size),
        (Some(start), Some(last)) if start <= last => part(start, last.saturating_add(1), size),
        (None, Some(count)) if first.is_empty() => part(size.saturating_sub(count), size, size),
        _ => ByteRange::Whole,
    }
}

fn part(start: u64, end: u64, size: u64) -> ByteRange {
    if start < size { ByteRange::Part { start, end: end.min(size) } } else { ByteRange::Unsatisfiable }
}

/// Digits only: `parse` alone would take a sign.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_form_of_a_single_range() {
        let cases = [
            (None, ByteRange::Whole),
            (Some("bytes=0-"), ByteRange::Part { start: 0, end: 100 }),
            (Some("bytes=10-19"), ByteRange::Part { start: 10, end: 20 }),
            (Some("bytes=10-1000"), ByteRange::Part { start: 10, end: 100 }),
            (Some("bytes=99-"), ByteRange::Part { start: 99, end: 100 }),
            (Some("bytes=0-18446744073709551615"), ByteRange::Part { start: 0, end: 100 }),
            (Some("bytes=-5"), ByteRange::Part { start: 95, end: 100 }),
            (Some("bytes=-500"), ByteRange::Part { start: 0, end: 100 }),
            (Some("bytes=-0"), ByteRange::Unsatisfiable),
            (Some("bytes=100-"), ByteRange::Unsatisfiable),
            (Some("bytes=100-200"), ByteRange::Unsatisfiable),
        ];
        for (header, expected) in cases {
            assert_eq!(parse(header, 100), expected, "{header:?}");
        }
    }

    #[test]
    fn ignores_invalid_headers() {
        for header in
            ["bytes=", "bytes=-", "bytes=5-2", "bytes=+1-2", "bytes=1-2,4-5", "items=1-2", "bytes=x-", "1-2"]
        {
            assert_eq!(parse(Some(header), 100), ByteRange::Whole, "{header}");
        }
        assert_eq!(parse(Some("bytes=99999999999999999999-"), 100), ByteRange::Whole);
    }

    #[test]
    fn no_range_of_an_empty_file_is_satisfiable() {
        assert_eq!(parse(Some("bytes=0-"), 0), ByteRange::Unsatisfiable);
        assert_eq!(parse(Some("bytes=-1"), 0), ByteRange::Unsatisfiable);
    }
}
