//! Reads one object.

use std::sync::Arc;

use http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE, HeaderName,
};
use http::{HeaderMap, HeaderValue};
use s3s::dto::{self, GetObjectInput, GetObjectOutput, HeadObjectInput, HeadObjectOutput};
use s3s::{S3ErrorCode, S3Request, S3Response};

use super::conditions::{self, missing};
use super::range::{Span, span};
use super::{check_version, encrypted, etag, not_implemented, signed};
use crate::s3::checksums::{Algorithm, set_checksum};
use crate::s3::extensions::RangeHeader;
use crate::s3::fault::{Fault, Outcome};
use crate::s3::index::objects::Object;
use crate::s3::read::read;
use crate::s3::store::{Found, Store};

/// Finds the object of a read: GetObject and HeadObject have the same input fields.
macro_rules! find {
    ($store:expr, $request:expr) => {{
        let (input, range) = (&$request.input, $request.extensions.get::<RangeHeader>());
        let conditions = conditions::Read {
            if_match: input.if_match.as_ref(),
            if_none_match: input.if_none_match.as_ref(),
            if_modified_since: input.if_modified_since.as_ref(),
            if_unmodified_since: input.if_unmodified_since.as_ref(),
        };
        let selection = Selection {
            bucket: &input.bucket,
            key: &input.key,
            version: input.version_id.as_deref(),
            range: range.map(|RangeHeader(range)| range.as_str()),
            part: input.part_number,
            unsupported: input.sse_customer_algorithm.is_some(),
        };
        find($store, selection, &conditions).await
    }};
}

/// Fills the output fields that GetObject and HeadObject share; returns the headers that `s3s` cannot write.
macro_rules! describe {
    ($output:expr, $input:expr, $object:expr, $span:expr) => {{
        let (output, input, object, span): (&mut _, _, &Object, &Span) =
            (&mut $output, $input, $object, &$span);
        let headers = object.headers.clone();
        output.accept_ranges = Some("bytes".to_owned());
        output.content_length = Some(signed(span.bytes.end - span.bytes.start));
        output.content_range = span.content_range.clone();
        output.parts_count = span.parts;
        output.e_tag = Some(etag(&object.etag));
        output.last_modified = Some(object.modified.into());
        output.server_side_encryption = Some(encrypted());
        output.metadata = headers.metadata;
        output.content_type = headers.content_type;
        output.cache_control = headers.cache_control;
        output.content_disposition = headers.content_disposition;
        output.content_encoding = headers.content_encoding;
        output.content_language = headers.content_language;
        output.expires = input.response_expires.or(headers.expires);
        let mode = input.checksum_mode.as_ref().map(dto::ChecksumMode::as_str);
        let is_asked = mode.is_some_and(|mode| mode.eq_ignore_ascii_case(dto::ChecksumMode::ENABLED));
        if let Some(checksum) = span.checksum.clone().filter(|_| is_asked) {
            set_checksum!(output, checksum.algorithm, checksum.value);
            output.checksum_type = Some(dto::ChecksumType::from_static(checksum.kind.name()));
        }
        overridden([
            (CONTENT_TYPE, input.response_content_type),
            (CACHE_CONTROL, input.response_cache_control),
            (CONTENT_DISPOSITION, input.response_content_disposition),
            (CONTENT_ENCODING, input.response_content_encoding),
            (CONTENT_LANGUAGE, input.response_content_language),
        ])
    }};
}

pub(super) async fn get_object(
    store: &Arc<Store>,
    request: S3Request<GetObjectInput>,
) -> Outcome<S3Response<GetObjectOutput>> {
    let (found, span) = find!(store, request)?;
    let mut output = GetObjectOutput::default();
    let headers = describe!(output, request.input, &found.object, span)?;
    output.body = Some(read(found, span.bytes));
    Ok(S3Response::with_headers(output, headers))
}

pub(super) async fn head_object(
    store: &Arc<Store>,
    request: S3Request<HeadObjectInput>,
) -> Outcome<S3Response<HeadObjectOutput>> {
    let (found, span) = find!(store, request)?;
    let mut output = HeadObjectOutput::default();
    let headers = describe!(output, request.input, &found.object, span)?;
    Ok(S3Response::with_headers(output, headers))
}

/// The object of a read, and its range.
struct Selection<'request> {
    bucket: &'request str,
    key: &'request str,
    version: Option<&'request str>,
    range: Option<&'request str>,
    part: Option<i32>,
    unsupported: bool,
}

async fn find(
    store: &Arc<Store>,
    selection: Selection<'_>,
    conditions: &conditions::Read<'_>,
) -> Outcome<(Found, Span)> {
    store.check_bucket(selection.bucket)?;
    if selection.unsupported {
        return Err(not_implemented());
    }
    check_version(selection.version)?;
    let found = store.find(selection.key.to_owned()).await?.ok_or_else(missing)?;
    conditions.check(&found.object)?;
    let span = span(&found, selection.range, selection.part)?;
    Ok((found, span))
}

/// Returns the headers that the `response-*` parameters request, in ISO-8859-1 as S3 sends them.
fn overridden(asked: [(HeaderName, Option<String>); 5]) -> Outcome<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, text) in asked {
        let Some(text) = text else { continue };
        let latin: Option<Vec<u8>> = text.chars().map(|character| u8::try_from(character).ok()).collect();
        let value = latin.and_then(|latin| HeaderValue::from_bytes(&latin).ok());
        let value = value.ok_or_else(|| {
            let message = "Header value cannot be represented using ISO-8859-1.";
            Fault::new(S3ErrorCode::InvalidArgument, message)
                .detail("ArgumentName", format!("response-{name}"))
                .detail("ArgumentValue", &text)
        })?;
        headers.insert(name, value);
    }
    Ok(headers)
}
