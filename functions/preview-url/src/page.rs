//! Pages: what `resolve-url` says of them, and whether that can be had.

use std::collections::BTreeMap;
use std::time::Duration;

use files_api::{ApiError, Reason};
use files_domain::CheckKey;
use page_resolver::{Format, Page, PageRequest, PageResolver, ResolveError, Transport};
use safe_fetch::{Source, SourceHeaders, SourceUrl, Target};
use tokio::time::timeout;

use crate::{Asked, Preview, PreviewUrl, refused};

/// How long a site may take, in seconds, and how much longer the function that asks it.
const SITE_SECONDS: u32 = 10;
const ANSWER_TIME: Duration = Duration::from_secs(13);

impl<R: CheckKey + Sync> PreviewUrl<R> {
    pub(crate) async fn preview_page(
        &self,
        pages: &PageResolver,
        asked: &Asked,
    ) -> Result<Preview, ApiError> {
        let page = resolve(pages, asked).await?;
        let best = page.best().ok_or_else(|| unreadable("it names no media"))?;
        let media = match best.transport() {
            Some(Transport::Progressive) => Some(self.look_at(best).await?),
            Some(Transport::Playlist) => None,
            None => return Err(unreadable("its media come in a way that cannot be fetched")),
        };
        Ok(Preview::of_page(&asked.url, &page, best, media.as_ref()))
    }

    /// The address is the page's word: it is checked as if the user had typed it.
    async fn look_at(&self, format: &Format) -> Result<Source, ApiError> {
        let url = SourceUrl::parse(&format.url, &self.allowed).map_err(|error| refused(&error.into()))?;
        let headers = files_domain::SourceHeaders::allowed_of(format.http_headers.clone());
        let headers = SourceHeaders::new(headers.iter()).map_err(ApiError::internal)?;
        self.look(&Target { url, headers }).await
    }
}

async fn resolve(pages: &PageResolver, asked: &Asked) -> Result<Page, ApiError> {
    let pairs = asked.request.headers.iter();
    let headers: BTreeMap<_, _> = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let request = PageRequest { url: asked.url.as_str(), headers, seconds: Some(SITE_SECONDS) };
    let resolved = timeout(ANSWER_TIME, pages.resolve(&request)).await;
    match resolved.map_err(|_| unreadable("it took too long"))? {
        Ok(page) => Ok(page),
        Err(ResolveError::Refused(refusal)) => Err(ApiError::from(Reason::SourceRefused)
            .with_message(refusal.message.clone())
            .with_detail("file_url", &refusal.reason, refusal.message)),
        Err(error @ ResolveError::Failed(_)) => {
            Err(unreadable("it took too long, or too much").caused_by(error))
        }
        Err(error @ ResolveError::Unavailable(_)) => Err(ApiError::from(Reason::TooBusy).caused_by(error)),
    }
}

fn unreadable(why: &str) -> ApiError {
    let message = format!("the page could not be read: {why}");
    ApiError::from(Reason::SourceRefused).with_message(message.clone()).on_field("file_url", Some(message))
}
