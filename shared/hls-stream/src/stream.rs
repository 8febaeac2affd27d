//! Fetches the segments of a playlist or a manifest as one stream.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use safe_fetch::{Allowed, ByteRange, FetchError, SafeClient, SourceHeaders, SourceUrl, Target, Url};

use crate::beginning::{is_other_file, moov_end};
use crate::kind::{Kind, describe};
use crate::media::{Piece, Pieces};
use crate::piece::{Body, PieceFetch};
use crate::plan::SegmentPlan;
use crate::{HlsError, Refusal};

/// The maximum number of consecutive attempts without progress per piece.
const MAX_ATTEMPTS: u32 = 4;
/// The wait before the second attempt. It grows linearly with the number of attempts.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
/// The number of bytes of whole files that may be dropped, if a source ignores `Range`. More may be dropped as long as at least
/// as many bytes are kept.
const MAX_DROPPED_BYTES: u64 = 256 * 1024 * 1024;

/// Returns the headers for a request to a URL. The URLs in a playlist may be on other hosts, which must not receive headers meant
/// for one host.
pub type HeadersFor = Arc<dyn Fn(&SourceUrl) -> SourceHeaders + Send + Sync>;

/// The concatenated segments of a playlist or a manifest, as a stream of bytes.
pub struct SegmentStream {
    fetcher: Fetcher,
    /// The URL that relative URIs in the playlist are resolved against.
    base: Url,
    kind: Kind,
    pieces: VecDeque<Piece>,
    /// The number of segments in the playlist.
    count: usize,
    current: Option<PieceFetch>,
    /// The URI and body of a whole file that may contain the next piece.
    reusable: Option<(String, Body)>,
    first: Option<Bytes>,
    /// The end of the `moov` box in the first piece of an MP4.
    moov_end: u64,
    delivered: u64,
    dropped: u64,
}

/// How playlists and segments are fetched.
#[derive(Clone)]
pub struct Fetcher {
    /// The HTTP client.
    pub client: SafeClient,
    /// The hosts that an operator allows beyond the public internet.
    pub allowed: Allowed,
    /// The headers for each request.
    pub headers: HeadersFor,
}

impl Fetcher {
    /// Resolves a URI of a playlist and applies the checks for URLs that users send.
    pub(crate) fn target(&self, base: &Url, uri: &str) -> Result<Target, FetchError> {
        let joined = base.join(uri).map_err(|_| FetchError::Url(safe_fetch::UrlError::NotAbsolute))?;
        let url = SourceUrl::parse(joined.as_str(), &self.allowed)?;
        Ok(Target { headers: (self.headers)(&url), url })
    }
}

impl fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetcher").finish_non_exhaustive()
    }
}

impl fmt::Debug for SegmentStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SegmentStream")
            .field("kind", &self.kind)
            .field("pieces", &self.pieces.len())
            .finish_non_exhaustive()
    }
}

impl SegmentStream {
    /// Opens the segments of a plan, and fetches the beginning of the first one.
    ///
    /// # Errors
    /// [`HlsError::Refused`] if the segments cannot be joined, [`HlsError::Fetch`] if the first one could not be fetched.
    pub async fn of_plan(fetcher: Fetcher, plan: &SegmentPlan) -> Result<Self, HlsError> {
        Self::begin(fetcher, plan.base.clone(), plan.pieces()?).await
    }

    pub(crate) async fn begin(fetcher: Fetcher, base: Url, found: Pieces) -> Result<Self, HlsError> {
        let mut stream = Self {
            fetcher,
            base,
            kind: Kind::Mp4,
            pieces: found.pieces,
            count: found.count,
            current: None,
            reusable: None,
            first: None,
            moov_end: 0,
            delivered: 0,
            dropped: 0,
        };
        let (number, head) = stream.fetch_first().await?;
        stream.kind = found.beginning.kind(number, &head)?;
        stream.moov_end = moov_end(&head).filter(|_| stream.kind == Kind::Mp4).unwrap_or(0);
        stream.first = Some(head);
        Ok(stream)
    }

    /// Returns the container format of the stream.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns the next bytes, or `None` at the end of the last segment.
    ///
    /// # Errors
    /// [`HlsError::Fetch`] if a segment could not be fetched after several attempts, [`HlsError::Refused`] if a segment has
    /// another format than the first one.
    pub async fn next_chunk(&mut self) -> Result<Option<Bytes>, HlsError> {
        match self.first.take() {
            Some(first) => Ok(Some(first)),
            None => self.fetch_next().await,
        }
    }

