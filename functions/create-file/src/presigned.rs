use files_api::{Answer, ApiError, Reason, UploadBody, UploadWay};
use files_domain::{
    CheckKey, CreateFile, Detail, File, FileId, FileName, NewFile, PartPlan, QueueImport, RemoveFile, Source,
    limits,
};
use lambda_http::http::StatusCode;

use crate::{CreateFileHandler, Order, created};

/// What is announced of an upload.
pub(crate) struct Announced {
    /// Bytes.
    pub(crate) size: u64,
    /// Media type, if the client named one.
    pub(crate) content_type: Option<String>,
    /// Whether the client wants it to come in parts.
    pub(crate) multipart: bool,
}

impl<R: CheckKey + CreateFile + RemoveFile + Sync, Q: QueueImport + Sync> CreateFileHandler<R, Q> {
    /// Writes down what is announced, and signs one PUT of just that, or says how it is cut into parts.
    pub(crate) async fn presign(&self, order: Order, announced: Announced) -> Answer {
        let plan = self.plan(&order, &announced)?;
        let Announced { size, content_type, .. } = announced;
        let name = order.request.name.clone().unwrap_or_else(FileName::fallback);
        let new = NewFile {
            content_type: Some(content_type.unwrap_or_else(|| name.usual_content_type().to_owned())),
            name,
            source: Source::Upload,
            size: Some(size),
            announced_sha256: order.request.checksum_sha256.clone(),
            expires_at: order.request.expires_at,
            name_from_source: false,
        };
        let (owner, now) = (order.access.owner(), order.now);
        let file = match plan {
            Some(plan) => new.awaiting_parts(plan, owner, FileId::new(now), now),
            None => new.awaiting_upload(owner, FileId::new(now), now),
        };
        let detail = Detail { metadata: order.request.metadata.clone(), ..Default::default() };
        let (_, file, detail) = self.create(&order, file, detail).await?;
        let mut answer = created(StatusCode::CREATED, &order, &file, &detail);
        if file.awaits_upload(order.now) {
            answer.body = answer.body.with_upload(self.way(&order, &file).await?);
        }
        answer.send()
    }

    /// How the upload is cut; `None`: it is one PUT.
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
            return Err(ApiError::from(Reason::ChecksumNotByParts).on_field("checksum_sha256", None));
        }
        Ok(Some(plan))
    }

    async fn way(&self, order: &Order, file: &File) -> Result<UploadWay, ApiError> {
        if let (Some(plan), Some(due)) = (file.part_plan(), file.due) {
            return Ok(UploadWay::Parts {
                part_size: plan.part_size(),
                part_count: plan.count(),
                expires_at: due.at.to_string(),
            });
        }
        let put = self.objects.presign_put(file, order.now).await.map_err(ApiError::internal)?;
        Ok(UploadWay::Put(UploadBody::put(put.url, put.headers, put.expires_at)))
    }
}
