//! Fetches what a playlist names.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use m3u8_rs::{MasterPlaylist, Playlist};
use safe_fetch::{Allowed, FetchError, SafeClient, Source, SourceHeaders, SourceUrl, Url};

use crate::media::{self, Piece};
use crate::{HlsError, Kind, Refusal, master};

/// Most bytes of a playlist.
const MAX_PLAYLIST_BYTES: usize = 4 * 1024 * 1024;
/// Tries of a segment, and the pause before the second one.
const MAX_TRIES: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// Every packet of a transport stream begins with it.
const SYNC_BYTE: u8 = 0x47;

/// What a request for an address says besides: the addresses in a playlist may be of other hosts, and what is for one host
/// alone is not for the others to see.
pub type HeadersFor = Arc<dyn Fn(&SourceUrl) -> SourceHeaders + Send + Sync>;

/// A stream of segments.
pub struct HlsStream {
    client: SafeClient,
    allowed: Allowed,
    headers: HeadersFor,
    /// What the addresses in the playlist are relative to.
    base: Url,
    kind: Kind,
    pieces: VecDeque<Piece>,
    current: Option<Current>,
    first: Option<Bytes>,
}

/// The piece that is being fetched.
struct Current {
    piece: Piece,
    source: Option<Source>,
    /// Bytes of the answer to leave out before the next one: those before the range, and those that came before it broke.
    skip: u64,
    given: u64,
    tries: u32,
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
    /// Reads the playlist that `source` has begun to bring, of a master playlist that of its best rendition too, and begins
    /// with the first segment.
    ///
    /// # Errors
    /// A [`Refusal`], or what went wrong when it was fetched.
    pub async fn open(
        client: SafeClient,
        allowed: Allowed,
        headers: HeadersFor,
        mut source: Source,
    ) -> Result<Self, HlsError> {
        let mut base = source.final_url.clone();
        let mut playlist = read(&mut source).await?;
        if let Playlist::MasterPlaylist(master) = &playlist {
            let url = rendition(master, &base, &allowed)?;
            let mut source = client.get_with(&url, &headers(&url)).await?;
            (base, playlist) = (source.final_url.clone(), read(&mut source).await?);
        }
        let Playlist::MediaPlaylist(media) = playlist else { return Err(Refusal::Malformed.into()) };
        let found = media::pieces(&media)?;
        let kind = if found.has_map { Kind::Mp4 } else { Kind::MpegTs };
        let pieces = found.pieces;
        let mut stream = Self { client, allowed, headers, base, kind, pieces, current: None, first: None };
        let first = stream.fetch_next().await?.ok_or(Refusal::Empty)?;
        if !begins(&first, kind) {
            return Err(Refusal::Segments.into());
        }
        stream.first = Some(first);
        Ok(stream)
    }

    /// What the bytes are.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// A name for the file, from the playlist's address.
    #[must_use]
    pub fn file_name(&self) -> String {
        let last =
            self.base.path_segments().and_then(|mut segments| segments.next_back()).unwrap_or_default();
        let stem = last.rsplit_once('.').map_or(last, |(stem, _)| stem);
        format!("{}.{}", if stem.is_empty() { "stream" } else { stem }, self.kind.extension())
    }

    /// The next bytes, never empty, or `None` after those of the last segment.
    ///
    /// # Errors
    /// A segment could not be fetched, several times.
    pub async fn next_chunk(&mut self) -> Result<Option<Bytes>, FetchError> {
        match self.first.take() {
            Some(first) => Ok(Some(first)),
            None => self.fetch_next().await,
        }
    }

    async fn fetch_next(&mut self) -> Result<Option<Bytes>, FetchError> {
        loop {
            if self.current.is_none() {
                let Some(piece) = self.pieces.pop_front() else { return Ok(None) };
                self.current = Some(Current { piece, source: None, skip: 0, given: 0, tries: 0 });
            }
            match self.advance().await {
                Ok(Some(chunk)) => return Ok(Some(chunk)),
                Ok(None) => self.current = None,
                Err(error) => self.pause_after(error).await?,
            }
        }
    }

    /// The next bytes of the piece, or `None` at its end.
    async fn advance(&mut self) -> Result<Option<Bytes>, FetchError> {
        let Some(current) = &mut self.current else { return Ok(None) };
        let (first, length) = current.piece.range.map_or((0, None), |(first, length)| (first, Some(length)));
        if length.is_some_and(|length| current.given >= length) {
            return Ok(None);
        }
        if current.source.is_none() {
            let url = address(&self.base, &current.piece.uri, &self.allowed)?;
            current.source = Some(self.client.get_with(&url, &(self.headers)(&url)).await?);
            current.skip = first + current.given;
        }
        let Some(source) = &mut current.source else { return Ok(None) };
        while let Some(mut chunk) = source.next_chunk().await? {
            let skipped = current.skip.min(chunk.len() as u64);
            current.skip -= skipped;
            chunk = chunk.split_off(usize::try_from(skipped).unwrap_or(chunk.len()));
            if let Some(length) = length {
                let left = usize::try_from(length - current.given).unwrap_or(usize::MAX);
                chunk.truncate(left);
            }
            if !chunk.is_empty() {
                current.given += chunk.len() as u64;
                return Ok(Some(chunk));
            }
        }
        // A range that is not there, or a segment that has become shorter.
        if length.is_some() || current.skip > 0 { Err(FetchError::Truncated) } else { Ok(None) }
    }

    /// Tries the piece again from where it broke, after a while, if that may help.
    async fn pause_after(&mut self, error: FetchError) -> Result<(), FetchError> {
        let Some(current) = &mut self.current else { return Err(error) };
        current.source = None;
        current.tries += 1;
        if current.tries >= MAX_TRIES || !error.is_retryable() {
            return Err(error);
        }
        tracing::info!(%error, tries = current.tries, "a segment failed");
        tokio::time::sleep(FIRST_PAUSE * current.tries).await; // back-off between two tries, not a wait for an event
        Ok(())
    }
}

/// The whole text of a playlist.
async fn read(source: &mut Source) -> Result<Playlist, HlsError> {
    let mut text = Vec::new();
    while let Some(chunk) = source.next_chunk().await? {
        text.extend_from_slice(&chunk);
        if text.len() > MAX_PLAYLIST_BYTES {
            return Err(Refusal::TooLong.into());
        }
    }
    // The parser takes any text for a playlist without segments.
    if !text.trim_ascii_start().trim_ascii_end().starts_with(b"#EXTM3U") {
        return Err(Refusal::Malformed.into());
    }
    m3u8_rs::parse_playlist_res(text.trim_ascii_start()).map_err(|_| Refusal::Malformed.into())
}

fn rendition(playlist: &MasterPlaylist, base: &Url, allowed: &Allowed) -> Result<SourceUrl, HlsError> {
    Ok(address(base, master::best(playlist)?, allowed)?)
}

/// An address of a playlist, checked as if a user had typed it.
fn address(base: &Url, uri: &str, allowed: &Allowed) -> Result<SourceUrl, FetchError> {
    let joined = base.join(uri).map_err(|_| FetchError::Url(safe_fetch::UrlError::NotAbsolute))?;
    Ok(SourceUrl::parse(joined.as_str(), allowed)?)
}

/// Whether bytes are the beginning of what they are taken for.
fn begins(first: &[u8], kind: Kind) -> bool {
    match kind {
        Kind::MpegTs => first.first() == Some(&SYNC_BYTE),
        Kind::Mp4 => matches!(first.get(4..8), Some(b"ftyp" | b"styp" | b"moov")),
    }
}
