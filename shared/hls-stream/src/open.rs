//! Reads playlists.

use safe_fetch::{FetchError, Source, Url};

use crate::media::Pieces;
use crate::playlist::{self, Master, Media, Playlist};
use crate::stream::{Fetcher, SegmentStream};
use crate::variables::Variables;
use crate::{HlsError, Refusal, grammar, master, media};

/// The maximum size of a playlist.
const MAX_PLAYLIST_BYTES: usize = 4 * 1024 * 1024;

/// What a playlist has.
#[derive(Clone, Debug)]
pub enum Contents {
    /// The segments of one stream.
    Segments(MediaPlan),
    /// What can be imported of a multivariant playlist: at most four choices, the best first.
    Choices(Vec<Choice>),
}

/// A stream of a multivariant playlist to import, or two to join.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// A URL that identifies the choice: that of its variant, with the URI of the separate sound as fragment.
    pub url: Url,
    /// The variant, which is a picture if there is a separate sound.
    pub stream: MediaRef,
    /// The separate sound.
    pub sound: Option<MediaRef>,
}

/// A media playlist that has not been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaRef {
    /// The URL of the multivariant playlist.
    base: Url,
    uri: String,
    /// The variables that it can import.
    variables: Variables,
    /// What it is, for errors.
    name: &'static str,
}

/// The segments of a media playlist that has been read: it has ended and is not encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaPlan {
    /// The URL that the URIs are relative to.
    base: Url,
    pieces: Pieces,
}

/// Reads the playlist in the body of `source`. Separate sounds are chosen for pictures up to `max_joined_height` pixels; 0 chooses
/// only variants with both.
///
/// # Errors
/// [`HlsError::Refused`] if it cannot be imported, [`HlsError::Fetch`] if it could not be fetched.
pub async fn read_playlist(source: &mut Source, max_joined_height: u64) -> Result<Contents, HlsError> {
    match read(source, &Variables::default()).await? {
        Playlist::Media(media) => Ok(Contents::Segments(MediaPlan::of(source, &media)?)),
        Playlist::Master(master) => {
            Ok(Contents::Choices(choices(&master, &source.final_url, max_joined_height)?))
        }
    }
}

fn choices(master: &Master, base: &Url, max_joined_height: u64) -> Result<Vec<Choice>, Refusal> {
    let media = |uri: &str, name| MediaRef {
        base: base.clone(),
        uri: uri.to_owned(),
        variables: master.variables.clone(),
        name,
    };
    let choice = |chosen: master::Chosen<'_>| {
        let mut url = base.join(chosen.stream).ok()?;
        url.set_fragment(chosen.sound);
        let sound = chosen.sound.map(|uri| media(uri, "the playlist of the sound"));
        Some(Choice { url, stream: media(chosen.stream, "the playlist of a variant"), sound })
    };
    let all: Vec<_> = master::choose(master, max_joined_height)?.into_iter().filter_map(choice).collect();
    if all.is_empty() { Err(Refusal::Empty) } else { Ok(all) }
}

impl MediaRef {
    /// Fetches and reads the playlist.
    ///
    /// # Errors
    /// See [`read_playlist`].
    pub async fn read(&self, fetcher: &Fetcher) -> Result<MediaPlan, HlsError> {
        let target = fetcher.target(&self.base, &self.uri)?;
        let opened = fetcher.client.get_with(&target.url, &target.headers).await;
        let mut source = opened.map_err(|error| error.context(self.name.to_owned()))?;
        match read(&mut source, &self.variables).await? {
            Playlist::Media(media) => MediaPlan::of(&source, &media),
            Playlist::Master(_) => Err(Refusal::Nested.into()),
        }
    }

    /// Returns the URL of the playlist, or `None` if it is malformed.
    #[must_use]
    pub fn url(&self) -> Option<Url> {
        self.base.join(&self.uri).ok()
    }
}

impl MediaPlan {
    fn of(source: &Source, media: &Media) -> Result<Self, HlsError> {
        Ok(Self { base: source.final_url.clone(), pieces: media::pieces(media)? })
    }
}

impl SegmentStream {
    /// Opens the segments of a playlist, and fetches the beginning of the first one.
    ///
    /// # Errors
    /// [`HlsError::Refused`] if the segments cannot be joined, [`HlsError::Fetch`] if the first one could not be fetched.
    pub async fn of_media(fetcher: Fetcher, plan: &MediaPlan) -> Result<Self, HlsError> {
        Self::begin(fetcher, plan.base.clone(), plan.pieces.clone()).await
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
