//! Pages: what `resolve-url` says of them, and whether that can be had.

use std::collections::BTreeMap;
use std::time::Duration;

use files_api::{ApiError, Reason};
use page_resolver::{Format, Page, PageRequest, PageResolver, ResolveError, is_page};
use safe_fetch::{SourceHeaders, SourceUrl, Target};
use tokio::time::timeout;

use crate::found::{Found, refusal};
use crate::{Asked, Preview, PreviewUrl, refused};

/// How long a site may take, in seconds, and how much longer the function that asks it.
const SITE_SECONDS: u32 = 10;
const ANSWER_TIME: Duration = Duration::from_secs(13);

impl PreviewUrl {
    pub(crate) async fn preview_page(
        &self,
        pages: &PageResolver,
        asked: &Asked,
        target: &Target,
    ) -> Result<Preview, ApiError> {
        let page = resolve(pages, asked).await?;
        let nothing = || refusal("the page names nothing that can be fetched");
        let best = page.best().filter(|best| best.transport().is_some()).ok_or_else(nothing)?;
        let found = self.find_shown(best, target).await?;
        Ok(Preview::of_page(&asked.url, &page, best, found))
    }

    /// The address is the page's word: it is checked as if the user had typed it. The user's headers go to it if it is of the
    /// page's own origin.
    async fn find_shown(&self, format: &Format, page: &Target) -> Result<Found, ApiError> {
        let url = SourceUrl::parse(&format.url, &self.allowed).map_err(|error| refused(&error.into()))?;
        let asks = files_domain::SourceHeaders::allowed_of(format.http_headers.clone());
        let asks = SourceHeaders::new(asks.iter()).map_err(ApiError::internal)?;
        let shown = Target { headers: asks.with(&page.headers.leaving(&page.url, &url)), url };
        let source = self.look(&shown).await?;
        if is_page(source.content_type.as_deref()) {
            return Err(refusal("what the page shows is a page again"));
        }
        self.find(&shown, &asks, source).await
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
    refusal(&format!("the page could not be read: {why}"))
}
