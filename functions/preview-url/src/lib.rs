//! `POST /v1/preview`

mod found;
mod page;
mod preview;

use std::time::Duration;

use files_api::{ApiError, ApiResult, Endpoint, PreviewRequest, Reason, authenticate, respond};
use files_domain::{Scope, Timestamp};
use files_records::Keys;
use lambda_http::Request;
use lambda_http::http::StatusCode;
use page_resolver::{PageResolver, is_page};
use safe_fetch::{Allowed, FetchError, Limits, SafeClient, Source, SourceHeaders, SourceUrl, Target};
use tokio::time::timeout;

pub use crate::preview::Preview;

/// How long one request to a source may take: somebody waits for the answer.
#[must_use]
pub fn limits() -> Limits {
    let (connect_timeout, header_timeout) = (Duration::from_secs(4), Duration::from_secs(5));
    Limits { connect_timeout, header_timeout, ..Limits::default() }
}

/// How long a source may take with all its redirects.
pub(crate) const SOURCE_TIME: Duration = Duration::from_secs(7);
/// How long all of it may take: the gateway gives up after 30 s.
const ANSWER_TIME: Duration = Duration::from_secs(25);

/// Says what importing a URL would bring, and imports nothing.
pub struct PreviewUrl {
    /// The API keys.
    pub keys: Keys,
    /// The only way out.
    pub client: SafeClient,
    /// Private hosts that may be reached.
    pub allowed: Allowed,
    /// Who looks into pages; without it, a page is a file like any other.
    pub pages: Option<PageResolver>,
}

/// What is to be looked at.
pub(crate) struct Asked {
    pub(crate) url: SourceUrl,
    pub(crate) request: PreviewRequest,
}

impl Endpoint for PreviewUrl {
    async fn handle(&self, request: Request, now: Timestamp) -> ApiResult {
        let parse = |request: &Request, _: &_| self.read(request);
        let (caller, asked) = authenticate(&self.keys, &request, Scope::Write, now, parse).await?;
        self.keys.check_now(&caller).await?;
        let preview = timeout(ANSWER_TIME, self.preview(&asked)).await;
        Ok(respond(StatusCode::OK, &preview.unwrap_or_else(|_| Err(refused(&FetchError::Timeout)))?))
    }
}

impl PreviewUrl {
    fn read(&self, request: &Request) -> Result<Asked, ApiError> {
        let request = PreviewRequest::read(request)?;
        let url = SourceUrl::parse(request.file_url.trim(), &self.allowed).map_err(|error| {
            ApiError::from(Reason::InvalidUrl).on_field("file_url", Some(error.to_string()))
        })?;
        Ok(Asked { url, request })
    }

    /// By the answer, not by the address: what is no page is the media itself.
    async fn preview(&self, asked: &Asked) -> Result<Preview, ApiError> {
        let headers = SourceHeaders::new(asked.request.headers.iter()).map_err(ApiError::internal)?;
        let target = Target { url: asked.url.clone(), headers };
        let source = self.look(&target).await?;
        match &self.pages {
            Some(pages) if is_page(source.content_type.as_deref()) => {
                drop(source); // its body is of no use
                self.preview_page(pages, asked, &target).await
            }
            _ => Ok(Preview::of_media(
                &asked.url,
                self.find(&target, &SourceHeaders::default(), source).await?,
            )),
        }
    }

    /// A source's headers, asked for as an import does; nothing of its body is read.
    pub(crate) async fn look(&self, target: &Target) -> Result<Source, ApiError> {
        let source = timeout(SOURCE_TIME, self.client.open(target)).await;
        source.unwrap_or(Err(FetchError::Timeout)).map_err(|error| refused(&error))
    }
}

/// What keeps a source from being imported is the client's to know.
pub(crate) fn refused(error: &FetchError) -> ApiError {
    let reason = Reason::SourceRefused;
    ApiError::from(reason).with_message(error.for_user()).on_field("file_url", Some(error.for_user()))
}
