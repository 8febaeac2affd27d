//! Resolves a URL to its media.

use std::collections::BTreeMap;
use std::sync::Arc;

use files_domain::{FileName, clean_content_type};
use hls_stream::HeadersFor;
use mux_protocol::Container;
use safe_fetch::{Allowed, FetchError, SafeClient, Source, SourceHeaders, SourceUrl, Target, Url};
use tracing::{info, warn};

use crate::error::ResolveError;
use crate::kind::{ContentKind, Declared, HEAD_BYTES, classify, sniffed_type};
use crate::name::{extension_of, path_extension, source_name, with_new_extension};
use crate::page::{Candidate, Format, Page, Transport};
use crate::public_urls::drop_private_hosts;
use crate::resolved::{Content, Resolved, Sound};
use crate::resolved_page::{ResolvedPage, extension, headers_of};
use crate::resolver::{PageError, PageRequest, PageResolver};

/// The maximum number of invocations of `resolve-url` per page. It is invoked again after a crash, which may have another cause
/// than the page.
const MAX_PAGE_ATTEMPTS: u32 = 2;
/// The maximum number of formats of a page that are tried, one after the other: a manifest, two to join, a whole one, and a whole one
/// of another transport.
const MAX_FORMATS: usize = 4;
/// The statuses with which sites refuse unknown user agents.
const USER_AGENT_REFUSED: [u16; 3] = [403, 406, 999];

/// Resolves URLs. Cheap to clone.
#[derive(Clone, Debug)]
pub struct MediaSource {
    /// The HTTP client.
    pub client: SafeClient,
    /// The hosts that an operator allows beyond the public internet.
    pub allowed: Allowed,
    /// The resolver for web pages. Without it, web pages are stored as files.
    pub pages: Option<PageResolver>,
    /// The largest height in pixels of a picture of a playlist or manifest that is joined with its separate sound; 0 joins nothing.
    pub max_joined_height: u64,
}

/// A URL to resolve.
#[derive(Clone, Debug)]
pub struct Request {
    /// The URL, and the user's headers for it.
    pub target: Target,
    /// The user's headers, for `resolve-url`.
    pub headers: files_domain::SourceHeaders,
    /// The time limit for `resolve-url` in seconds, if lower than its own limit.
    pub page_seconds: Option<u32>,
    /// The URLs of variants and formats to skip, because their transfer failed before.
    pub avoided: Vec<Url>,
    /// The [`choice_id`](crate::choice_id) of the variant or format that an earlier run of the import fetched. It is tried first.
    pub preferred: Option<String>,
    /// Whether the caller can join a picture and a sound that are separate.
    pub joins: bool,
}

impl Request {
    /// Creates a request for a URL with a user's headers.
    ///
    /// # Errors
    /// [`InvalidSourceHeader`](safe_fetch::InvalidSourceHeader) if a header is malformed or reserved.
    pub fn new(
        url: SourceUrl,
        headers: &files_domain::SourceHeaders,
    ) -> Result<Self, safe_fetch::InvalidSourceHeader> {
        let target = Target { url, headers: SourceHeaders::new(headers.iter())? };
        Ok(Self::of_target(target, headers.clone()))
    }

    fn of_target(target: Target, headers: files_domain::SourceHeaders) -> Self {
        Self { target, headers, page_seconds: None, avoided: Vec::new(), preferred: None, joins: false }
    }
}

/// An open response, with its request.
pub(crate) struct Opened<'a> {
    pub(crate) request: &'a Request,
    pub(crate) source: Source,
    pub(crate) kind: ContentKind,
    pub(crate) target: &'a Target,
    /// The headers that the page requires for its media, on every host. Without cookies.
    pub(crate) page_headers: SourceHeaders,
    pub(crate) page: Option<(ResolvedPage, &'a Format)>,
}

impl MediaSource {
    /// Requests a URL and resolves the response: a file, a playlist, or a web page that embeds one. For a web page, opens its
    /// best format, or the next comparable one if that fails.
    ///
    /// # Errors
    /// [`ResolveError::Refused`] if there is nothing to import, [`ResolveError::Fetch`] if a request failed,
    /// [`ResolveError::PageFailed`] or [`ResolveError::Unavailable`] if `resolve-url` failed or could not be invoked.
    pub async fn resolve(&self, request: &Request) -> Result<Resolved, ResolveError> {
        let target = &request.target;
        let mut source = match self.client.open(target).await {
            Ok(source) => source,
            Err(error) => return self.resolve_refused(request, error).await,
        };
        let kind = kind_of(&mut source, target).await?;
        if kind == ContentKind::Page && self.pages.is_some() {
            drop(source);
            return self.resolve_page(request).await;
        }
        let page_headers = SourceHeaders::default();
        self.resolve_media(Opened { request, source, kind, target, page_headers, page: None }).await
    }

    /// Returns the largest height of a picture that is joined for a request, or 0.
    pub(crate) fn max_joined_height(&self, request: &Request) -> u64 {
        if request.joins { self.max_joined_height } else { 0 }
    }

