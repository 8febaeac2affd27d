use files_api::{ApiError, ApiResult, Reason};
use files_domain::{Detail, File, FileId, FileName, NewFile, SourceHeaders, Status};
use files_queues::ImportMessage;
use lambda_http::http::StatusCode;
use safe_fetch::SourceUrl;
use tracing::warn;

use crate::{CreateFile, Order, created};

impl CreateFile {
    /// Writes the record of an import and queues it. If the queue fails, `sweep` queues it by the record.
    pub(crate) async fn import(&self, order: Order, url: &str, headers: SourceHeaders) -> ApiResult {
        let url = SourceUrl::parse(url.trim(), &self.allowed).map_err(|error| {
            ApiError::from(Reason::InvalidUrl).on_field("file_url", Some(error.to_string()))
        })?;
        let new = NewFile {
            name: order.request.name.clone().unwrap_or_else(|| name_in_url(url.as_str())),
            size: None,
            content_type: None,
            announced_sha256: order.request.checksum_sha256.clone(),
            expires_at: order.request.expires_at,
        };
        let (owner, now) = (order.caller.owner(), order.caller.now);
        let file = new.awaiting_import(order.request.name.is_none(), owner, FileId::new(now), now).into();
        let detail = Detail {
            metadata: order.request.metadata.clone(),
            source_url: Some(url.with_fragment()),
            source_headers: !headers.is_empty(),
            ..Default::default()
        };
        let (file, detail) = self.create(&order, file, detail).await?;
        // An earlier attempt may have ended before it was queued. One message too many is harmless.
        if file.status() == Status::Pending {
            let message =
                ImportMessage { owner, id: file.id, file_url: url.with_fragment(), headers, put_back: 0 };
            self.queue(&order, &file, &message).await?;
        }
        created(StatusCode::ACCEPTED, &order, &file, &detail).build()
    }

    /// Queues an import. If that fails, `sweep` queues it later, but for an import with headers: these are in no record, so the
    /// client has to try again.
    async fn queue(&self, order: &Order, file: &File, message: &ImportMessage) -> Result<(), ApiError> {
        let Err(error) = self.imports.send(message).await else { return Ok(()) };
        if message.headers.is_empty() {
            warn!(error = error.as_ref() as &dyn std::error::Error, "an import left to sweep");
            return Ok(());
        }
        if order.request.idempotency.is_none() {
            self.take_back(file, order.caller.now).await; // the next attempt creates another file
        }
        Err(ApiError::from(Reason::TooBusy).caused_by(error))
    }
}

/// Returns the name of the file until its source gives a better one.
fn name_in_url(url: &str) -> FileName {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let (_, path) = path.split_once("://").unwrap_or_default();
    let last = path.split_once('/').map_or("", |(_, path)| path.rsplit('/').next().unwrap_or_default());
    let decoded = percent_encoding::percent_decode_str(last).decode_utf8_lossy();
    FileName::clean(&decoded).unwrap_or_else(FileName::fallback)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_segment_of_a_url_is_the_first_name() {
        for (url, name) in [
            ("https://example.com/a/clip%20one.mp4?x=/y", "clip one.mp4"),
            ("https://example.com", "file"),
            ("https://example.com/a/", "file"),
            ("https://example.com/%2e%2e%2fetc", "etc"),
        ] {
            assert_eq!(name_in_url(url).as_str(), name, "{url}");
        }
    }
}
