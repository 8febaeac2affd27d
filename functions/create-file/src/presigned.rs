use files_api::{ApiError, ApiResult, Reason, UploadBody, UploadWay};
use files_domain::{Detail, File, FileId, FileName, NewFile, PartPlan, UploadToken, limits};
use lambda_http::http::StatusCode;

use crate::{CreateFile, Order, created};

/// What the client announces of an upload.
pub(crate) struct Announced {
    /// Size in bytes.
    pub(crate) size: u64,
    /// Media type, if the client named one.
    pub(crate) content_type: Option<String>,
    /// Whether the client asks for a multipart upload.
    pub(crate) multipart: bool,
}

impl CreateFile {
    /// Writes the record of the upload, and presigns its PUT or says how it is cut into parts.
    pub(crate) async fn presign(&self, order: Order, announced: Announced) -> ApiResult {
        let plan = self.plan(&order, &announced)?;
        let Announced { size, content_type, .. } = announced;
        let name = order.request.name.clone().unwrap_or_else(FileName::fallback);
        let new = NewFile {
            content_type: Some(content_type.unwrap_or_else(|| name.usual_content_type().to_owned())),
            name,
            size: Some(size),
            announced_sha256: order.request.checksum_sha256.clone(),
            expires_at: order.request.expires_at,
        };
        let (owner, now) = (order.caller.owner(), order.caller.now);
        let file = match plan {
            Some(plan) => new.awaiting_parts(plan, owner, FileId::new(now), now),
            None => new.awaiting_upload(owner, FileId::new(now), now),
        };
        let upload_token = order.caller.upload_token().map(UploadToken::hash);
        let file = File { upload_token, ..file };
        let detail = Detail { metadata: order.request.metadata.clone(), ..Default::default() };
        let (file, detail) = self.create(&order, file, detail).await?;
        let mut response = created(StatusCode::CREATED, &order, &file, &detail);
        if file.awaits_upload(order.caller.now) {
            response.body = response.body.with_upload(self.way(&order, &file).await?);
        }
        response.build()
    }

    /// Returns how the upload is cut into parts; `None`: it is a single PUT.
    fn plan(&self, order: &Order, announced: &Announced) -> Result<Option<PartPlan>, ApiError> {
        let Announced { size, multipart, .. } = *announced;
        let largest = self.max_file_bytes.min(limits::MAX_OBJECT_BYTES);
        let plan = PartPlan::for_size(size).filter(|_| size <= largest).ok_or_else(|| {
            let message =
                format!("The file is larger than {largest} bytes, the most that can be uploaded here");
            ApiError::from(Reason::FileTooLarge).with_message(message)
        })?;
        if !multipart && size <= limits::MAX_SINGLE_PUT_BYTES {
            return Ok(None);
        }
        if order.request.checksum_sha256.is_some() {
            return Err(ApiError::from(Reason::ChecksumWithMultipart).on_field("checksum_sha256", None));
        }
        Ok(Some(plan))
    }

    async fn way(&self, order: &Order, file: &File) -> Result<UploadWay, ApiError> {
        if let (Some(plan), Some(deadline)) = (file.part_plan(), file.deadline) {
            return Ok(UploadWay::Parts {
                part_size: plan.part_size(),
                part_count: plan.count(),
                expires_at: deadline.at.to_string(),
            });
        }
        let put = self.objects.presign_put(file, order.caller.now).await?;
        Ok(UploadWay::Put(UploadBody::put(put.url, put.headers, put.expires_at)))
    }
}