    /// Returns the number of the first piece's segment, and its first bytes.
    async fn fetch_first(&mut self) -> Result<(usize, Bytes), HlsError> {
        loop {
            let number = self.current_piece().map_or(0, |current| current.piece.segment);
            match self.read_piece().await {
                Ok(Some(Step::Head(head))) => return Ok((number, head)),
                Ok(_) => return Err(Refusal::Empty.into()),
                Err(error) => self.back_off(error).await?,
            }
        }
    }

    async fn fetch_next(&mut self) -> Result<Option<Bytes>, HlsError> {
        while let Some(current) = self.current_piece() {
            let number = current.piece.segment;
            match self.read_piece().await {
                Ok(Some(Step::Head(head))) => {
                    self.check(number, &head)?;
                    return Ok(Some(head));
                }
                Ok(Some(Step::More(chunk))) => return Ok(Some(chunk)),
                Ok(None) => self.end_piece()?,
                Err(error) => self.back_off(error).await?,
            }
        }
        Ok(None)
    }

    fn current_piece(&mut self) -> Option<&mut PieceFetch> {
        if self.current.is_none() {
            self.current = Some(PieceFetch::new(self.pieces.pop_front()?));
        }
        self.current.as_mut()
    }

    /// Returns the next bytes of the current piece, or `None` at its end.
    async fn read_piece(&mut self) -> Result<Option<Step>, FetchError> {
        let Some(current) = &mut self.current else { return Ok(None) };
        if current.body.is_none() && current.missing().is_none_or(|(_, length)| length > 0) {
            current.body = Some(request(&self.fetcher, &self.base, current, self.reusable.take()).await?);
        }
        if !current.is_checked() {
            return current.read_head().await.map(|head| Some(Step::Head(head)));
        }
        Ok(current.next_chunk().await?.map(Step::More))
    }

    /// Checks that a segment has the format of the stream, and is not the beginning of another MP4 file.
    fn check(&self, number: usize, head: &[u8]) -> Result<(), Refusal> {
        match Kind::of(head) {
            Some(kind) if kind == self.kind => {}
            other => {
                let is = other.map_or_else(|| describe(head), Kind::name);
                return Err(Refusal::Segment { number, is, expected: Some(self.kind.name()) });
            }
        }
        if is_other_file(self.kind, head) { Err(Refusal::Segments) } else { Ok(()) }
    }

    fn end_piece(&mut self) -> Result<(), Refusal> {
        let Some(current) = self.current.take() else { return Ok(()) };
        if self.delivered == 0 && current.delivered < self.moov_end {
            return Err(Refusal::NoMap);
        }
        self.delivered += current.delivered;
        self.dropped += current.dropped;
        self.reusable = current.into_reusable();
        let is_wasteful = self.dropped > MAX_DROPPED_BYTES.max(self.delivered);
        if is_wasteful { Err(Refusal::WholeFiles) } else { Ok(()) }
    }

    /// Waits before the next attempt at the current piece, or skips it if it may be missing and is. Returns the error if it is permanent or no attempts are left.
    async fn back_off(&mut self, error: FetchError) -> Result<(), FetchError> {
        let count = self.count;
        let Some(current) = &mut self.current else { return Err(error) };
        current.body = None;
        current.attempts = if current.has_progressed() { 1 } else { current.attempts + 1 };
        let is_missing = matches!(error.status(), Some(404 | 410));
        if is_missing && current.piece.may_be_missing && current.delivered == 0 {
            self.current = None;
            return Ok(());
        }
        if current.attempts >= MAX_ATTEMPTS || !error.is_retryable() {
            return Err(error.context(match current.piece.segment {
                0 => "the stream's initialisation".to_owned(),
                number => format!("segment {number} of {count}"),
            }));
        }
        tracing::info!(%error, attempts = current.attempts, "a segment failed, trying again");
        tokio::time::sleep(FIRST_BACKOFF * current.attempts).await; // a backoff, not a wait for an event
        Ok(())
    }
}

/// Bytes of a piece.
enum Step {
    /// The first bytes of the piece.
    Head(Bytes),
    /// The bytes after the head.
    More(Bytes),
}

/// Requests the missing bytes of a piece, or reuses the open body of its file.
async fn request(
    fetcher: &Fetcher,
    base: &Url,
    current: &PieceFetch,
    reusable: Option<(String, Body)>,
) -> Result<Body, FetchError> {
    let target = fetcher.target(base, &current.piece.uri)?;
    let Some((first, length)) = current.missing() else {
        let source = fetcher.client.get_with(&target.url, &target.headers).await?;
        return Ok(Body::new(source, 0, true));
    };
    if let Some((uri, body)) = reusable
        && uri == current.piece.uri
        && body.is_before(first)
    {
        return Ok(body);
    }
    let missing = ByteRange { first, last: first + length - 1 };
    let (source, at) = fetcher.client.part(&target, missing).await?;
    let is_whole = source.status != 206;
    Ok(Body::new(source, at, is_whole))
}
