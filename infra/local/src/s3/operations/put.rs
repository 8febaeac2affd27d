//! Writes and deletes one object.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::HeaderMap;
use s3s::dto::{ChecksumType, DeleteObjectInput, DeleteObjectOutput, PutObjectInput, PutObjectOutput};
use s3s::{S3ErrorCode, S3Request, TrailingHeaders};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{check_version, conditions, encrypted, etag, not_implemented};
use crate::s3::checksums::{Algorithm, Checksum, sent_checksums, set_checksum, single};
use crate::s3::fault::{Fault, Outcome};
use crate::s3::index::Headers;
use crate::s3::index::objects::{self, Object, Segment};
use crate::s3::index::uploads::{self, Overtaken};
use crate::s3::receive::{Announced, MAX_BODY, Received, Sent, SentValue, malformed_trailer, receive};
use crate::s3::store::{Change, Store};

/// The content type that S3 stores if a client sends none.
pub(super) const DEFAULT_CONTENT_TYPE: &str = "binary/octet-stream";

pub(super) async fn put_object(
    store: &Arc<Store>,
    request: S3Request<PutObjectInput>,
) -> Outcome<PutObjectOutput> {
    let S3Request { mut input, headers, extensions, .. } = request;
    store.check_bucket(&input.bucket)?;
    refuse_unsupported(&input)?;
    let condition = conditions::Write::new(input.if_match.take(), input.if_none_match.take())?;
    let sent = sent_checksum(sent_checksums!(input), &headers, extensions.get().cloned())?;
    let algorithm = sent.as_ref().map_or(Algorithm::Crc64Nvme, |sent| sent.algorithm);
    let announced = announce(algorithm, sent, input.content_length, &headers, input.content_md5.as_deref())?;
    let received = receive(store, input.body.take(), announced).await?;
    let object = new_object(input.key.clone(), &received, algorithm, object_headers!(input));
    let written = write(store, "ObjectCreated:Put", object, received, condition).await?;
    let mut output = PutObjectOutput {
        e_tag: Some(etag(&written.etag)),
        checksum_type: Some(ChecksumType::from_static(written.checksum.kind.name())),
        server_side_encryption: Some(encrypted()),
        ..PutObjectOutput::default()
    };
    set_checksum!(output, algorithm, written.checksum.value);
    Ok(output)
}

pub(super) async fn delete_object(
    store: &Arc<Store>,
    request: S3Request<DeleteObjectInput>,
) -> Outcome<DeleteObjectOutput> {
    let S3Request { input, headers, .. } = request;
    store.check_bucket(&input.bucket)?;
    // Only directory buckets support these.
    for header in ["x-amz-if-match-last-modified-time", "x-amz-if-match-size"] {
        if headers.contains_key(header) {
            return Err(not_implemented().detail("Header", header));
        }
    }
    check_version(input.version_id.as_deref())?;
    let condition = conditions::Write::of_delete(input.if_match);
    let key = input.key;
    store
        .change(move |change| {
            let current = objects::find(&change.index, &key)?;
            condition.check(current.as_ref())?;
            if let Some(object) = current {
                let files = objects::remove(&change.index, &object)?;
                change.remove_files(files);
                uploads::overtake(&change.index, &key, Overtaken::Deleted)?;
            }
            Ok(DeleteObjectOutput::default())
        })
        .await
}

/// Indexes a stored body, if the condition holds in the same transaction.
pub(super) async fn write(
    store: &Arc<Store>,
    event: &'static str,
    object: Object,
    received: Received,
    condition: conditions::Write,
) -> Outcome<Object> {
    store
        .change(move |change: &mut Change<'_>| {
            condition.check(objects::find(&change.index, &object.key)?.as_ref())?;
            let file = received.file.name().to_owned();
            let segment = Segment { file, size: received.size, number: 1, checksum: None };
            change.put_object(event, &object, &[segment])?;
            change.keep(received.file);
            Ok(object)
        })
        .await
}

/// Creates an object from a single body.
pub(super) fn new_object(key: String, received: &Received, algorithm: Algorithm, headers: Headers) -> Object {
    Object {
        key,
        version: Uuid::now_v7().simple().to_string(),
        size: received.size,
        etag: hex::encode(received.md5),
        modified: OffsetDateTime::now_utc(),
        checksum: Checksum::of_body(algorithm, &received.checksum),
        headers,
    }
}

