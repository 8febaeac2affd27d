use std::time::Duration;

use files_api::{Answer, ApiError, Reason, UploadBody};
use files_domain::{
    CheckKey, CreateFile, Detail, File, FileId, FileName, NewFile, QueueImport, RemoveFile, Source, Status,
    limits,
};
use files_objects::UploadTerms;
use lambda_http::http::StatusCode;

use crate::{CreateFileHandler, Order, created};

impl<R: CheckKey + CreateFile + RemoveFile + Sync, Q: QueueImport + Sync> CreateFileHandler<R, Q> {
    /// Writes down what is announced and signs one PUT of just that.
    pub(crate) async fn presign(&self, order: Order, size: u64, content_type: Option<String>) -> Answer {
        self.check_size(size)?;
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
        let file = new.awaiting_upload(owner, FileId::new(now), now);
        let detail = Detail { metadata: order.request.metadata.clone(), ..Default::default() };
        let (_, file, detail) = self.create(&order, file, detail).await?;
        let mut answer = created(StatusCode::CREATED, &order, &file, &detail);
        if file.status == Status::Pending
            && file.due.is_some_and(|due| due.at.seconds() > order.now.seconds())
        {
            answer.body = answer.body.with_upload(self.sign(&order, &file).await?);
        }
        answer.send()
    }

    fn check_size(&self, size: u64) -> Result<(), ApiError> {
        let largest = self.max_file_bytes.min(limits::MAX_SINGLE_PUT_BYTES);
        if size <= largest {
            return Ok(());
        }
        let message = format!("The file is larger than {largest} bytes, the most that can be uploaded here");
        Err(ApiError::from(Reason::FileTooLarge).with_message(message))
    }

    async fn sign(&self, order: &Order, file: &File) -> Result<UploadBody, ApiError> {
        let terms = UploadTerms {
            size: file.size.unwrap_or(0),
            content_type: file.content_type.clone().unwrap_or_else(|| "application/octet-stream".to_owned()),
            sha256: file.announced_sha256.clone(),
        };
        let window = file.due.map_or(order.now, |due| due.at); // the bytes must come before sweep looks for them
        let left = window.seconds().saturating_sub(order.now.seconds());
        let lifetime = limits::UPLOAD_URL_LIFETIME.min(Duration::from_secs(left));
        let put = self.objects.presign_put(file.owner, file.id, &terms, order.now, lifetime).await;
        let put = put.map_err(ApiError::internal)?;
        Ok(UploadBody {
            method: "PUT",
            url: put.url,
            headers: put.headers,
            expires_at: put.expires_at.to_string(),
        })
    }
}
