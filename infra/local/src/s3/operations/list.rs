//! Lists objects, uploads and parts in pages.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use rusqlite::Connection;
use s3s::S3ErrorCode;
use s3s::dto::*;

use super::multipart::{find_open, wire_checksum};
use super::{etag, grouping, not_implemented, signed, whole_seconds};
use crate::s3::checksums::{Algorithm, set_checksum};
use crate::s3::fault::{Fault, Outcome};
use crate::s3::index::objects::{self, Start};
use crate::s3::index::uploads;
use crate::s3::store::Store;

/// Maximum of rows per page.
const PAGE: i32 = 1000;

pub(super) fn head_bucket(store: &Store, input: &HeadBucketInput) -> Outcome<HeadBucketOutput> {
    store.check_bucket(&input.bucket)?;
    Ok(HeadBucketOutput { bucket_region: Some(store.region.clone()), ..HeadBucketOutput::default() })
}

pub(super) async fn list_objects(
    store: &Arc<Store>,
    input: ListObjectsV2Input,
) -> Outcome<ListObjectsV2Output> {
    store.check_bucket(&input.bucket)?;
    let encode = encoder(input.encoding_type.as_ref())?;
    let limit = page(input.max_keys, "max-keys")?;
    let prefix = input.prefix.clone().unwrap_or_default();
    let delimiter = input.delimiter.clone().filter(|delimiter| !delimiter.is_empty());
    let start = match &input.continuation_token {
        Some(token) => Start::At(decode_token(token)?),
        None => Start::After(input.start_after.clone().unwrap_or_default()),
    };
    let (searched, grouped) = (prefix.clone(), delimiter.clone());
    let listing =
        store.read(move |index| grouping::list(index, &searched, grouped.as_deref(), start, limit)).await?;
    let key_count = i32::try_from(listing.objects.len() + listing.prefixes.len()).ok();
    let group = |prefix: String| CommonPrefix { prefix: Some(encode(&prefix)) };
    Ok(ListObjectsV2Output {
        name: Some(input.bucket),
        prefix: Some(encode(&prefix)),
        delimiter: delimiter.map(|delimiter| encode(&delimiter)),
        max_keys: Some(limit),
        key_count,
        is_truncated: Some(listing.next.is_some()),
        continuation_token: input.continuation_token,
        next_continuation_token: listing.next.map(|key| BASE64.encode(key)),
        start_after: input.start_after.map(|key| encode(&key)),
        contents: Some(listing.objects.into_iter().map(|object| listed(object, encode)).collect()),
        common_prefixes: Some(listing.prefixes.into_iter().map(group).collect()),
        encoding_type: input.encoding_type,
        ..ListObjectsV2Output::default()
    })
}

fn listed(object: objects::Object, encode: fn(&str) -> String) -> Object {
    Object {
        key: Some(encode(&object.key)),
        size: Some(signed(object.size)),
        e_tag: Some(etag(&object.etag)),
        last_modified: Some(whole_seconds(object.modified)),
        storage_class: Some(ObjectStorageClass::from_static(ObjectStorageClass::STANDARD)),
        checksum_algorithm: Some(vec![wire_checksum(object.checksum.algorithm)]),
        checksum_type: Some(ChecksumType::from_static(object.checksum.kind.name())),
        ..Object::default()
    }
}

pub(super) async fn list_uploads(
    store: &Arc<Store>,
    input: ListMultipartUploadsInput,
) -> Outcome<ListMultipartUploadsOutput> {
    store.check_bucket(&input.bucket)?;
    if input.delimiter.as_deref().is_some_and(|delimiter| !delimiter.is_empty()) {
        return Err(not_implemented());
    }
    let encode = encoder(input.encoding_type.as_ref())?;
    let limit = page(input.max_uploads, "max-uploads")?;
    let prefix = input.prefix.clone().unwrap_or_default();
    let key = input.key_marker.clone().unwrap_or_default();
    // The id marker has no effect without the key marker.
    let marker = input.upload_id_marker.filter(|marker| !marker.is_empty() && !key.is_empty());
    let searched = marker.clone();
    let mut found =
        store.read(move |index| uploads_after(index, &prefix, &key, searched.as_deref(), limit)).await?;
    let more = cut(&mut found, limit);
    let last = found.last();
    Ok(ListMultipartUploadsOutput {
        bucket: Some(input.bucket),
        prefix: input.prefix.map(|prefix| encode(&prefix)),
        key_marker: Some(encode(&input.key_marker.unwrap_or_default())),
        upload_id_marker: Some(marker.unwrap_or_default()),
        next_key_marker: Some(last.map(|upload| encode(&upload.key)).unwrap_or_default()),
        next_upload_id_marker: Some(last.map(|upload| upload.id.clone()).unwrap_or_default()),
        max_uploads: Some(limit),
        is_truncated: Some(more),
        uploads: Some(found.into_iter().map(|upload| listed_upload(upload, encode)).collect()),
        encoding_type: input.encoding_type,
        ..ListMultipartUploadsOutput::default()
    })
}

