//! Opens the segments of a playlist.

use safe_fetch::{Allowed, FetchError, SafeClient, Source, Url};

use crate::playlist::{self, Media, Playlist};
use crate::stream::{Fetcher, HeadersFor, SegmentStream};
use crate::variables::Variables;
use crate::{HlsError, Refusal, grammar, master, media};

/// The maximum size of a playlist.
const MAX_PLAYLIST_BYTES: usize = 4 * 1024 * 1024;
/// The maximum number of variants that are tried, one after the other.
const MAX_VARIANTS: usize = 4;

impl SegmentStream {
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
            Playlist::Media(media) => return Self::begin(fetcher, from, media::pieces(&media)?).await,
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
                Ok(mut stream) => {
                    stream.variant = Some(url);
                    return Ok(stream);
                }
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
            Playlist::Media(media) => Self::begin(fetcher, base, media::pieces(&media)?).await,
            Playlist::Master(_) => Err(Refusal::Nested.into()),
        }
    }
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
