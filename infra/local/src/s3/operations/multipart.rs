//! Multipart uploads before their completion.

use std::sync::Arc;

use rusqlite::Connection;
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, ChecksumAlgorithm, ChecksumType,
    CreateMultipartUploadInput, CreateMultipartUploadOutput, UploadPartInput, UploadPartOutput,
};
use s3s::{S3ErrorCode, S3Request};
use time::OffsetDateTime;
use uuid::Uuid;

use super::put::{announce, object_headers, sent_checksum};
use super::range::check_number;
use super::{encrypted, etag, not_implemented};
use crate::s3::checksums::{Algorithm, Kind, sent_checksums, set_checksum};
use crate::s3::fault::{Fault, Outcome};
use crate::s3::files::Stored;
use crate::s3::index::Headers;
use crate::s3::index::uploads::{self, Overtaken, Part, Upload};
use crate::s3::receive::{Sent, receive};
use crate::s3::store::Store;

pub(super) async fn create(
    store: &Arc<Store>,
    mut input: CreateMultipartUploadInput,
) -> Outcome<CreateMultipartUploadOutput> {
    store.check_bucket(&input.bucket)?;
    if input.sse_customer_algorithm.is_some() || input.tagging.is_some() || input.object_lock_mode.is_some() {
        return Err(not_implemented());
    }
    let algorithm =
        input.checksum_algorithm.as_ref().map(|name| Algorithm::from_name(name.as_str())).transpose()?;
    let kind = input.checksum_type.as_ref().map(ChecksumType::as_str);
    if algorithm.is_none() && kind.is_some() {
        let message =
            "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.";
        return Err(Fault::new(S3ErrorCode::InvalidRequest, message));
    }
    let upload = Upload {
        id: Uuid::now_v7().simple().to_string(),
        key: input.key.clone(),
        initiated: OffsetDateTime::now_utc(),
        algorithm,
        kind: Kind::choose(kind, algorithm.unwrap_or(Algorithm::Crc64Nvme))?,
        headers: object_headers!(input),
        completed: None,
        overtaken: Overtaken::No,
    };
    let id = upload.id.clone();
    let kind = upload.kind;
    store.change(move |change| uploads::insert(&change.index, &upload)).await?;
    Ok(CreateMultipartUploadOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(id),
        checksum_algorithm: algorithm.map(wire_checksum),
        checksum_type: algorithm.map(|_| ChecksumType::from_static(kind.name())),
        server_side_encryption: Some(encrypted()),
        ..CreateMultipartUploadOutput::default()
    })
}

pub(super) async fn upload_part(
    store: &Arc<Store>,
    request: S3Request<UploadPartInput>,
) -> Outcome<UploadPartOutput> {
    let S3Request { mut input, headers, extensions, .. } = request;
    store.check_bucket(&input.bucket)?;
    check_number(input.part_number)?;
    let (key, id) = (input.key.clone(), input.upload_id.clone());
    let upload = store.read(move |index| find_open(index, &key, &id)).await?;
    let sent = sent_checksum(sent_checksums!(input), &headers, extensions.get().cloned())?;
    fit(sent.as_ref(), &upload)?;
    let announced =
        announce(upload.computed(), sent, input.content_length, &headers, input.content_md5.as_deref())?;
    let received = receive(store, input.body.take(), announced).await?;
    let sent = received.sent;
    let part = Part {
        number: input.part_number,
        file: received.file.name().to_owned(),
        size: received.size,
        etag: hex::encode(received.md5),
        checksum: received.checksum,
        modified: OffsetDateTime::now_utc(),
    };
    let algorithm = upload.algorithm;
    let part = keep_part(store, upload, part, received.file).await?;
    let mut output = UploadPartOutput {
        e_tag: Some(etag(&part.etag)),
        server_side_encryption: Some(encrypted()),
        ..UploadPartOutput::default()
    };
    if let Some((algorithm, digest)) = sent.or(algorithm.map(|algorithm| (algorithm, part.checksum))) {
        set_checksum!(output, algorithm, algorithm.encode(&digest));
    }
    Ok(output)
}

async fn keep_part(store: &Arc<Store>, upload: Upload, part: Part, file: Stored) -> Outcome<Part> {
    store
        .change(move |change| {
            // The upload may have been completed or aborted while the part was transferred.
            find_open(&change.index, &upload.key, &upload.id)?;
            let replaced = uploads::put_part(&change.index, &upload.id, &part)?;
            change.remove_files(replaced);
            change.keep(file);
            Ok(part)
        })
        .await
}

pub(super) async fn abort(
    store: &Arc<Store>,
    input: AbortMultipartUploadInput,
) -> Outcome<AbortMultipartUploadOutput> {
    store.check_bucket(&input.bucket)?;
    store
        .change(move |change| {
            let upload = find_open(&change.index, &input.key, &input.upload_id)?;
            let parts = uploads::parts(&change.index, &upload.id, 0, i64::MAX)?;
            uploads::remove_parts(&change.index, &upload.id)?;
            uploads::remove(&change.index, &upload.id)?;
            change.remove_files(parts.into_iter().map(|part| part.file));
            Ok(AbortMultipartUploadOutput::default())
        })
        .await
}

/// Finds an upload that still accepts parts.
pub(super) fn find_open(index: &Connection, key: &str, id: &str) -> Outcome<Upload> {
    let upload = uploads::find(index, key, id)?;
    upload.filter(|upload| upload.completed.is_none()).ok_or_else(|| no_such_upload(id))
}

/// Creates the error of an upload that is not open.
pub(super) fn no_such_upload(id: &str) -> Fault {
    let message = "The specified upload does not exist. The upload ID may be invalid, or the upload may have been \
                   aborted or completed.";
    Fault::new(S3ErrorCode::NoSuchUpload, message).detail("UploadId", id)
}

/// Converts a checksum algorithm to the type of `s3s`.
pub(super) fn wire_checksum(algorithm: Algorithm) -> ChecksumAlgorithm {
    ChecksumAlgorithm::from_static(algorithm.name())
}

/// Checks that a part's checksum has the upload's algorithm, if the upload has one. For a composite checksum, each part must be
/// sent with one.
fn fit(sent: Option<&Sent>, upload: &Upload) -> Outcome<()> {
    let Some(expected) = upload.algorithm else {
        return Ok(());
    };
    let actual = match sent {
        Some(sent) if sent.algorithm == expected => return Ok(()),
        None if upload.kind == Kind::FullObject => return Ok(()),
        Some(sent) => sent.algorithm.name(),
        None => "null",
    };
    let (expected, actual) = (expected.name().to_ascii_lowercase(), actual.to_ascii_lowercase());
    let message = format!(
        "Checksum Type mismatch occurred, expected checksum Type: {expected}, actual checksum Type: {actual}"
    );
    Err(Fault::new(S3ErrorCode::InvalidRequest, message))
}
