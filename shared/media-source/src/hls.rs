//! Resolves HLS playlists.

use files_domain::FileName;
use hls_stream::{Choice, Contents, Fetcher, SegmentStream, read_playlist};
use mux_protocol::Container;
use safe_fetch::{SourceHeaders, Target};
use tracing::info;

use crate::error::ResolveError;
use crate::name::{source_name, with_new_extension};
use crate::resolve::{MediaSource, Opened, headers_for};
use crate::resolved::{Content, Resolved, Segments, Sound};

/// A playlist that has been read.
struct Playlist<'a> {
    target: &'a Target,
    page_headers: SourceHeaders,
    fetcher: Fetcher,
}

impl MediaSource {
    /// Resolves a playlist to its stream: for a multivariant playlist, to the best variant and its sound, or to the next choice if
    /// that fails before its first bytes.
    ///
    /// # Errors
    /// [`ResolveError::Refused`] if the playlist or its segments cannot be imported, [`ResolveError::Fetch`] if a request failed.
    pub(crate) async fn resolve_hls(&self, opened: Opened<'_>) -> Result<Resolved, ResolveError> {
        let Opened { request, mut source, target, page_headers, page, .. } = opened;
        let own_name = source_name(&source, target.url.url(), None);
        let contents = read_playlist(&mut source, self.max_joined_height(request)).await?;
        drop(source);
        let fetcher = self.fetcher(target, &page_headers);
        let playlist = Playlist { target, page_headers, fetcher };
        let page = page.map(|(page, _)| page);
        let (found, page) = match contents {
            Contents::Segments(plan) => {
                let stream = SegmentStream::of_media(playlist.fetcher.clone(), &plan).await?;
                let choice = page.as_ref().map(|_| target.url.url().clone());
                (Resolved { choice, ..resolved(target, stream, None) }, page)
            }
            Contents::Choices(choices) => {
                let choices = request.in_order(choices, |choice| Some(choice.url.clone()));
                let (found, choice) = playlist.open_first(choices).await?;
                let urls = (choice.stream.url(), choice.sound.and_then(|sound| sound.url()));
                let page = page.map(|page| page.with_streams(urls.0.as_ref(), urls.1.as_ref()));
                (Resolved { choice: Some(choice.url), ..found }, page)
            }
        };
        let extension = extension(&found);
        let titled = page.as_ref().and_then(|page| page.name(Some(extension)));
        let named = || with_new_extension(own_name.as_ref().map(FileName::as_str), extension);
        Ok(Resolved { name: titled.or_else(named), page, ..found })
    }

    /// Opens a sound in segments, of HLS or MPEG-DASH.
    ///
    /// # Errors
    /// See [`MediaSource::open_sound`].
    pub(crate) async fn open_sound_segments(
        &self,
        sound: &Sound,
        segments: &Segments,
    ) -> Result<Resolved, ResolveError> {
        let fetcher = self.fetcher(&sound.target, &sound.page_headers);
        let stream = match segments {
            Segments::Dash(plan) => SegmentStream::of_plan(fetcher, plan).await?,
            Segments::Hls(plan) => SegmentStream::of_media(fetcher, plan).await?,
        };
        Ok(resolved(&sound.target, stream, None))
    }

    pub(crate) fn fetcher(&self, from: &Target, page_headers: &SourceHeaders) -> Fetcher {
        let headers = headers_for(from, page_headers.clone());
        Fetcher { client: self.client.clone(), allowed: self.allowed.clone(), headers }
    }
}

/// Returns the extension of the file, or of both streams joined.
fn extension(resolved: &Resolved) -> &'static str {
    match (&resolved.sound, &resolved.content) {
        (Some(sound), _) => sound.container.extension(),
        (None, Content::Stream(stream)) => stream.kind().extension(),
        (None, Content::File(_)) => "mp4", // a playlist has no files
    }
}

impl Playlist<'_> {
    /// Opens the first choice that can be.
    async fn open_first(&self, choices: Vec<Choice>) -> Result<(Resolved, Choice), ResolveError> {
        let mut failed = None;
        for choice in choices {
            match self.open(&choice).await {
                Ok(resolved) => return Ok((resolved, choice)),
                Err(error) => {
                    info!(%error, "a variant of HLS failed, trying the next one");
                    failed.get_or_insert(error);
                }
            }
        }
        Err(failed.unwrap_or_else(|| ResolveError::refused("the playlist has no variants left to try")))
    }

    /// Opens a variant. Its separate sound is read before, because the picture is of no use without it.
    async fn open(&self, choice: &Choice) -> Result<Resolved, ResolveError> {
        let plan = choice.stream.read(&self.fetcher).await?;
        let sound = match &choice.sound {
            Some(sound) => Some(sound.read(&self.fetcher).await?),
            None => None,
        };
        let stream = SegmentStream::of_media(self.fetcher.clone(), &plan).await?;
        Ok(resolved(self.target, stream, sound.map(|plan| self.sound(Segments::Hls(plan)))))
    }

    fn sound(&self, segments: Segments) -> Sound {
        Sound {
            target: self.target.clone(),
            container: Container::Mp4,
            page_headers: self.page_headers.clone(),
            segments: Some(Box::new(segments)),
        }
    }
}

fn resolved(target: &Target, stream: SegmentStream, sound: Option<Sound>) -> Resolved {
    let own_type = stream.kind().content_type();
    let content_type = sound.as_ref().map_or(own_type, |sound| sound.container.content_type());
    Resolved {
        name: None,
        content_type: Some(content_type.to_owned()),
        content: Content::Stream(Box::new(stream)),
        target: target.clone(),
        page: None,
        sound,
        choice: None,
    }
}