/// Collects the headers that are stored with an object, from the fields that several inputs of `s3s` share.
macro_rules! object_headers {
    ($input:expr) => {{
        let content_type = $input.content_type.take().filter(|text| !text.is_empty());
        Headers {
            content_type: Some(content_type.unwrap_or_else(|| super::put::DEFAULT_CONTENT_TYPE.to_owned())),
            cache_control: $input.cache_control.take(),
            content_disposition: $input.content_disposition.take(),
            content_encoding: super::put::own_encoding($input.content_encoding.take()),
            content_language: $input.content_language.take(),
            expires: $input.expires.take(),
            metadata: $input.metadata.take(),
        }
    }};
}
pub(super) use object_headers;

/// Removes `aws-chunked` from the encoding: it describes the transfer, not the object.
pub(super) fn own_encoding(header: Option<String>) -> Option<String> {
    let header = header?;
    let own: Vec<&str> = header.split(',').map(str::trim).filter(|name| *name != "aws-chunked").collect();
    (!own.is_empty()).then(|| own.join(","))
}

/// Returns the only checksum of a request.
pub(super) fn sent_checksum(
    in_headers: [(Algorithm, Option<&str>); 5],
    headers: &HeaderMap,
    trailing: Option<TrailingHeaders>,
) -> Outcome<Option<Sent>> {
    let announced = headers.get("x-amz-trailer").and_then(|value| value.to_str().ok());
    let in_trailer = announced.and_then(|name| {
        Algorithm::ALL.into_iter().find(|algorithm| name.trim().eq_ignore_ascii_case(algorithm.header()))
    });
    if announced.is_some() && in_trailer.is_none() {
        let message = "The value specified in the x-amz-trailer header is not supported";
        return Err(Fault::new(S3ErrorCode::InvalidRequest, message));
    }
    match (single(in_headers)?, in_trailer) {
        (Some(_), Some(_)) => {
            let message = "Expecting a single x-amz-checksum- header";
            Err(Fault::new(S3ErrorCode::InvalidRequest, message))
        }
        (Some((algorithm, value)), None) => {
            Ok(Some(Sent { algorithm, value: SentValue::Header(algorithm.decode(&value)?) }))
        }
        (None, Some(algorithm)) => {
            let trailer = trailing.ok_or_else(malformed_trailer)?;
            Ok(Some(Sent { algorithm, value: SentValue::Trailer(trailer) }))
        }
        (None, None) if headers.contains_key("x-amz-sdk-checksum-algorithm") => {
            let message = "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or \
                           x-amz-trailer headers were found.";
            Err(Fault::new(S3ErrorCode::InvalidRequest, message))
        }
        (None, None) => Ok(None),
    }
}

/// Returns the size and checksums that the headers announce.
pub(super) fn announce(
    algorithm: Algorithm,
    sent: Option<Sent>,
    content_length: Option<i64>,
    headers: &HeaderMap,
    md5: Option<&str>,
) -> Outcome<Announced> {
    // A chunked body announces its decoded size, which `s3s` copies to Content-Length.
    let decoded =
        headers.get("x-amz-decoded-content-length").and_then(|value| value.to_str().ok()?.parse().ok());
    let size = decoded.or_else(|| u64::try_from(content_length?).ok());
    let Some(size) = size else {
        let message = "You must provide the Content-Length HTTP header.";
        return Err(Fault::new(S3ErrorCode::MissingContentLength, message));
    };
    if size > MAX_BODY {
        let message = "Your proposed upload exceeds the maximum allowed size";
        return Err(Fault::new(S3ErrorCode::EntityTooLarge, message));
    }
    let decode = |text: &str| {
        let raw = BASE64.decode(text).ok().and_then(|raw| <[u8; 16]>::try_from(raw).ok());
        raw.ok_or_else(|| {
            let message = "The Content-MD5 you specified was invalid.";
            Fault::new(S3ErrorCode::InvalidDigest, message).detail("Content-MD5", text)
        })
    };
    Ok(Announced { size, md5: md5.map(decode).transpose()?, algorithm, sent })
}

fn refuse_unsupported(input: &PutObjectInput) -> Outcome<()> {
    let unsupported = input.sse_customer_algorithm.is_some()
        || input.tagging.is_some()
        || input.object_lock_mode.is_some()
        || input.object_lock_legal_hold_status.is_some()
        || input.website_redirect_location.is_some()
        || input.write_offset_bytes.is_some();
    if unsupported { Err(not_implemented()) } else { Ok(()) }
}
