//! Fetches the segments of a playlist as one stream.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use safe_fetch::{Allowed, ByteRange, FetchError, SafeClient, Source, SourceHeaders, SourceUrl, Target, Url};

use crate::kind::{Kind, describe};
use crate::media::{self, Piece};
use crate::piece::{Body, PieceFetch};
use crate::playlist::{self, Media, Playlist};
use crate::variables::Variables;
use crate::{HlsError, Refusal, grammar, master};

/// The maximum size of a playlist.
const MAX_PLAYLIST_BYTES: usize = 4 * 1024 * 1024;
/// The maximum number of variants that are tried, one after the other.
const MAX_VARIANTS: usize = 4;
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

/// The concatenated segments of a playlist, as a stream of bytes.
pub struct HlsStream {
    fetcher: Fetcher,
    /// The URL that relative URIs in the playlist are resolved against.
    base: Url,
    kind: Kind,
    variant: Option<Url>,
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

/// The client, the allowed hosts and the headers for requests.
#[derive(Clone)]
struct Fetcher {
    client: SafeClient,
    allowed: Allowed,
    headers: HeadersFor,
}

impl Fetcher {
    /// Resolves a URI of a playlist and applies the checks for URLs that users send.
    fn target(&self, base: &Url, uri: &str) -> Result<Target, FetchError> {
        let joined = base.join(uri).map_err(|_| FetchError::Url(safe_fetch::UrlError::NotAbsolute))?;
        let url = SourceUrl::parse(joined.as_str(), &self.allowed)?;
        Ok(Target { headers: (self.headers)(&url), url })
    }
}

impl fmt::Debug for HlsStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HlsStream")
            .field("kind", &self.kind)
            .field("pieces", &self.pieces.len())
            .finish_non_exhaustive()
    }
}

impl HlsStream {
    /// Reads the playlist in the body of `source` and fetches the beginning of the first segment.
    ///
    /// For a multivariant playlist, opens the best variant. Skips variants in `avoided`, and tries the next comparable one if a
    /// variant fails before its first segment; at most four in total.
    ///
    /// # Errors
    /// [`HlsError::Refused`] if the playlist or its first segment cannot be imported, [`HlsError::Fetch`] if one of them could
    /// not be fetched.
    pub async fn open(
        client: SafeClient,
        allowed: Allowed,
        headers: HeadersFor,
        mut source: Source,
        avoided: &[Url],
    ) -> Result<Self, HlsError> {
        let fetcher = Fetcher { client, allowed, headers };
        let from = source.final_url.clone();
        let master = match read(&mut source, &Variables::default()).await? {
            Playlist::Media(media) => return Self::begin(fetcher, from, &media).await,
            Playlist::Master(master) => master,
        };
        let mut failed = None;
        for variant in master::candidates(&master)?.into_iter().take(MAX_VARIANTS) {
            let Ok(url) = from.join(&variant.uri) else { continue };
            if avoided.contains(&url) {
                continue;
            }
            let opened = Self::open_variant(fetcher.clone(), &from, &variant.uri, &master.variables);
            match opened.await {
                Ok(stream) => return Ok(Self { variant: Some(url), ..stream }),
                Err(error) => {
                    tracing::info!(%error, "HLS variant failed, trying the next one");
                    failed.get_or_insert(error);
                }
            }
        }
        Err(failed.unwrap_or(Refusal::Empty.into()))
    }

    async fn open_variant(
        fetcher: Fetcher,
        from: &Url,
        uri: &str,
        variables: &Variables,
    ) -> Result<Self, HlsError> {
        let target = fetcher.target(from, uri)?;
        let opened = fetcher.client.get_with(&target.url, &target.headers).await;
        let mut source = opened.map_err(|error| error.context("the playlist of a variant".to_owned()))?;
        let base = source.final_url.clone();
        match read(&mut source, variables).await? {
            Playlist::Media(media) => Self::begin(fetcher, base, &media).await,
            Playlist::Master(_) => Err(Refusal::Nested.into()),
        }
    }

