//! Splits a `multipart` body into its parts (RFC 2046, section 5.1). The body is in memory, so parts are slices of it.

use bytes::Bytes;
use header_params::FieldValue;

/// Maximum number of header fields of one part.
const MAX_FIELDS: usize = 32;
/// Longest name of a header field, in bytes.
const MAX_NAME_BYTES: usize = 256;
/// Longest accepted boundary, in bytes. RFC 2046 allows 70; some clients generate longer ones.
const MAX_BOUNDARY_BYTES: usize = 200;

/// A part, with its header fields and its content.
pub(crate) struct Part {
    headers: Vec<(String, Vec<u8>)>,
    /// The content, a slice of the body.
    pub(crate) content: Bytes,
}

impl Part {
    /// Returns a header field of the part. `wanted` must be in lower case.
    pub(crate) fn header(&self, wanted: &str) -> Option<&[u8]> {
        self.headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_slice())
    }

    /// Returns the value and parameters of a header field.
    pub(crate) fn field(&self, wanted: &str) -> FieldValue {
        FieldValue::parse(self.header(wanted).unwrap_or_default())
    }
}

/// The error of a body that cannot be split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MultipartError {
    #[error("Content-Type has no boundary: leave the header to the HTTP client, which sets it with the form")]
    NoBoundary,
    #[error("Content-Type has more than one boundary")]
    TwoBoundaries,
    #[error("the boundary in Content-Type must be 1 to 200 visible ASCII characters")]
    BadBoundary,
    #[error("the boundary of Content-Type does not occur in the body")]
    NoPart,
    #[error("the form ends in the middle of a part: the closing boundary is missing")]
    CutOff,
    #[error("a part has more than 32 header fields")]
    TooManyHeaders,
    #[error("a header field of a part has no name of at most 256 bytes before a colon")]
    BadHeader,
}

/// Returns the boundary in a `Content-Type`.
///
/// # Errors
/// [`MultipartError::NoBoundary`], [`MultipartError::TwoBoundaries`], [`MultipartError::BadBoundary`].
pub(crate) fn boundary(content_type: &FieldValue) -> Result<Vec<u8>, MultipartError> {
    let mut all = content_type.all("boundary");
    let boundary = all.next().ok_or(MultipartError::NoBoundary)?;
    if all.next().is_some() {
        return Err(MultipartError::TwoBoundaries);
    }
    let is_good = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
    let fits = (1..=MAX_BOUNDARY_BYTES).contains(&boundary.len());
    if !fits || !boundary.iter().all(is_good) || boundary.ends_with(b" ") {
        return Err(MultipartError::BadBoundary);
    }
    Ok(boundary.to_vec())
}

/// The parts of a body, in order.
pub(crate) struct Parts {
    body: Bytes,
    delimiter: Vec<u8>,
    /// Position of the next part's header fields; `None` after the closing delimiter.
    next: Option<usize>,
}

impl Parts {
    /// Finds the first part. Skips the preamble before it.
    ///
    /// # Errors
    /// [`MultipartError::NoPart`].
    pub(crate) fn new(body: Bytes, boundary: &[u8]) -> Result<Self, MultipartError> {
        let delimiter = [b"\r\n--", boundary].concat();
        let mut parts = Self { body, delimiter, next: None };
        let opening = parts.delimiter_at(0, true).ok_or(MultipartError::NoPart)?;
        parts.next = opening.after;
        Ok(parts)
    }

    /// Returns the next part, or `None` after the last one.
    ///
    /// # Errors
    /// [`MultipartError`]: the body is truncated, or header fields are malformed.
    pub(crate) fn next(&mut self) -> Result<Option<Part>, MultipartError> {
        let Some(start) = self.next else { return Ok(None) };
        let (headers, content) = self.headers(start)?;
        let end = self.delimiter_at(content, false).ok_or(MultipartError::CutOff)?;
        self.next = end.after;
        Ok(Some(Part { headers, content: self.body.slice(content.min(end.at)..end.at) }))
    }

    /// Finds the next delimiter from `from` on. The first one of a body may be at its start, and one after empty content shares its line
    /// end with the header fields.
    fn delimiter_at(&self, from: usize, first: bool) -> Option<Delimiter> {
        let at_start = if first { 0 } else { from.checked_sub(2)? };
        let dashes = if first { &self.delimiter[2..] } else { &self.delimiter[..] };
        if self.body[at_start..].starts_with(dashes)
            && let Some(after) = self.line_after(at_start + dashes.len())
        {
            return Some(Delimiter { at: at_start, after: after.0 });
        }
        let mut search = from;
        while let Some(found) = find(&self.body[search..], &self.delimiter) {
            let at = search + found;
            if let Some(after) = self.line_after(at + self.delimiter.len()) {
                return Some(Delimiter { at, after: after.0 });
            }
            search = at + 1;
        }
        None
    }

    /// Returns what follows a delimiter's boundary: two dashes at the end, or blanks and a line end before a part. `None`: it is not a
    /// delimiter, but content that begins with the boundary.
    fn line_after(&self, position: usize) -> Option<After> {
        let rest = &self.body[position..];
        if rest.starts_with(b"--") {
            return Some(After(None));
        }
        let blanks = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        rest[blanks..].starts_with(b"\r\n").then_some(After(Some(position + blanks + 2)))
    }

    /// Reads header fields from `start` on. Returns them and the position of the content.
    fn headers(&self, start: usize) -> Result<(Headers, usize), MultipartError> {
        let rest = &self.body[start..];
        if rest.starts_with(b"\r\n") {
            return Ok((Vec::new(), start + 2));
        }
        let length = find(rest, b"\r\n\r\n").ok_or(MultipartError::CutOff)?;
        Ok((header_fields(&rest[..length])?, start + length + 4))
    }
}

