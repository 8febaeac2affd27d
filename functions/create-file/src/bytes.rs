use files_api::{ApiError, ApiResult, FilePart, Reason};
use files_domain::{File, FileId, FileName, NewFile, Status, Timestamp};
use files_objects::{Body, ObjectsError, Upload};
use futures_util::TryStreamExt;
use http_body_util::StreamBody;
use hyper::body::Frame;
use lambda_http::http::StatusCode;
use tracing::warn;

use crate::{CreateFile, RequestContext, created};

impl CreateFile {
    /// Stores the bytes in the request. S3's event starts their probe.
    pub(crate) async fn store(&self, context: RequestContext, mut part: FilePart) -> ApiResult {
        let announced = context.request.checksum_sha256.as_deref();
        if announced.is_some_and(|announced| announced != part.sha256) {
            return Err(ApiError::from(Reason::ChecksumMismatch).on_field("checksum_sha256", None));
        }
        if part.size > self.max_file_bytes {
            return Err(Reason::FileTooLarge.into());
        }
        let name = name_of(&context, &part);
        part.content_type = Some(name.content_type(part.content_type.as_deref()));
        let new = NewFile {
            name,
            size: Some(part.size),
            content_type: part.content_type.clone(),
            announced_sha256: Some(part.sha256.clone()),
            expires_at: context.request.expires_at,
        };
        let (owner, now) = (context.caller.owner(), context.caller.now);
        let file = new.being_stored(owner, FileId::new(now), now);
        let detail =
            files_domain::Detail { metadata: context.request.metadata.clone(), ..Default::default() };
        let (file, detail) = self.create(&context, file, detail).await?;
        // An earlier attempt may have stored the record but not the object. Storing the same bytes twice is harmless.
        if file.status() == Status::Running
            && let Err(error) = self.put(&file, part).await
        {
            if context.request.idempotency.is_none() {
                self.discard_record(&file, now).await; // the next attempt creates another file
            }
            return Err(error.into());
        }
        created(StatusCode::CREATED, &context, &file, &detail).build()
    }

    async fn put(&self, file: &File, part: FilePart) -> Result<(), ObjectsError> {
        let (size, sha256, content_type) = (part.size, part.sha256.clone(), part.content_type.clone());
        let upload = Upload { size, sha256: &sha256, content_type: content_type.as_deref() };
        let body = Body::retryable(move || {
            aws_smithy_types::body::SdkBody::from_body_1_x(StreamBody::new(part.bytes().map_ok(Frame::data)))
        });
        self.objects.put_file(file.owner, file.id, body, upload).await
    }

    /// Removes the record of a failed attempt, after which the client has to retry. If this fails, `sweep` removes it.
    pub(crate) async fn discard_record(&self, file: &File, now: Timestamp) {
        if let Err(error) = self.records.unchecked().remove_file(file, now).await {
            warn!(
                error = &error as &dyn std::error::Error,
                "removing the record of a failed attempt failed, left to sweep"
            );
        }
    }
}

fn name_of(context: &RequestContext, part: &FilePart) -> FileName {
    let given = part.file_name.as_deref().and_then(FileName::clean);
    context.request.name.clone().or(given).unwrap_or_else(FileName::fallback)
}
