//! Copies an object within the bucket.

use std::sync::Arc;

use s3s::S3ErrorCode;
use s3s::dto::{
    ChecksumType, CopyObjectInput, CopyObjectOutput, CopyObjectResult, CopySource, MetadataDirective,
};

use super::put::{new_object, object_headers, write};
use super::{conditions, encrypted, etag, not_implemented, whole_seconds};
use crate::s3::checksums::{Algorithm, set_checksum};
use crate::s3::fault::{Fault, Outcome};
use crate::s3::index::Headers;
use crate::s3::read::read;
use crate::s3::receive::{Announced, MAX_BODY, receive};
use crate::s3::store::Store;

pub(super) async fn copy_object(store: &Arc<Store>, mut input: CopyObjectInput) -> Outcome<CopyObjectOutput> {
    store.check_bucket(&input.bucket)?;
    let source = source_key(store, &input.copy_source)?;
    let replaces =
        input.metadata_directive.as_ref().is_some_and(|how| how.as_str() == MetadataDirective::REPLACE);
    check_request(&input, &source, replaces)?;
    let found = store.find(source.clone()).await?;
    let found = found.ok_or_else(|| conditions::missing().detail("Key", source))?;
    check_source(&input, &found.object)?;
    let algorithm = match &input.checksum_algorithm {
        Some(requested) => Algorithm::from_name(requested.as_str())?,
        None => found.object.checksum.algorithm,
    };
    let size = found.object.size;
    check_size(size)?;
    let headers = if replaces { object_headers!(input) } else { found.object.headers.clone() };
    // The bytes are read again: the copy of a multipart object gets the tag of a single-part one.
    let announced = Announced { size, md5: None, algorithm, sent: None };
    let received = receive(store, Some(read(found, 0..size)), announced).await?;
    let object = new_object(input.key, &received, algorithm, headers);
    let written = write(store, "ObjectCreated:Copy", object, received, conditions::Write::default()).await?;
    let mut result = CopyObjectResult {
        e_tag: Some(etag(&written.etag)),
        last_modified: Some(whole_seconds(written.modified)),
        checksum_type: Some(ChecksumType::from_static(written.checksum.kind.name())),
        ..CopyObjectResult::default()
    };
    set_checksum!(result, algorithm, written.checksum.value);
    Ok(CopyObjectOutput {
        copy_object_result: Some(result),
        server_side_encryption: Some(encrypted()),
        ..CopyObjectOutput::default()
    })
}

/// Refuses parameters that are not implemented, and a copy that would change nothing.
fn check_request(input: &CopyObjectInput, source: &str, replaces: bool) -> Outcome<()> {
    if input.sse_customer_algorithm.is_some() || input.tagging.is_some() {
        return Err(not_implemented());
    }
    if source == input.key && !replaces {
        let message = "This copy request is illegal because it is trying to copy an object to itself without changing \
                       the object's metadata, storage class, website redirect location or encryption attributes.";
        return Err(Fault::new(S3ErrorCode::InvalidRequest, message));
    }
    Ok(())
}

/// Refuses a source that is larger than a single PUT.
fn check_size(size: u64) -> Outcome<()> {
    if size > MAX_BODY {
        let message = "The specified copy source is larger than the maximum allowable size for a copy source: 5368709120";
        return Err(Fault::new(S3ErrorCode::InvalidRequest, message));
    }
    Ok(())
}

fn source_key(store: &Store, source: &CopySource) -> Outcome<String> {
    match source {
        CopySource::Bucket { bucket, key, version_id: None } => {
            store.check_bucket(bucket)?;
            Ok(key.to_string())
        }
        _ => Err(not_implemented()),
    }
}

/// Checks the conditions of the source: any unmet one is a 412.
fn check_source(input: &CopyObjectInput, source: &crate::s3::index::objects::Object) -> Outcome<()> {
    let conditions = conditions::Read {
        if_match: input.copy_source_if_match.as_ref(),
        if_none_match: input.copy_source_if_none_match.as_ref(),
        if_modified_since: input.copy_source_if_modified_since.as_ref(),
        if_unmodified_since: input.copy_source_if_unmodified_since.as_ref(),
    };
    match conditions.unmet(source) {
        None => Ok(()),
        Some(header) => Err(conditions::failed(format!("x-amz-copy-source-{header}"))),
    }
}
