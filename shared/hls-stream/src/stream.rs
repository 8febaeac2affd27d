//! Fetches what a playlist names.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use safe_fetch::{Allowed, ByteRange, FetchError, SafeClient, Source, SourceHeaders, SourceUrl, Target, Url};

use crate::kind::{Kind, describe};
use crate::media::{self, Piece};
use crate::piece::{Answer, Fetching};
use crate::playlist::{self, Media, Playlist};
use crate::variables::Variables;
use crate::{HlsError, Refusal, grammar, master};

/// Most bytes of a playlist.
const MAX_PLAYLIST_BYTES: usize = 4 * 1024 * 1024;
/// Most variants that are tried, one after the other.
const MAX_VARIANTS: usize = 4;
/// Tries of a segment, and the pause before the second one.
const MAX_TRIES: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// Most bytes that are read and thrown away, of a source that gives whole files only, beside as many as are kept.
const MAX_SKIPPED_BYTES: u64 = 256 * 1024 * 1024;

/// What a request for an address says besides: the addresses in a playlist may be of other hosts, and what is for one host
/// alone is not for the others to see.
pub type HeadersFor = Arc<dyn Fn(&SourceUrl) -> SourceHeaders + Send + Sync>;

/// A stream of segments.
pub struct HlsStream {
    site: Site,
    /// What the addresses in the playlist are relative to.
    base: Url,
    kind: Kind,
    variant: Option<Url>,
    pieces: VecDeque<Piece>,
    /// Segments of the playlist.
    count: usize,
    current: Option<Fetching>,
    /// A whole file of which more may be wanted.
    spare: Option<(String, Answer)>,
    first: Option<Bytes>,
    given: u64,
    skipped: u64,
}

/// How addresses of a playlist are asked.
#[derive(Clone)]
struct Site {
    client: SafeClient,
    allowed: Allowed,
    headers: HeadersFor,
}

impl Site {
    /// An address of a playlist, checked as if a user had typed it.
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
    /// Reads the playlist that `source` has begun to bring, of a multivariant playlist that of its best variant too, and begins
    /// with the first segment. A variant that fails before that, or that the caller avoids, is passed over for the next one that
    /// has as much in it.
    ///
    /// # Errors
    /// A [`Refusal`], or what went wrong when it was fetched.
    pub async fn open(
        client: SafeClient,
        allowed: Allowed,
        headers: HeadersFor,
        mut source: Source,
        avoided: &[Url],
    ) -> Result<Self, HlsError> {
        let site = Site { client, allowed, headers };
        let from = source.final_url.clone();
        let master = match read(&mut source, &Variables::default()).await? {
            Playlist::Media(media) => return Self::begin(site, from, &media).await,
            Playlist::Master(master) => master,
        };
        let mut failed = None;
        for variant in master::candidates(&master)?.into_iter().take(MAX_VARIANTS) {
            let Ok(url) = from.join(&variant.uri) else { continue };
            if avoided.contains(&url) {
                continue;
            }
            let opened = Self::open_variant(site.clone(), &from, &variant.uri, &master.variables);
            match opened.await {
                Ok(stream) => return Ok(Self { variant: Some(url), ..stream }),
                Err(error) => {
                    tracing::info!(%error, "a variant failed");
                    failed.get_or_insert(error);
                }
            }
        }
        Err(failed.unwrap_or(Refusal::Empty.into()))
    }

    async fn open_variant(
        site: Site,
        from: &Url,
        uri: &str,
        variables: &Variables,
    ) -> Result<Self, HlsError> {
        let target = site.target(from, uri)?;
        let mut source = site.client.get_with(&target.url, &target.headers).await?;
        let base = source.final_url.clone();
        match read(&mut source, variables).await? {
            Playlist::Media(media) => Self::begin(site, base, &media).await,
            Playlist::Master(_) => Err(Refusal::Malformed.into()),
        }
    }

    async fn begin(site: Site, base: Url, media: &Media) -> Result<Self, HlsError> {
        let found = media::pieces(media)?;
        let mut stream = Self {
            site,
            base,
            kind: Kind::Mp4,
            variant: None,
            pieces: found.pieces,
            count: found.count,
            current: None,
            spare: None,
            first: None,
            given: 0,
            skipped: 0,
        };
        let (number, head) = stream.fetch_first().await?;
        stream.kind = match Kind::of(&head) {
            Some(Kind::Mp4) if !begins_mp4(&head) => return Err(Refusal::Segments.into()),
            Some(kind) if kind == Kind::Mp4 || !found.has_map => kind,
            _ => return Err(Refusal::Segment { number, is: describe(&head), expected: None }.into()),
        };
        stream.first = Some(head);
        Ok(stream)
    }

    /// Returns the container of the bytes.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns the address of the chosen variant's playlist, if the playlist has variants.
    #[must_use]
    pub fn variant(&self) -> Option<&Url> {
        self.variant.as_ref()
    }