    /// Opens the separate sound of a resolved picture. Its name, page and choice are not set.
    ///
    /// # Errors
    /// [`ResolveError::Refused`] if it is neither a file nor a playlist, [`ResolveError::Fetch`] if a request failed.
    pub async fn open_sound(&self, sound: &Sound) -> Result<Resolved, ResolveError> {
        let Sound { target, page_headers, segments, .. } = sound;
        if let Some(segments) = segments {
            return self.open_sound_segments(sound, segments).await;
        }
        let request = &Request::of_target(target.clone(), files_domain::SourceHeaders::default());
        let mut source = self.client.open(target).await?;
        let kind = kind_of(&mut source, target).await?;
        if kind == ContentKind::Page {
            return Err(ResolveError::refused("the sound of the page is a page again"));
        }
        let page_headers = page_headers.clone();
        let opened = Opened { request, source, kind, target, page_headers, page: None };
        Ok(Resolved { choice: None, ..self.resolve_media(opened).await? })
    }

    /// Resolves a page whose site refused the request with `resolve-url`, because yt-dlp knows which headers some sites require.
    /// If that fails too, returns the first error unless the second one is more specific.
    async fn resolve_refused(&self, request: &Request, error: FetchError) -> Result<Resolved, ResolveError> {
        let may_be_user_agent = error.status().is_some_and(|status| USER_AGENT_REFUSED.contains(&status));
        if !may_be_user_agent || self.pages.is_none() {
            return Err(error.into());
        }
        match self.resolve_page(request).await {
            Ok(resolved) => Ok(resolved),
            Err(page_error) if page_error.is_better_than_status() => Err(page_error),
            Err(page_error) => {
                info!(%error, %page_error, "source refused the request, and resolve-url found no media");
                Err(error.into())
            }
        }
    }

    async fn resolve_page(&self, request: &Request) -> Result<Resolved, ResolveError> {
        let mut page = self.invoke_resolver(request).await?;
        let mut failed = None;
        if page.best.is_none() && !request.joins {
            return Err(ResolveError::separate("the page has video and sound in separate streams only"));
        }
        let is_private = |url| async move { self.client.resolves_to_private(&url).await };
        page.claims = drop_private_hosts(page.claims, &self.allowed, is_private).await;
        let candidates = page.candidates(request.joins).into_iter().take(MAX_FORMATS).collect();
        let url = |candidate: &Candidate| self.url_of(&page.formats[candidate.first()]);
        for candidate in request.in_order(candidates, url) {
            match self.resolve_candidate(request, &page, candidate).await {
                Ok(resolved) => return Ok(resolved),
                Err(error) => {
                    info!(%error, ?candidate, "format of a web page failed, trying the next one");
                    failed.get_or_insert(error);
                }
            }
        }
        Err(failed.unwrap_or_else(|| ResolveError::refused("the page has no media that can be fetched")))
    }

    fn url_of(&self, format: &Format) -> Option<Url> {
        SourceUrl::parse(&format.url, &self.allowed).ok().map(|url| url.url().clone())
    }

    /// Invokes `resolve-url`.
    async fn invoke_resolver(&self, request: &Request) -> Result<Page, ResolveError> {
        let Some(pages) = &self.pages else {
            return Err(ResolveError::refused("the source is a web page, not a file"));
        };
        let url = request.target.url.with_fragment();
        let headers: BTreeMap<_, _> =
            request.headers.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let page_request = PageRequest { url: &url, headers, seconds: request.page_seconds };
        let mut attempts = 0;
        loop {
            attempts += 1;
            match pages.resolve(&page_request).await {
                // A caller that sets a time limit has no time for a second invocation.
                Err(error @ PageError::Failed(_))
                    if attempts < MAX_PAGE_ATTEMPTS && request.page_seconds.is_none() =>
                {
                    warn!(attempts, %error, "resolve-url failed, invoking it again");
                }
                resolved => return Ok(resolved?),
            }
        }
    }

    /// Opens a format, or the picture of separate ones.
    async fn resolve_candidate(
        &self,
        request: &Request,
        page: &Page,
        candidate: Candidate,
    ) -> Result<Resolved, ResolveError> {
        let resolved = self.resolve_format(request, page, candidate.first()).await?;
        let Candidate::Separate { picture, sound: sound_index } = candidate else { return Ok(resolved) };
        let (picture, sound) = (&page.formats[picture], &page.formats[sound_index]);
        let (target, page_headers) = self.format_target(request, sound)?;
        let of = |format: &Format| format.ext.as_deref().map(|ext| format!("video/{ext}"));
        let container = Container::of(of(picture).as_deref(), of(sound).as_deref());
        let page = resolved.page.map(|page| ResolvedPage { sound: Some(sound_index), ..page });
        let name = resolved.name.as_ref().map(FileName::as_str);
        Ok(Resolved {
            name: with_new_extension(name, container.extension()),
            content_type: Some(container.content_type().to_owned()),
            sound: Some(Sound { target, container, page_headers, segments: None }),
            choice: Some(resolved.target.url.url().clone()),
            page,
            ..resolved
        })
    }

