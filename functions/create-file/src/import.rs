use files_api::{ApiError, ApiResult, Reason};
use files_domain::{Detail, File, FileId, FileName, NewFile, SourceHeaders, Status};
use files_queues::ImportMessage;
use lambda_http::http::StatusCode;
use safe_fetch::SourceUrl;
use tracing::warn;

use crate::{CreateFile, RequestContext, created};

impl CreateFile {
    /// Writes the record of an import and queues the import. If queuing fails, `sweep` queues it from the record.
    pub(crate) async fn import(
        &self,
        context: RequestContext,
        url: &str,
        headers: SourceHeaders,
    ) -> ApiResult {
        let url = SourceUrl::parse(url.trim(), &self.allowed).map_err(|error| {
            ApiError::from(Reason::InvalidUrl).on_field("file_url", Some(error.to_string()))
        })?;
        let new = NewFile {
            name: context.request.name.clone().unwrap_or_else(|| name_in_url(url.as_str())),
            size: None,
            content_type: None,
            announced_sha256: context.request.checksum_sha256.clone(),
            expires_at: context.request.expires_at,
        };
        let (owner, now) = (context.caller.owner(), context.caller.now);
        let file = new.awaiting_import(context.request.name.is_none(), owner, FileId::new(now), now).into();
        let detail = Detail {
            metadata: context.request.metadata.clone(),
            source_url: Some(url.with_fragment()),
            source_headers: !headers.is_empty(),
            ..Default::default()
        };
        let (file, detail) = self.create(&context, file, detail).await?;
        // An earlier attempt may have ended before the import was queued. A duplicate message is harmless.
        if file.status() == Status::Pending {
            let message =
                ImportMessage { owner, id: file.id, file_url: url.with_fragment(), headers, put_back: 0 };
            self.queue(&context, &file, &message).await?;
        }
        created(StatusCode::ACCEPTED, &context, &file, &detail).build()
    }

    /// Queues an import. If that fails, `sweep` queues it later, unless it has headers: these are in no record, so the client has to
    /// retry.
    async fn queue(
        &self,
        context: &RequestContext,
        file: &File,
        message: &ImportMessage,
    ) -> Result<(), ApiError> {
        let Err(error) = self.imports.send(message).await else { return Ok(()) };
        if message.headers.is_empty() {
            warn!(
                error = error.as_ref() as &dyn std::error::Error,
                "queuing an import failed, left to sweep"
            );
            return Ok(());
        }
        if context.request.idempotency.is_none() {
            self.discard_record(file, context.caller.now).await; // the next attempt creates another file
        }
        Err(ApiError::from(Reason::TooBusy).caused_by(error))
    }
}

/// Returns the name of the file until its source provides one.
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
    fn the_last_segment_of_a_url_is_the_initial_name() {
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