type Headers = Vec<(String, Vec<u8>)>;

/// The position of a delimiter, including the line end before it, and that of the part after it.
struct Delimiter {
    at: usize,
    after: Option<usize>,
}

struct After(Option<usize>);

/// Splits header fields. A line that begins with a blank continues the previous one (RFC 5322, section 2.2.3).
fn header_fields(block: &[u8]) -> Result<Headers, MultipartError> {
    let mut fields: Headers = Vec::new();
    let mut rest = block;
    while !rest.is_empty() {
        let end = find(rest, b"\r\n").unwrap_or(rest.len());
        let line = &rest[..end];
        rest = rest.get(end + 2..).unwrap_or_default();
        if matches!(line.first(), Some(b' ' | b'\t'))
            && let Some((_, value)) = fields.last_mut()
        {
            value.push(b' ');
            value.extend_from_slice(line.trim_ascii());
            continue;
        }
        if fields.len() == MAX_FIELDS {
            return Err(MultipartError::TooManyHeaders);
        }
        let searched = &line[..line.len().min(MAX_NAME_BYTES + 1)];
        let colon = searched.iter().position(|byte| *byte == b':').ok_or(MultipartError::BadHeader)?;
        let name = String::from_utf8_lossy(line[..colon].trim_ascii()).to_ascii_lowercase();
        fields.push((name, line[colon + 1..].trim_ascii().to_vec()));
    }
    Ok(fields)
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    memchr::memmem::find(haystack, needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(body: &str) -> Result<Vec<(String, String)>, MultipartError> {
        let mut parts = Parts::new(Bytes::from(body.to_owned()), b"B")?;
        let mut read = Vec::new();
        while let Some(part) = parts.next()? {
            let disposition = part.header("content-disposition").unwrap_or_default();
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            read.push((text(disposition), text(&part.content)));
        }
        Ok(read)
    }

    fn one(disposition: &str, content: &str) -> Result<Vec<(String, String)>, MultipartError> {
        Ok(vec![(disposition.to_owned(), content.to_owned())])
    }

    #[test]
    fn bodies_are_split_according_to_rfc_2046() {
        for (body, expected) in [
            ("--B\r\nContent-Disposition: a\r\n\r\nx\r\n--B--\r\n", one("a", "x")),
            ("--B\r\ncontent-disposition:a\r\n\r\nx\r\n--B--", one("a", "x")),
            ("preamble\r\n--B\r\nContent-Disposition: a\r\n\r\nx\r\n--B--\r\nepilogue", one("a", "x")),
            ("\r\n--B\r\nContent-Disposition: a\r\n\r\nx\r\n--B--", one("a", "x")),
            ("--B \t\r\nContent-Disposition: a\r\n\r\nx\r\n--B--", one("a", "x")),
            ("--B\r\nContent-Disposition: a;\r\n b=c\r\n\r\nx\r\n--B--", one("a; b=c", "x")),
            ("--B\r\nContent-Disposition: a\r\n\r\n\r\n--B--", one("a", "")),
            ("--B\r\nContent-Disposition: a\r\n\r\n--B--", one("a", "")),
            ("--B\r\nContent-Disposition: a\r\n\r\nx\r\n--Bx\r\n--B--", one("a", "x\r\n--Bx")),
            ("--B\r\nContent-Disposition: a\r\n\r\nx\r\n\r\n--B--", one("a", "x\r\n")),
            ("--B\r\n\r\nx\r\n--B--", one("", "x")),
            ("--B--\r\n", Ok(Vec::new())),
            ("", Err(MultipartError::NoPart)),
            ("--C\r\n\r\nx\r\n--C--", Err(MultipartError::NoPart)),
            ("--B\r\nContent-Disposition: a\r\n\r\nx", Err(MultipartError::CutOff)),
            ("--B\r\nContent-Disposition: a\r\n\r\nx\r\n--B", Err(MultipartError::CutOff)),
            ("--B\r\nContent-Disposition: a\r\n", Err(MultipartError::CutOff)),
            ("--B\r\nno colon\r\n\r\nx\r\n--B--", Err(MultipartError::BadHeader)),
        ] {
            assert_eq!(parts(body), expected, "{body:?}");
        }
        let long = format!("--B\r\n{}: a\r\n\r\nx\r\n--B--", "a".repeat(MAX_NAME_BYTES + 1));
        assert_eq!(parts(&long), Err(MultipartError::BadHeader));
        let many = format!("--B\r\n{}\r\nx\r\n--B--", "A: a\r\n".repeat(MAX_FIELDS + 1));
        assert_eq!(parts(&many), Err(MultipartError::TooManyHeaders));
    }

    #[test]
    fn a_boundary_must_be_single_and_of_visible_characters() {
        let read = |field: &str| boundary(&FieldValue::parse(field.as_bytes()));
        for (field, expected) in [
            ("multipart/form-data; boundary=B", Ok(b"B".to_vec())),
            ("multipart/form-data; BOUNDARY=\"a b:c\"", Ok(b"a b:c".to_vec())),
            ("multipart/form-data; charset=utf-8; boundary=a/b=c", Ok(b"a/b=c".to_vec())),
            ("multipart/form-data", Err(MultipartError::NoBoundary)),
            ("multipart/form-data; boundary=", Err(MultipartError::BadBoundary)),
            ("multipart/form-data; boundary=\"a \"", Err(MultipartError::BadBoundary)),
            ("multipart/form-data; boundary=\"grün\"", Err(MultipartError::BadBoundary)),
            ("multipart/form-data; boundary=a; boundary=b", Err(MultipartError::TwoBoundaries)),
        ] {
            assert_eq!(read(field), expected, "{field}");
        }
    }
}
