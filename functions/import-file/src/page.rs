//! What an answer is that is not the media itself: a page, or a playlist.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use files_domain::{FileName, Origin, PageClaims};
use hls_stream::{HeadersFor, HlsStream, is_playlist};
use page_resolver::{Format, Page, PageRequest, ResolveError, Transport, is_page};
use safe_fetch::{FetchError, Source, SourceHeaders, SourceUrl, Target};
use tokio::time::timeout;
use tracing::{info, warn};

use crate::incoming::Incoming;
use crate::stop::Stop;
use crate::worker::Worker;

/// The media type of DASH's manifests.
const DASH: &str = "application/dash+xml";
/// How often a function is asked that died of the page: it may have been no fault of the page.
const MAX_TRIES: u32 = 2;

/// What a source turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nature {
    /// What is to be stored.
    Media,
    /// A page that shows it.
    Page,
    /// A playlist of HLS.
    Playlist,
    /// A manifest of DASH.
    Manifest,
}

impl Nature {
    /// By the answer, not by the address.
    pub(crate) fn of(source: &Source) -> Self {
        match source.content_type.as_deref() {
            content_type if is_page(content_type) => Self::Page,
            Some(DASH) => Self::Manifest,
            Some(content_type) if is_playlist(content_type) => Self::Playlist,
            _ => Self::Media,
        }
    }
}

/// What a page shows, and where it is.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    pub(crate) target: Target,
    /// What the page asks to be sent with every request for its media. The user's own headers are none of them.
    asks: SourceHeaders,
    /// Without extension.
    title: Option<String>,
    extension: Option<String>,
    pub(crate) origin: Option<Origin>,
}

impl Shown {
    /// The file's name: the title, with the extension of what was found, else with the page's word for it.
    pub(crate) fn name(&self, extension: Option<&str>) -> Option<FileName> {
        let words = self.title.as_deref()?.split(['/', '\\', ' ']).filter(|word| !word.is_empty());
        let title = words.collect::<Vec<_>>().join(" ");
        match extension.or(self.extension.as_deref()) {
            Some(extension) => FileName::clean(&format!("{title}.{extension}")),
            None => FileName::clean(&title),
        }
    }
}

impl Worker<'_> {
    /// Has the page looked into. What comes back is a stranger's word: it is checked as if the user had typed it.
    pub(crate) async fn look_into(
        &self,
        page: &Target,
        headers: &files_domain::SourceHeaders,
    ) -> Result<Shown, Stop> {
        let Some(resolver) = &self.import.pages else {
            return Err(Stop::Refused("the source is a page, not a file".to_owned()));
        };
        let pairs: BTreeMap<_, _> =
            headers.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let request = PageRequest { headers: pairs, ..PageRequest::new(page.url.as_str()) };
        let mut tries = 0;
        let found = loop {
            tries += 1;
            let resolved = timeout(self.hours.left(), resolver.resolve(&request)).await;
            match resolved.map_err(|_| Stop::GivenUp(FetchError::Timeout))? {
                Ok(found) => break found,
                Err(ResolveError::Refused(refusal)) => {
                    info!(file = %self.file.id, reason = refusal.reason, "a page cannot be imported");
                    return Err(Stop::Refused(refusal.message));
                }
                Err(error @ ResolveError::Failed(_)) => {
                    warn!(file = %self.file.id, tries, %error, "a page could not be looked into");
                    if tries == MAX_TRIES {
                        return Err(Stop::Refused("the page could not be understood".to_owned()));
                    }
                }
                Err(error @ ResolveError::Unavailable(_)) => return Err(Stop::Ours(error.into())),
            }
        };
        self.shown(&found, page)
    }

    fn shown(&self, found: &Page, page: &Target) -> Result<Shown, Stop> {
        let nothing = || Stop::Refused("the page names nothing that can be fetched".to_owned());
        let best = found.best().ok_or_else(nothing)?;
        let transport = best.transport().ok_or_else(nothing)?;
        let url = SourceUrl::parse(&best.url, &self.import.allowed)
            .map_err(|error| Stop::Refused(FetchError::from(error).for_user()))?;
        let asks = asked_for(best)?;
        let headers = asks.with(&page.headers.leaving(&page.url, &url));
        let origin = Origin::clean(&claims(found));
        let title = origin.as_ref().and_then(Origin::title).map(str::to_owned);
        let extension = (transport == Transport::Progressive).then(|| word(best.ext.as_deref())).flatten();
        Ok(Shown { target: Target { url, headers }, asks, title, extension, origin })
    }

    /// Begins to fetch the stream of a playlist.
    pub(crate) async fn open_stream(&self, target: &Target, playlist: Source) -> Result<Stream, Stop> {
        let (from, asks) =
            (target.clone(), self.shown.as_ref().map(|shown| shown.asks.clone()).unwrap_or_default());
        let headers: HeadersFor = Arc::new(move |to| asks.with(&from.headers.leaving(&from.url, to)));
        let (client, allowed) = (self.client.clone(), self.import.allowed.clone());
        let opened = timeout(self.hours.left(), HlsStream::open(client, allowed, headers, playlist)).await;
        let stream = opened.map_err(|_| Stop::GivenUp(FetchError::Timeout))??;
        Ok(Stream { name: stream.file_name(), stream })
    }
}

