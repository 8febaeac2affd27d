//! Resolves MPEG-DASH manifests.

use dash_stream::{Choice, MAX_MANIFEST_BYTES, Media, Preferences, Stream};
use files_domain::FileName;
use hls_stream::{Kind, SegmentStream};
use mux_protocol::Container;
use safe_fetch::{FetchError, Source, SourceHeaders, SourceUrl, Target, Url};
use tracing::info;

use crate::error::ResolveError;
use crate::kind::ContentKind;
use crate::name::{source_name, with_new_extension};
use crate::resolve::{MediaSource, Opened, Request, headers_for, kind_of, resolve_file};
use crate::resolved::{Content, Resolved, Segments, Sound};

/// A manifest that has been read.
struct Manifest<'a> {
    request: &'a Request,
    target: &'a Target,
    page_headers: SourceHeaders,
}

impl MediaSource {
    /// Resolves a manifest to its best picture and sound, or the next choice if that fails before its first bytes.
    ///
    /// # Errors
    /// [`ResolveError::Refused`] if the manifest or its media cannot be imported, [`ResolveError::Fetch`] if a request failed.
    pub(crate) async fn resolve_dash(&self, opened: Opened<'_>) -> Result<Resolved, ResolveError> {
        let Opened { request, mut source, target, page_headers, page, .. } = opened;
        let own_name = source_name(&source, target.url.url(), None);
        let choices = self.choices(request, &mut source).await?;
        drop(source);
        let manifest = Manifest { request, target, page_headers };
        let page = page.map(|(page, _)| page);
        let mut failed = None;
        for choice in request.in_order(choices, |choice| Some(choice.first.url.clone())) {
            let url = choice.first.url.clone();
            match self.open_choice(&manifest, choice).await {
                Ok(opened) => {
                    let titled = page.as_ref().and_then(|page| page.name(opened.extension));
                    let name = titled.or_else(|| match opened.extension {
                        Some(extension) => {
                            with_new_extension(own_name.as_ref().map(FileName::as_str), extension)
                        }
                        None => own_name,
                    });
                    return Ok(Resolved { name, page, choice: Some(url), ..opened.resolved });
                }
                Err(error) => {
                    info!(%error, "a representation of MPEG-DASH failed, trying the next one");
                    failed.get_or_insert(error);
                }
            }
        }
        Err(failed
            .unwrap_or_else(|| ResolveError::refused("the MPEG-DASH manifest has no streams left to try")))
    }

    async fn choices(&self, request: &Request, source: &mut Source) -> Result<Vec<Choice>, ResolveError> {
        let text = match source.text(MAX_MANIFEST_BYTES).await {
            Ok(text) => text,
            Err(FetchError::TooLong) => return Err(dash_stream::Refusal::TooLong.into()),
            Err(error) => return Err(error.context("the MPEG-DASH manifest".to_owned()).into()),
        };
        let max_joined_height = self.max_joined_height(request);
        Ok(dash_stream::choices(&text, &source.final_url, Preferences { max_joined_height })?)
    }

    /// Opens a representation, or the picture of two.
    async fn open_choice(
        &self,
        manifest: &Manifest<'_>,
        choice: Choice,
    ) -> Result<OpenedChoice, ResolveError> {
        let Choice { first, sound } = choice;
        let opened = self.open_representation(manifest, &first).await?;
        let Some(sound) = sound else { return Ok(opened) };
        let container = Container::of(Some(&first.content_type), Some(&sound.content_type));
        let sound = self.sound(manifest, sound, container)?;
        let content_type = Some(container.content_type().to_owned());
        let resolved = Resolved { content_type, sound: Some(sound), ..opened.resolved };
        Ok(OpenedChoice { resolved, extension: Some(container.extension()) })
    }

    async fn open_representation(
        &self,
        manifest: &Manifest<'_>,
        stream: &Stream,
    ) -> Result<OpenedChoice, ResolveError> {
        match &stream.media {
            Media::Segments(plan) => {
                let fetcher = self.fetcher(manifest.target, &manifest.page_headers);
                let opened = SegmentStream::of_plan(fetcher, plan).await?;
                let (content_type, extension) = described(opened.kind(), &stream.content_type);
                let content = Content::Stream(Box::new(opened));
                let resolved = media_of(content, manifest.target.clone(), Some(content_type.to_owned()));
                Ok(OpenedChoice { resolved, extension: Some(extension) })
            }
            Media::File(url) => self.open_file(manifest, url).await,
        }
    }

    async fn open_file(&self, manifest: &Manifest<'_>, url: &Url) -> Result<OpenedChoice, ResolveError> {
        let target = self.file_target(manifest, url)?;
        let opened = self.client.open(&target).await;
        let mut source =
            opened.map_err(|error| error.context("the media of the MPEG-DASH manifest".to_owned()))?;
        let kind = kind_of(&mut source, &target).await?;
        if kind != ContentKind::File {
            return Err(ResolveError::refused(
                "the MPEG-DASH manifest leads to a page or a playlist, not to media",
            ));
        }
        let (request, page_headers) = (manifest.request, manifest.page_headers.clone());
        let resolved =
            resolve_file(Opened { request, source, kind, target: &target, page_headers, page: None }).await?;
        let extension = resolved.content_type.as_deref().and_then(crate::name::extension_of);
        Ok(OpenedChoice { resolved, extension })
    }

    /// Checks the URL of a file like one from a user.
    fn file_target(&self, manifest: &Manifest<'_>, url: &Url) -> Result<Target, ResolveError> {
        let url = SourceUrl::parse(url.as_str(), &self.allowed).map_err(FetchError::from)?;
        Ok(Target { headers: headers_for(manifest.target, manifest.page_headers.clone())(&url), url })
    }

    fn sound(
        &self,
        manifest: &Manifest<'_>,
        stream: Stream,
        container: Container,
    ) -> Result<Sound, ResolveError> {
        let page_headers = manifest.page_headers.clone();
        let (target, segments) = match stream.media {
            Media::File(url) => (self.file_target(manifest, &url)?, None),
            Media::Segments(plan) => (manifest.target.clone(), Some(Box::new(Segments::Dash(plan)))),
        };
        Ok(Sound { target, container, page_headers, segments })
    }
}

/// An open representation, and the extension of its file.
struct OpenedChoice {
    resolved: Resolved,
    extension: Option<&'static str>,
}

fn media_of(content: Content, target: Target, content_type: Option<String>) -> Resolved {
    Resolved { content, target, name: None, content_type, page: None, sound: None, choice: None }
}

/// Returns the media type and the extension of a stream, which is a sound if the manifest says so.
fn described(kind: Kind, declared: &str) -> (&'static str, &'static str) {
    match kind {
        Kind::Mp4 if declared.starts_with("audio/") => ("audio/mp4", "m4a"),
        Kind::Webm if declared.starts_with("audio/") => ("audio/webm", "webm"),
        kind => (kind.content_type(), kind.extension()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sound_is_named_as_one() {
        assert_eq!(described(Kind::Mp4, "audio/mp4"), ("audio/mp4", "m4a"));
        assert_eq!(described(Kind::Webm, "audio/webm"), ("audio/webm", "webm"));
        assert_eq!(described(Kind::Mp4, "video/mp4"), ("video/mp4", "mp4"));
        assert_eq!(described(Kind::MpegTs, "audio/mp2t"), ("video/mp2t", "ts"));
    }
}
