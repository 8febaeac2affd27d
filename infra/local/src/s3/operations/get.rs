//! Reading one object.

use std::ops::Range;
use std::sync::Arc;

use http::StatusCode;
use s3s::dto::{self, GetObjectInput, GetObjectOutput, HeadObjectInput, HeadObjectOutput};
use s3s::{S3ErrorCode, S3Response};

use super::conditions::{self, missing};
use super::{encrypted, etag, not_implemented, signed};
use crate::s3::checksums::{Algorithm, set_checksum};
use crate::s3::fault::{Fault, Outcome};
use crate::s3::index::objects::Object;
use crate::s3::read::read;
use crate::s3::store::{Found, Store};

/// What of an object is wanted.
struct Span {
    bytes: Range<u64>,
    /// `Content-Range`, unless the whole was asked for.
    content_range: Option<String>,
}

/// The fields that the inputs of both operations share.
macro_rules! find {
    ($store:expr, $input:expr) => {{
        let input = &$input;
        let unsupported = input.part_number.is_some() || input.sse_customer_algorithm.is_some();
        let conditions = conditions::Read {
            if_match: input.if_match.as_ref(),
            if_none_match: input.if_none_match.as_ref(),
            if_modified_since: input.if_modified_since.as_ref(),
            if_unmodified_since: input.if_unmodified_since.as_ref(),
        };
        let location =
            Location { bucket: &input.bucket, key: &input.key, version: input.version_id.as_deref() };
        find($store, location, unsupported, &conditions, input.range).await
    }};
}

/// The fields that the outputs of both operations share.
macro_rules! describe {
    ($output:expr, $input:expr, $object:expr, $span:expr) => {{
        let (output, input, object, span): (&mut _, _, &Object, &Span) =
            (&mut $output, $input, $object, &$span);
        let headers = object.headers.clone();
        output.accept_ranges = Some("bytes".to_owned());
        output.content_length = Some(signed(span.bytes.end - span.bytes.start));
        output.content_range = span.content_range.clone();
        output.e_tag = Some(etag(&object.etag));
        output.last_modified = Some(object.modified.into());
        output.server_side_encryption = Some(encrypted());
        output.metadata = headers.metadata;
        output.content_type = input.response_content_type.or(headers.content_type);
        output.cache_control = input.response_cache_control.or(headers.cache_control);
        output.content_disposition = input.response_content_disposition.or(headers.content_disposition);
        output.content_encoding = input.response_content_encoding.or(headers.content_encoding);
        output.content_language = input.response_content_language.or(headers.content_language);
        output.expires = input.response_expires.or(headers.expires);
        // The checksum of the whole says nothing of a piece, and clients would check it.
        let is_whole = span.bytes == (0..object.size);
        if is_whole && input.checksum_mode.is_some_and(|mode| mode.as_str() == dto::ChecksumMode::ENABLED) {
            let checksum = object.checksum.clone();
            set_checksum!(output, checksum.algorithm, checksum.value);
            output.checksum_type = Some(dto::ChecksumType::from_static(checksum.kind.name()));
        }
    }};
}

pub(super) async fn get_object(store: &Arc<Store>, input: GetObjectInput) -> Outcome<GetObjectOutput> {
    let (found, span) = find!(store, input)?;
    let mut output = GetObjectOutput::default();
    describe!(output, input, &found.object, span);
    output.body = Some(read(found, span.bytes));
    Ok(output)
}

pub(super) async fn head_object(
    store: &Arc<Store>,
    input: HeadObjectInput,
) -> Outcome<S3Response<HeadObjectOutput>> {
    let (found, span) = find!(store, input)?;
    let mut output = HeadObjectOutput::default();
    describe!(output, input, &found.object, span);
    let status = span.content_range.as_ref().map_or(StatusCode::OK, |_| StatusCode::PARTIAL_CONTENT);
    Ok(S3Response::with_status(output, status))
}

/// Which object is meant.
struct Location<'request> {
    bucket: &'request str,
    key: &'request str,
    version: Option<&'request str>,
}

async fn find(
    store: &Arc<Store>,
    location: Location<'_>,
    unsupported: bool,
    conditions: &conditions::Read<'_>,
    range: Option<dto::Range>,
) -> Outcome<(Found, Span)> {
    store.check_bucket(location.bucket)?;
    if unsupported {
        return Err(not_implemented());
    }
    if location.version.is_some_and(|version| version != "null") {
        return Err(Fault::new(S3ErrorCode::NoSuchVersion, "The specified version does not exist."));
    }
    let found = store.find(location.key.to_owned()).await?.ok_or_else(missing)?;
    conditions.check(&found.object)?;
    let span = span(range, found.object.size)?;
    Ok((found, span))
}

fn span(range: Option<dto::Range>, size: u64) -> Outcome<Span> {
    let Some(range) = range else {
        return Ok(Span { bytes: 0..size, content_range: None });
    };
    let satisfiable = range.check(size).ok().filter(|bytes| !bytes.is_empty());
    let Some(bytes) = satisfiable else {
        return Err(Fault::new(S3ErrorCode::InvalidRange, "The requested range is not satisfiable"));
    };
    let content_range = format!("bytes {}-{}/{size}", bytes.start, bytes.end - 1);
    Ok(Span { bytes, content_range: Some(content_range) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content_range(header: &str, size: u64) -> Option<String> {
        span(Some(dto::Range::parse(header).unwrap()), size).ok()?.content_range
    }

    #[test]
    fn ranges_are_cut_to_the_object() {
        assert_eq!(content_range("bytes=0-0", 10).unwrap(), "bytes 0-0/10");
        assert_eq!(content_range("bytes=4-", 10).unwrap(), "bytes 4-9/10");
        assert_eq!(content_range("bytes=4-99", 10).unwrap(), "bytes 4-9/10");
        assert_eq!(content_range("bytes=-3", 10).unwrap(), "bytes 7-9/10");
        assert_eq!(content_range("bytes=-99", 10).unwrap(), "bytes 0-9/10");
    }

    #[test]
    fn ranges_outside_are_refused() {
        assert!(content_range("bytes=10-", 10).is_none());
        assert!(content_range("bytes=-0", 10).is_none());
        assert!(content_range("bytes=0-", 0).is_none());
        assert!(content_range("bytes=-1", 0).is_none());
    }
}