/// The headers that the page asks for with its media, as far as a user could ask for them.
fn asked_for(format: &Format) -> Result<SourceHeaders, Stop> {
    let allowed = files_domain::SourceHeaders::allowed_of(format.http_headers.clone());
    SourceHeaders::new(allowed.iter()).map_err(|error| Stop::Refused(error.to_string()))
}

fn claims(page: &Page) -> PageClaims {
    let Page { title, uploader, page_url, duration, site, thumbnail_url, upload_date, .. } = page.clone();
    PageClaims { title, uploader, page_url, duration, site, thumbnail_url, upload_date }
}

/// An extension that is one.
fn word(text: Option<&str>) -> Option<String> {
    let text =
        text.filter(|text| (1..=8).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric()));
    text.map(str::to_ascii_lowercase)
}

/// The segments of a playlist, as bytes that come in their order.
#[derive(Debug)]
pub(crate) struct Stream {
    stream: HlsStream,
    name: String,
}

impl Stream {
    pub(crate) fn extension(&self) -> &'static str {
        self.stream.kind().extension()
    }
}

impl Incoming for Stream {
    async fn next_chunk(&mut self) -> Result<Option<Bytes>, Stop> {
        Ok(self.stream.next_chunk().await?)
    }

    fn length(&self) -> Option<u64> {
        None
    }

    fn content_type(&self) -> Option<&str> {
        Some(self.stream.kind().content_type())
    }

    fn file_name(&self) -> Option<&str> {
        Some(&self.name)
    }
}

/// Bytes under the name that their page gives them.
pub(crate) struct Titled<S> {
    pub(crate) inner: S,
    pub(crate) name: Option<String>,
}

impl<S: Incoming> Incoming for Titled<S> {
    async fn next_chunk(&mut self) -> Result<Option<Bytes>, Stop> {
        self.inner.next_chunk().await
    }

    fn length(&self) -> Option<u64> {
        self.inner.length()
    }

    fn content_type(&self) -> Option<&str> {
        self.inner.content_type()
    }

    fn file_name(&self) -> Option<&str> {
        self.name.as_deref().or_else(|| self.inner.file_name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use safe_fetch::Allowed;

    fn shown(title: Option<&str>, extension: Option<&str>) -> Shown {
        let url = SourceUrl::parse("https://cdn.example/x", &Allowed::default()).unwrap();
        let target = Target { url, headers: SourceHeaders::default() };
        let (title, extension) = (title.map(str::to_owned), extension.map(str::to_owned));
        Shown { target, asks: SourceHeaders::default(), title, extension, origin: None }
    }

    #[test]
    fn a_file_is_called_as_its_page_is() {
        let name = |shown: Shown, found: Option<&str>| shown.name(found).map(|name| name.to_string());
        assert_eq!(name(shown(Some("AC/DC / live"), Some("mp4")), None).as_deref(), Some("AC DC live.mp4"));
        assert_eq!(name(shown(Some("Film"), Some("mp4")), Some("ts")).as_deref(), Some("Film.ts"));
        assert_eq!(name(shown(Some("Film"), None), None).as_deref(), Some("Film"));
        assert_eq!(name(shown(None, Some("mp4")), None), None);
    }

    #[test]
    fn an_extension_is_a_short_word() {
        assert_eq!(word(Some("MP4")).as_deref(), Some("mp4"));
        for wrong in [None, Some(""), Some("../x"), Some("unknown_video"), Some("mp4 ")] {
            assert_eq!(word(wrong), None, "{wrong:?}");
        }
    }
}
