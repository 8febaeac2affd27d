//! The function of `POST /v1/preview`: resolves a URL without importing it.

mod preview;

use std::time::Duration;

use files_api::{ApiError, ApiResult, Endpoint, PreviewRequest, Reason, authenticate, respond};
use files_domain::{Caller, Limit, LimitExceeded, Scope, Timestamp};
use files_records::{Keys, Records, Slot, SlotKind};
use lambda_http::Request as HttpRequest;
use lambda_http::http::StatusCode;
use media_source::{MediaSource, Request, ResolveError};
use safe_fetch::{FetchError, Limits, SourceUrl};
use tokio::time::timeout;
use tracing::warn;

pub use crate::preview::Preview;

/// Returns the limits for requests to sources. The timeouts are shorter than those of imports, because a client waits for the
/// response. `contact` is the operator's.
#[must_use]
pub fn limits(contact: Option<String>) -> Limits {
    let (connect_timeout, header_timeout) = (Duration::from_secs(4), Duration::from_secs(5));
    Limits { connect_timeout, header_timeout, contact, ..Limits::default() }
}

/// The time limit for resolving a web page, in seconds.
const PAGE_SECONDS: u32 = 10;
/// The time limit for the whole preview. API Gateway's timeout is 30 s.
const PREVIEW_TIMEOUT: Duration = Duration::from_secs(25);
/// The time after which the slot of a preview that crashed is free again: longer than the function may run.
const SLOT_TIME: Duration = Duration::from_secs(30);

/// Describes the file that importing a URL would store.
pub struct PreviewUrl {
    /// The API keys and owners' limits.
    pub keys: Keys,
    /// The records, which count running previews.
    pub records: Records,
    /// The resolver for URLs.
    pub source: MediaSource,
}

/// A parsed request.
struct ParsedRequest {
    url: SourceUrl,
    request: PreviewRequest,
}

impl Endpoint for PreviewUrl {
    async fn handle(&self, request: HttpRequest, now: Timestamp) -> ApiResult {
        let parse = |request: &HttpRequest, _: &_| self.read(request);
        let (caller, parsed) = authenticate(&self.keys, &request, Scope::Write, now, parse).await?;
        self.keys.check_now(&caller).await?;
        let slot = self.take_slot(&caller).await?;
        let preview = timeout(PREVIEW_TIMEOUT, self.preview(&parsed)).await;
        self.release(slot).await;
        Ok(respond(
            StatusCode::OK,
            &preview.unwrap_or_else(|_| Err(refused(&FetchError::Timeout.for_user())))?,
        ))
    }
}

impl PreviewUrl {
    fn read(&self, request: &HttpRequest) -> Result<ParsedRequest, ApiError> {
        let request = PreviewRequest::read(request)?;
        let url = SourceUrl::parse(request.file_url.trim(), &self.source.allowed).map_err(|error| {
            ApiError::from(Reason::InvalidUrl).on_field("file_url", Some(error.to_string()))
        })?;
        Ok(ParsedRequest { url, request })
    }

    /// Takes a slot of the owner's previews, if they are limited.
    async fn take_slot(&self, caller: &Caller) -> Result<Option<Slot>, ApiError> {
        let (owner, now) = (caller.owner(), caller.now);
        let Some(max) = self.keys.limits(owner, now).await?.get(Limit::Previews) else { return Ok(None) };
        match self.records.take_slot(owner, SlotKind::Preview, max, SLOT_TIME, now).await? {
            Some(slot) => Ok(Some(slot)),
            None => Err(LimitExceeded { limit: Limit::Previews, used: max, max, requested: 1 }.into()),
        }
    }

    /// Releases a slot. If that fails, the slot expires.
    async fn release(&self, slot: Option<Slot>) {
        let Some(slot) = slot else { return };
        if let Err(error) = self.records.release_slot(&slot).await {
            warn!(
                error = &error as &dyn std::error::Error,
                "releasing the slot of a preview failed, it expires"
            );
        }
    }

    /// Resolves the URL like an import. Reads only the beginning of the media.
    async fn preview(&self, parsed: &ParsedRequest) -> Result<Preview, ApiError> {
        let request =
            Request::new(parsed.url.clone(), &parsed.request.headers).map_err(ApiError::internal)?;
        let request = Request { page_seconds: Some(PAGE_SECONDS), ..request };
        match self.source.resolve(&request).await {
            Ok(resolved) => Ok(Preview::of(&parsed.url, resolved)),
            Err(error) => Err(api_error(error)),
        }
    }
}

/// Converts an error. Clients receive the reason for refusals and errors of the source, but no internal causes.
fn api_error(error: ResolveError) -> ApiError {
    match error {
        ResolveError::Refused(refusal) => ApiError::from(Reason::SourceRefused)
            .with_message(refusal.message.clone())
            .with_detail("file_url", &refusal.reason, refusal.message),
        ResolveError::Fetch(error) => refused(&error.for_user()),
        error @ ResolveError::PageFailed(_) => {
            refused("the page could not be read: it took too long, or too much").caused_by(error)
        }
        error @ ResolveError::Unavailable(_) => ApiError::from(Reason::TooBusy).caused_by(error),
    }
}

fn refused(why: &str) -> ApiError {
    ApiError::from(Reason::SourceRefused).with_message(why).on_field("file_url", Some(why.to_owned()))
}