fn uploads_after(
    index: &Connection,
    prefix: &str,
    key: &str,
    marker: Option<&str>,
    limit: i32,
) -> Outcome<Vec<uploads::Upload>> {
    if let Some(id) = marker
        && uploads::find(index, key, id)?.is_none()
    {
        return Err(Fault::argument("Invalid uploadId marker", "upload-id-marker", id));
    }
    // Without an id marker the list starts after all uploads of the key: ids are hexadecimal, so none sorts after `~`.
    uploads::list(index, prefix, (key, marker.unwrap_or("~")), i64::from(limit) + 1)
}

fn listed_upload(upload: uploads::Upload, encode: fn(&str) -> String) -> MultipartUpload {
    MultipartUpload {
        key: Some(encode(&upload.key)),
        upload_id: Some(upload.id),
        initiated: Some(whole_seconds(upload.initiated)),
        checksum_algorithm: upload.algorithm.map(wire_checksum),
        checksum_type: upload.algorithm.map(|_| ChecksumType::from_static(upload.kind.name())),
        storage_class: Some(StorageClass::from_static(StorageClass::STANDARD)),
        ..MultipartUpload::default()
    }
}

pub(super) async fn list_parts(store: &Arc<Store>, input: ListPartsInput) -> Outcome<ListPartsOutput> {
    store.check_bucket(&input.bucket)?;
    let limit = page(input.max_parts, "max-parts")?;
    let after = input.part_number_marker.unwrap_or(0);
    let (key, id) = (input.key.clone(), input.upload_id.clone());
    let (upload, mut found) = store
        .read(move |index| {
            let upload = find_open(index, &key, &id)?;
            let parts = uploads::parts(index, &upload.id, after, i64::from(limit) + 1)?;
            Ok((upload, parts))
        })
        .await?;
    let more = cut(&mut found, limit);
    Ok(ListPartsOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(input.upload_id),
        part_number_marker: Some(after),
        next_part_number_marker: Some(found.last().map_or(0, |part| part.number)),
        max_parts: Some(limit),
        is_truncated: Some(more),
        checksum_algorithm: upload.algorithm.map(wire_checksum),
        checksum_type: upload.algorithm.map(|_| ChecksumType::from_static(upload.kind.name())),
        storage_class: Some(StorageClass::from_static(StorageClass::STANDARD)),
        parts: Some(found.into_iter().map(|part| listed_part(part, upload.algorithm)).collect()),
        ..ListPartsOutput::default()
    })
}

fn listed_part(part: uploads::Part, algorithm: Option<Algorithm>) -> Part {
    let mut listed = Part {
        part_number: Some(part.number),
        size: Some(signed(part.size)),
        e_tag: Some(etag(&part.etag)),
        last_modified: Some(whole_seconds(part.modified)),
        ..Part::default()
    };
    if let Some(algorithm) = algorithm {
        set_checksum!(listed, algorithm, algorithm.encode(&part.checksum));
    }
    listed
}

/// Returns the number of requested rows, at most [`PAGE`].
pub(super) fn page(requested: Option<i32>, name: &'static str) -> Outcome<i32> {
    match requested.unwrap_or(PAGE) {
        limit @ 0.. => Ok(limit.min(PAGE)),
        _ => {
            let message = format!("Argument {name} must be an integer between 0 and 2147483647");
            Err(Fault::argument(message, name, requested.unwrap_or(PAGE)))
        }
    }
}

/// Truncates a list to its limit. Returns whether there was more; a limit of 0 has no next page.
pub(super) fn cut<T>(rows: &mut Vec<T>, limit: i32) -> bool {
    let limit = usize::try_from(limit).unwrap_or_default();
    let more = rows.len() > limit && limit > 0;
    rows.truncate(limit);
    more
}

fn decode_token(token: &str) -> Outcome<String> {
    let key = BASE64.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    key.ok_or_else(|| {
        let message = "The continuation token provided is incorrect";
        Fault::new(S3ErrorCode::InvalidArgument, message).detail("ArgumentName", "continuation-token")
    })
}

/// The characters that `encoding-type=url` does not encode.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'*').remove(b'/');

fn encoder(encoding: Option<&EncodingType>) -> Outcome<fn(&str) -> String> {
    match encoding.map(EncodingType::as_str) {
        None => Ok(str::to_owned),
        Some(EncodingType::URL) => Ok(|text| utf8_percent_encode(text, KEPT).to_string()),
        Some(other) => {
            let message = "Invalid Encoding Method specified in Request";
            Err(Fault::argument(message, "encoding-type", other))
        }
    }
}
