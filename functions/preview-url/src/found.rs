//! What a source's answer is: the media itself, or a playlist of it.

use std::sync::Arc;

use files_api::{ApiError, Reason};
use files_domain::{FileName, clean_content_type};
use hls_stream::{HeadersFor, HlsError, HlsStream, is_playlist};
use safe_fetch::{FetchError, Source, SourceHeaders, Target};
use tokio::time::timeout;

use crate::{PreviewUrl, SOURCE_TIME, refused};

/// The media type of DASH's manifests.
const DASH: &str = "application/dash+xml";

/// What an import would store.
pub(crate) struct Found {
    /// As the source names it.
    pub(crate) name: Option<FileName>,
    pub(crate) content_type: Option<String>,
    pub(crate) size: Option<u64>,
    pub(crate) resumable: bool,
    /// What the bytes are once a playlist's segments are put together.
    pub(crate) extension: Option<&'static str>,
}

impl Found {
    fn media(source: &Source) -> Self {
        Self {
            name: source.file_name.as_deref().and_then(FileName::clean),
            content_type: source.content_type.as_deref().and_then(clean_content_type),
            size: source.length,
            resumable: source.version.is_some(),
            extension: None,
        }
    }

    fn stream(stream: &HlsStream) -> Self {
        Self {
            name: FileName::clean(&stream.file_name()),
            content_type: Some(stream.kind().content_type().to_owned()),
            size: None,
            resumable: false,
            extension: Some(stream.kind().extension()),
        }
    }
}

impl PreviewUrl {
    /// As an import finds it. `asks` goes along to every address of a playlist, the target's own headers only to their origin.
    pub(crate) async fn find(
        &self,
        target: &Target,
        asks: &SourceHeaders,
        source: Source,
    ) -> Result<Found, ApiError> {
        match source.content_type.as_deref() {
            Some(DASH) => Err(refusal("streams of MPEG-DASH cannot be imported")),
            Some(content_type) if is_playlist(content_type) => {
                self.open_stream(target, asks, source).await.map(|stream| Found::stream(&stream))
            }
            _ => Ok(Found::media(&source)),
        }
    }

    async fn open_stream(
        &self,
        target: &Target,
        asks: &SourceHeaders,
        playlist: Source,
    ) -> Result<HlsStream, ApiError> {
        let (from, asks) = (target.clone(), asks.clone());
        let headers: HeadersFor = Arc::new(move |to| asks.with(&from.headers.leaving(&from.url, to)));
        let opening = HlsStream::open(self.client.clone(), self.allowed.clone(), headers, playlist);
        match timeout(SOURCE_TIME, opening).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(HlsError::Refused(why))) => Err(refusal(&why.to_string())),
            Ok(Err(HlsError::Fetch(error))) => Err(refused(&error)),
            Err(_) => Err(refused(&FetchError::Timeout)),
        }
    }
}

/// A source that gives nothing that could be imported, for the reason given in the user's words.
pub(crate) fn refusal(why: &str) -> ApiError {
    ApiError::from(Reason::SourceRefused).with_message(why).on_field("file_url", Some(why.to_owned()))
}