    /// The next bytes, never empty, or `None` after those of the last segment.
    ///
    /// # Errors
    /// A segment could not be fetched, several times, or is not what the first one is.
    pub async fn next_chunk(&mut self) -> Result<Option<Bytes>, HlsError> {
        match self.first.take() {
            Some(first) => Ok(Some(first)),
            None => self.fetch_next().await,
        }
    }

    /// The first bytes of the first piece, and which segment that is.
    async fn fetch_first(&mut self) -> Result<(usize, Bytes), HlsError> {
        loop {
            let number = self.current_piece().map_or(0, |current| current.piece.segment);
            match self.advance().await {
                Ok(Some(Step::Head(head))) => return Ok((number, head)),
                Ok(_) => return Err(Refusal::Empty.into()),
                Err(error) => self.pause_after(error).await?,
            }
        }
    }

    async fn fetch_next(&mut self) -> Result<Option<Bytes>, HlsError> {
        while let Some(current) = self.current_piece() {
            let number = current.piece.segment;
            match self.advance().await {
                Ok(Some(Step::Head(head))) => {
                    self.check(number, &head)?;
                    return Ok(Some(head));
                }
                Ok(Some(Step::More(chunk))) => return Ok(Some(chunk)),
                Ok(None) => self.end_piece()?,
                Err(error) => self.pause_after(error).await?,
            }
        }
        Ok(None)
    }

    fn current_piece(&mut self) -> Option<&mut Fetching> {
        if self.current.is_none() {
            self.current = Some(Fetching::new(self.pieces.pop_front()?));
        }
        self.current.as_mut()
    }

    /// The next bytes of the piece, or `None` at its end.
    async fn advance(&mut self) -> Result<Option<Step>, FetchError> {
        let Some(current) = &mut self.current else { return Ok(None) };
        if current.answer.is_none() && current.wanted().is_none_or(|(_, length)| length > 0) {
            current.answer = Some(ask(&self.site, &self.base, current, self.spare.take()).await?);
        }
        if !current.is_checked() {
            return current.read_head().await.map(|head| Some(Step::Head(head)));
        }
        Ok(current.next_chunk().await?.map(Step::More))
    }

    /// The first bytes of a segment must be of the kind that the stream is of, and none begins the file anew.
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
        self.given += current.given;
        self.skipped += current.skipped;
        self.spare = current.spare();
        let is_waste = self.skipped > MAX_SKIPPED_BYTES.max(self.given);
        if is_waste { Err(Refusal::WholeFiles) } else { Ok(()) }
    }

    /// Tries the piece again from where it broke, after a while, if that may help.
    async fn pause_after(&mut self, error: FetchError) -> Result<(), FetchError> {
        let count = self.count;
        let Some(current) = &mut self.current else { return Err(error) };
        current.answer = None;
        current.tries = if current.has_advanced() { 1 } else { current.tries + 1 };
        if current.tries >= MAX_TRIES || !error.is_retryable() {
            return Err(error.of(match current.piece.segment {
                0 => "the stream's initialisation".to_owned(),
                number => format!("segment {number} of {count}"),
            }));
        }
        tracing::info!(%error, tries = current.tries, "a segment failed");
        tokio::time::sleep(FIRST_PAUSE * current.tries).await; // back-off between two tries, not a wait for an event
        Ok(())
    }
}

/// What has come of a piece.
enum Step {
    /// Its first bytes.
    Head(Bytes),
    /// Those behind them.
    More(Bytes),
}

/// Asks for a piece, or for what is missing of it.
async fn ask(
    site: &Site,
    base: &Url,
    current: &Fetching,
    spare: Option<(String, Answer)>,
) -> Result<Answer, FetchError> {
    let target = site.target(base, &current.piece.uri)?;
    let Some((first, length)) = current.wanted() else {
        let source = site.client.get_with(&target.url, &target.headers).await?;
        return Ok(Answer::new(source, 0, true));
    };
    if let Some((uri, answer)) = spare
        && uri == current.piece.uri
        && answer.is_before(first)
    {
        return Ok(answer);
    }
    let wanted = ByteRange { first, last: first + length - 1 };
    let (source, at) = site.client.part(&target, wanted).await?;
    let is_whole = source.status == 200;
    Ok(Answer::new(source, at, is_whole))
}

/// The whole text of a playlist.
async fn read(source: &mut Source, imported: &Variables) -> Result<Playlist, HlsError> {
    let text = match source.text(MAX_PLAYLIST_BYTES).await {
        Ok(text) => text,
        Err(FetchError::TooLong) => return Err(Refusal::TooLong.into()),
        Err(error) => return Err(error.of("the playlist".to_owned()).into()),
    };
    Ok(playlist::read(&grammar::decode(&text), &source.final_url, imported)?)
}

/// Whether a file of MP4 begins here.
fn begins_mp4(head: &[u8]) -> bool {
    matches!(head.get(4..8), Some(b"ftyp" | b"styp" | b"moov" | b"free" | b"skip" | b"pdin"))
}