    /// Returns the checked URL of a format with its headers, and the headers that the page requires on every host.
    fn format_target(
        &self,
        request: &Request,
        format: &Format,
    ) -> Result<(Target, SourceHeaders), ResolveError> {
        let page_target = &request.target;
        let url = SourceUrl::parse(&format.url, &self.allowed).map_err(FetchError::from)?;
        let page_headers = headers_of(format)?;
        let own = page_headers.with(&page_target.headers.allowed_for(&page_target.url, &url));
        Ok((Target { headers: own.with_cookies(format.cookies.clone()), url }, page_headers))
    }

    /// Opens a format of a page. Its URL is checked like one from a user. The user's headers are sent only to the page's own
    /// origin, the cookies only to the format's origin.
    async fn resolve_format(
        &self,
        request: &Request,
        page: &Page,
        index: usize,
    ) -> Result<Resolved, ResolveError> {
        let format = &page.formats[index];
        let (target, page_headers) = self.format_target(request, format)?;
        let target = &target;
        let opened = self.client.open(target).await;
        let mut source = opened.map_err(|error| error.context("the media of the page".to_owned()))?;
        let kind = kind_of(&mut source, target).await?;
        if format.is_of_manifest() && kind != ContentKind::Dash {
            // Some extractors return the URL of the first segment.
            return Err(ResolveError::refused(
                "the page names segments of a stream, but no manifest of them",
            ));
        }
        let page = Some((ResolvedPage::new(page.clone(), index, &self.allowed), format));
        self.resolve_media(Opened { request, source, kind, target, page_headers, page }).await
    }

    async fn resolve_media(&self, opened: Opened<'_>) -> Result<Resolved, ResolveError> {
        let message = match opened.kind {
            ContentKind::Page if opened.page.as_ref().is_some_and(|(page, _)| page.page.direct) => {
                "the source is a web page, not a media file"
            }
            ContentKind::Page if opened.page.is_some() => "what the page shows is a page again",
            ContentKind::SmoothStreaming => "streams of Smooth Streaming cannot be imported",
            ContentKind::Hds => "streams of Adobe HTTP Dynamic Streaming cannot be imported",
            ContentKind::Playlist => return self.resolve_hls(opened).await,
            ContentKind::Dash => return self.resolve_dash(opened).await,
            ContentKind::Page | ContentKind::File => return resolve_file(opened).await,
        };
        Err(ResolveError::refused(message))
    }
}

/// Returns the headers for the URLs that a playlist or manifest at `from` names: those of the user only for its origin.
pub(crate) fn headers_for(from: &Target, page_headers: SourceHeaders) -> HeadersFor {
    let from = from.clone();
    Arc::new(move |to| page_headers.with(&from.headers.allowed_for(&from.url, to)))
}

pub(crate) async fn resolve_file(opened: Opened<'_>) -> Result<Resolved, ResolveError> {
    let Opened { mut source, target, page, .. } = opened;
    if let Some(coding) = source.encoded().await? {
        return Err(FetchError::ContentEncoding(coding).into());
    }
    let signature = sniffed_type(&source.head(HEAD_BYTES).await?);
    // The signature determines the type of a file declared as HTML or as arbitrary binary data.
    let declared =
        source.content_type.as_deref().filter(|declared| !is_html(declared) && !is_generic(declared));
    let content_type =
        declared.map(str::to_owned).or_else(|| signature.map(|found| found.mime_type().to_owned()));
    let of_type = content_type.as_deref().and_then(extension_of);
    let found = of_type.or(signature.map(|found| found.extension()));
    let (page, format) = page.map_or((None, None), |(page, format)| (Some(page), Some(format)));
    let of_page =
        format.filter(|format| format.transport() == Some(Transport::Progressive)).and_then(extension);
    let titled = page.as_ref().and_then(|page| page.name(of_page.as_deref().or(found)));
    Ok(Resolved {
        name: titled.or_else(|| source_name(&source, target.url.url(), found)),
        content_type: content_type.as_deref().and_then(clean_content_type),
        choice: page.as_ref().map(|_| target.url.url().clone()),
        content: Content::File(Box::new(source)),
        sound: None,
        target: target.clone(),
        page,
    })
}

pub(crate) async fn kind_of(source: &mut Source, requested: &Target) -> Result<ContentKind, FetchError> {
    let head = source.head(HEAD_BYTES).await?;
    let extensions = [path_extension(&source.final_url), path_extension(requested.url.url())];
    let declared = Declared {
        content_type: source.content_type.as_deref(),
        extensions: [extensions[0].as_deref(), extensions[1].as_deref()],
        is_attachment: source.is_attachment,
    };
    Ok(classify(&head, declared))
}

fn is_html(content_type: &str) -> bool {
    matches!(content_type, "text/html" | "application/xhtml+xml")
}

fn is_generic(content_type: &str) -> bool {
    matches!(content_type, "application/octet-stream" | "binary/octet-stream")
}