    async fn begin(fetcher: Fetcher, base: Url, media: &Media) -> Result<Self, HlsError> {
        let found = media::pieces(media)?;
        let mut stream = Self {
            fetcher,
            base,
            kind: Kind::Mp4,
            variant: None,
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
        stream.kind = match Kind::of(&head) {
            Some(Kind::Mp4) if moov_end(&head).is_none() => return Err(Refusal::NoMap.into()),
            Some(Kind::Mp4) if !begins_mp4(&head) => return Err(Refusal::Segments.into()),
            Some(kind) if matches!(kind, Kind::Mp4 | Kind::MpegTs) || !found.has_map => kind,
            _ => return Err(Refusal::Segment { number, is: describe(&head), expected: None }.into()),
        };
        stream.moov_end = moov_end(&head).filter(|_| stream.kind == Kind::Mp4).unwrap_or(0);
        stream.first = Some(head);
        Ok(stream)
    }

    /// Returns the container format of the stream.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns the URL of the chosen variant's playlist, or `None` if the playlist has no variants.
    #[must_use]
    pub fn variant(&self) -> Option<&Url> {
        self.variant.as_ref()
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
        let is_file = self.kind == Kind::Mp4 && head.get(4..8) == Some(b"ftyp");
        if is_file { Err(Refusal::Segments) } else { Ok(()) }
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

    /// Waits before the next attempt at the current piece. Returns the error if it is permanent or no attempts are left.
    async fn back_off(&mut self, error: FetchError) -> Result<(), FetchError> {
        let count = self.count;
        let Some(current) = &mut self.current else { return Err(error) };
        current.body = None;
        current.attempts = if current.has_progressed() { 1 } else { current.attempts + 1 };
        if current.attempts >= MAX_ATTEMPTS || !error.is_retryable() {
            return Err(error.context(match current.piece.segment {
                0 => "the stream's initialisation".to_owned(),
                number => format!("segment {number} of {count}"),
            }));
        }
        tracing::info!(%error, attempts = current.attempts, "HLS segment failed, trying again");
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

/// Reads and parses a playlist of at most [`MAX_PLAYLIST_BYTES`].
async fn read(source: &mut Source, imported: &Variables) -> Result<Playlist, HlsError> {
    let text = match source.text(MAX_PLAYLIST_BYTES).await {
        Ok(text) => text,
        Err(FetchError::TooLong) => return Err(Refusal::TooLong.into()),
        Err(error) => return Err(error.context("the playlist".to_owned()).into()),
    };
    let playlist = playlist::read(&grammar::decode(&text), &source.final_url, imported)?;
    // The end of the list is only known if the body's is: such a list, cut at the end of a line, would pass for the whole.
    match playlist {
        Playlist::Media(media) if !source.is_framed => Ok(Playlist::Media(Media { is_vod: false, ..media })),
        playlist => Ok(playlist),
    }
}

/// Returns where the `moov` box of an MP4 ends, which describes its tracks; 0 if it comes later, as in a file with its index at the
/// end. `None` if a fragment comes first.
fn moov_end(head: &[u8]) -> Option<u64> {
    let mut at = 0;
    while let Some((size, name)) = head.get(at..).and_then(|rest| rest.split_first_chunk::<4>()) {
        let size = usize::try_from(u32::from_be_bytes(*size)).ok().filter(|size| *size >= 8);
        match (name.get(..4), size) {
            (Some(b"moov"), Some(size)) => return Some((at + size) as u64),
            (Some(b"moof"), _) => return None,
            (Some(b"mdat") | None, _) | (_, None) => break,
            (Some(_), Some(size)) => at += size,
        }
    }
    Some(0)
}

/// Returns whether an MP4 file, rather than a fragment, begins with these bytes.
fn begins_mp4(head: &[u8]) -> bool {
    matches!(head.get(4..8), Some(b"ftyp" | b"styp" | b"moov" | b"free" | b"skip" | b"pdin"))
}
