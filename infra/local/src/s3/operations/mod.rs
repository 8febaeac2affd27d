//! Maps operations to their handlers. An operation that is missing here is `NotImplemented`.

mod attributes;
mod complete;
mod conditions;
mod copy;
mod get;
mod grouping;
mod list;
mod multipart;
mod put;
mod range;

use std::sync::Arc;

use s3s::dto::*;
use s3s::{S3, S3ErrorCode, S3Request, S3Response, S3Result};
use time::OffsetDateTime;

use super::fault::{Fault, Outcome};
use super::store::Store;

/// Has no operations: the service that verifies signatures passes requests on instead.
pub(super) struct NoOperations;

#[async_trait::async_trait]
impl S3 for NoOperations {}

/// The operations that the local S3 supports.
pub(super) struct Operations(pub(super) Arc<Store>);

fn respond<T>(outcome: Outcome<T>) -> S3Result<S3Response<T>> {
    Ok(S3Response::new(outcome?))
}

/// Creates the error of a missing feature.
fn not_implemented() -> Fault {
    let message = "A header you provided implies functionality that is not implemented";
    Fault::new(S3ErrorCode::NotImplemented, message)
}

/// Returns an `ETag` with its quotes.
fn etag(value: &str) -> ETag {
    ETag::Strong(value.to_owned())
}

/// Returns the encryption that S3 reports for every object: with its own keys.
fn encrypted() -> ServerSideEncryption {
    ServerSideEncryption::from_static(ServerSideEncryption::AES256)
}

/// Rounds a time to whole seconds, the precision of lists.
fn whole_seconds(time: OffsetDateTime) -> Timestamp {
    time.replace_nanosecond(0).unwrap_or(time).into()
}

/// Refuses a version other than `null`: the bucket has no versions.
fn check_version(version: Option<&str>) -> Outcome<()> {
    match version {
        None | Some("null") => Ok(()),
        Some(version) => Err(Fault::argument("Invalid version id specified", "versionId", version)),
    }
}

/// Converts a size to the type of `s3s`.
fn signed(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

#[async_trait::async_trait]
impl S3 for Operations {
    async fn put_object(&self, request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        respond(put::put_object(&self.0, request).await)
    }

    async fn get_object(&self, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        get::get_object(&self.0, request).await.map_err(Into::into)
    }

    async fn head_object(
        &self,
        request: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        get::head_object(&self.0, request).await.map_err(Into::into)
    }

    async fn get_object_attributes(
        &self,
        request: S3Request<GetObjectAttributesInput>,
    ) -> S3Result<S3Response<GetObjectAttributesOutput>> {
        respond(attributes::get_object_attributes(&self.0, request.input).await)
    }

    async fn delete_object(
        &self,
        request: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        respond(put::delete_object(&self.0, request).await)
    }

    async fn copy_object(
        &self,
        request: S3Request<CopyObjectInput>,
    ) -> S3Result<S3Response<CopyObjectOutput>> {
        respond(copy::copy_object(&self.0, request.input).await)
    }

    async fn head_bucket(
        &self,
        request: S3Request<HeadBucketInput>,
    ) -> S3Result<S3Response<HeadBucketOutput>> {
        respond(list::head_bucket(&self.0, &request.input))
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        respond(list::list_objects(&self.0, request.input).await)
    }

    async fn list_multipart_uploads(
        &self,
        request: S3Request<ListMultipartUploadsInput>,
    ) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
        respond(list::list_uploads(&self.0, request.input).await)
    }

    async fn list_parts(&self, request: S3Request<ListPartsInput>) -> S3Result<S3Response<ListPartsOutput>> {
        respond(list::list_parts(&self.0, request.input).await)
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        respond(multipart::create(&self.0, request.input).await)
    }

    async fn upload_part(
        &self,
        request: S3Request<UploadPartInput>,
    ) -> S3Result<S3Response<UploadPartOutput>> {
        respond(multipart::upload_part(&self.0, request).await)
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        respond(complete::complete(&self.0, request).await)
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        respond(multipart::abort(&self.0, request.input).await)
    }
}
