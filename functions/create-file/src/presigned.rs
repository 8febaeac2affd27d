use files_api::{ApiError, ApiResult, Reason, UploadBody, UploadMethod};
use files_domain::{Detail, File, FileId, FileName, NewFile, PartPlan, UploadToken, limits};
use lambda_http::http::StatusCode;

use crate::{CreateFile, RequestContext, created};

/// The properties of an upload that the client announces.
pub(crate) struct AnnouncedUpload {
    /// Size in bytes.
    pub(crate) size: u64,
    /// Media type, if the client named one.
    pub(crate) content_type: Option<String>,
    /// Whether the client requests a multipart upload.
    pub(crate) multipart: bool,
}

impl CreateFile {
    /// Writes the record of the upload. Presigns its PUT, or returns the sizes of its parts.
    pub(crate) async fn presign(&self, context: RequestContext, announced: AnnouncedUpload) -> ApiResult {
        let plan = self.plan(&context, &announced)?;
        let AnnouncedUpload { size, content_type, .. } = announced;
        let name = context.request.name.clone().unwrap_or_else(FileName::fallback);
        let new = NewFile {
            content_type: Some(content_type.unwrap_or_else(|| name.usual_content_type().to_owned())),
            name,
            size: Some(size),
            announced_sha256: context.request.checksum_sha256.clone(),
            expires_at: context.request.expires_at,
        };
        let (owner, now) = (context.caller.owner(), context.caller.now);
        let file = match plan {
            Some(plan) => new.awaiting_parts(plan, owner, FileId::new(now), now),
            None => new.awaiting_upload(owner, FileId::new(now), now),
        };
        let upload_token = context.caller.upload_token().map(UploadToken::hash);
        let file = File { upload_token, ..file };
        let detail = Detail { metadata: context.request.metadata.clone(), ..Default::default() };
        let (file, detail) = self.create(&context, file, detail).await?;
        let mut response = created(StatusCode::CREATED, &context, &file, &detail);
        if file.awaits_upload(context.caller.now) {
            response.body = response.body.with_upload(self.upload_method(&context, &file).await?);
        }
        response.build()
    }

    /// Returns the parts of a multipart upload; `None` for a single PUT.
    fn plan(
        &self,
        context: &RequestContext,
        announced: &AnnouncedUpload,
    ) -> Result<Option<PartPlan>, ApiError> {
        let AnnouncedUpload { size, multipart, .. } = *announced;
        let largest = self.max_file_bytes.min(limits::MAX_OBJECT_BYTES);
        let plan = PartPlan::for_size(size).filter(|_| size <= largest).ok_or_else(|| {
            let message =
                format!("The file is larger than {largest} bytes, the most that can be uploaded here");
            ApiError::from(Reason::FileTooLarge).with_message(message)
        })?;
        if !multipart && size <= limits::MAX_SINGLE_PUT_BYTES {
            return Ok(None);
        }
        if context.request.checksum_sha256.is_some() {
            return Err(ApiError::from(Reason::ChecksumWithMultipart).on_field("checksum_sha256", None));
        }
        Ok(Some(plan))
    }

    async fn upload_method(&self, context: &RequestContext, file: &File) -> Result<UploadMethod, ApiError> {
        if let (Some(plan), Some(deadline)) = (file.part_plan(), file.deadline) {
            return Ok(UploadMethod::Parts {
                part_size: plan.part_size(),
                part_count: plan.count(),
                expires_at: deadline.at.to_string(),
            });
        }
        let put = self.objects.presign_put(file, context.caller.now).await?;
        Ok(UploadMethod::Put(UploadBody::put(put.url, put.headers, put.expires_at)))
    }
}
