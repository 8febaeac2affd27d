//! Chooses among representations.

use std::cmp::Reverse;

use safe_fetch::Url;

use crate::Refusal;
use crate::representation::{Representation, Tracks};
use crate::segments::Media;

/// The maximum number of choices, tried one after the other.
const MAX_CHOICES: usize = 4;

/// What the caller can import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preferences {
    /// The largest height of a picture that is joined with its sound, in pixels; 0 joins nothing.
    pub max_joined_height: u64,
}

/// A representation to import, or two to join.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The representation, or the one of the picture.
    pub first: Stream,
    /// The separate sound of the picture.
    pub sound: Option<Stream>,
}

/// A chosen representation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// Its media type in the manifest, or an empty text.
    pub content_type: String,
    /// Its media.
    pub media: Media,
    /// A URL that identifies it: that of its file or its first bytes.
    pub url: Url,
}

/// Whether a manifest has representations of these kinds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Others {
    pub(crate) text: bool,
    pub(crate) seeking: bool,
    pub(crate) unknown: bool,
}

/// A choice whose segments are not listed.
pub(crate) type Chosen<'r, 'a, 'i> = (&'r Representation<'a, 'i>, Option<&'r Representation<'a, 'i>>);

/// Returns the choices, the best first.
///
/// # Errors
/// [`Refusal::Drm`] or [`Refusal::Unsupported`] if picture or sound would be lost, [`Refusal::Separate`] if they cannot be joined,
/// [`Refusal::TextOnly`], [`Refusal::TrickMode`] or [`Refusal::Empty`] if there are none.
pub(crate) fn choose<'r, 'a, 'i>(
    found: &'r [Representation<'a, 'i>],
    others: Others,
    preferences: Preferences,
) -> Result<Vec<Chosen<'r, 'a, 'i>>, Refusal> {
    if found.is_empty() {
        return Err(match others {
            Others { unknown: true, .. } => Refusal::Unsupported,
            Others { text: true, .. } => Refusal::TextOnly,
            Others { seeking: true, .. } => Refusal::TrickMode,
            _ => Refusal::Empty,
        });
    }
    let of = |tracks: Tracks| {
        let mut all: Vec<_> =
            found.iter().filter(|one| one.tracks == tracks && one.unusable.is_none()).collect();
        all.sort_by_key(|one| Reverse((one.role, one.priority, one.height, one.bandwidth)));
        all
    };
    let (both, pictures, sounds) = (of(Tracks::Both), of(Tracks::Picture), of(Tracks::Sound));
    if both.is_empty() {
        check_complete(found, Tracks::Picture, &pictures)?;
        check_complete(found, Tracks::Sound, &sounds)?;
    }
    let is_apart = both.is_empty() && !pictures.is_empty() && !sounds.is_empty();
    let is_too_high =
        |one: &Representation<'_, '_>| !both.is_empty() && one.height > preferences.max_joined_height;
    let is_higher = |one: &Representation<'_, '_>| both.first().is_none_or(|whole| whole.height < one.height);
    let pair = pair(&pictures, &sounds, preferences.max_joined_height)
        .filter(|(picture, _)| is_higher(picture) && !is_too_high(picture));
    let whole = if is_apart {
        Vec::new()
    } else if !both.is_empty() {
        both
    } else if !pictures.is_empty() {
        pictures
    } else {
        sounds_in_order(&sounds)
    };
    let pair = pair.map(|(picture, sound)| (picture, Some(sound)));
    let all: Vec<_> = pair.into_iter().chain(whole.into_iter().map(|one| (one, None))).collect();
    if all.is_empty() { Err(Refusal::Separate) } else { Ok(all.into_iter().take(MAX_CHOICES).collect()) }
}

/// Checks that tracks of a kind are usable, if the manifest has any.
fn check_complete(
    found: &[Representation<'_, '_>],
    tracks: Tracks,
    usable: &[&Representation<'_, '_>],
) -> Result<(), Refusal> {
    let has = |one: &&Representation<'_, '_>| one.tracks == tracks || one.tracks == Tracks::Both;
    let unusable = found.iter().filter(has).filter_map(|one| one.unusable.clone());
    match unusable.max_by_key(|refusal| *refusal == Refusal::Drm) {
        Some(refusal) if usable.is_empty() => Err(refusal),
        _ => Ok(()),
    }
}

/// Returns the best picture within the height, or else the smallest, and the best sound for it.
fn pair<'r, 'a, 'i>(
    pictures: &[&'r Representation<'a, 'i>],
    sounds: &[&'r Representation<'a, 'i>],
    max_height: u64,
) -> Option<(&'r Representation<'a, 'i>, &'r Representation<'a, 'i>)> {
    if max_height == 0 {
        return None;
    }
    let within = pictures.iter().find(|one| one.height <= max_height);
    let picture = *within.or_else(|| pictures.iter().min_by_key(|one| one.height))?;
    let sounds = sounds_in_order(sounds);
    let best = sounds.first()?;
    let fitting = sounds
        .iter()
        .filter(|one| is_of_same_choice(one, best))
        .find(|one| container(one.mime) == container(picture.mime));
    Some((picture, fitting.unwrap_or(best)))
}

/// Returns the sounds of the best role and of the language that comes first in the manifest, the best first.
fn sounds_in_order<'r, 'a, 'i>(sounds: &[&'r Representation<'a, 'i>]) -> Vec<&'r Representation<'a, 'i>> {
    let key = |one: &&&Representation<'_, '_>| (one.role, one.priority, Reverse(one.set.id().get()));
    let Some(first) = sounds.iter().max_by_key(key) else { return Vec::new() };
    let mut all: Vec<_> = sounds.iter().copied().filter(|one| is_of_same_choice(one, first)).collect();
    all.sort_by_key(|one| Reverse(one.bandwidth));
    all
}

fn is_of_same_choice(one: &Representation<'_, '_>, other: &Representation<'_, '_>) -> bool {
    (one.role, one.priority, one.language) == (other.role, other.priority, other.language)
}

fn container(mime: &str) -> &str {
    mime.split_once('/').map_or(mime, |(_, container)| container)
}

/// Lists the segments of the choices. Omits those that cannot be read.
///
/// # Errors
/// The refusal of the first choice, if none can be read.
pub(crate) fn expand<'a, 'i>(
    chosen: Vec<Chosen<'_, 'a, 'i>>,
    media: impl Fn(&Representation<'a, 'i>) -> Result<Media, Refusal>,
) -> Result<Vec<Choice>, Refusal> {
    let stream = |one: &Representation<'a, 'i>| {
        let media = media(one)?;
        let url = identity(&media, one.id).ok_or(Refusal::Url)?;
        Ok(Stream { content_type: one.mime.to_ascii_lowercase(), media, url })
    };
    let (mut choices, mut failed) = (Vec::new(), None);
    for (first, sound) in chosen {
        let choice =
            stream(first).and_then(|first| Ok(Choice { first, sound: sound.map(stream).transpose()? }));
        match choice {
            Ok(choice) => choices.push(choice),
            Err(refusal) => {
                failed.get_or_insert(refusal);
            }
        }
    }
    match failed {
        Some(refusal) if choices.is_empty() => Err(refusal),
        _ => Ok(choices),
    }
}

/// Returns a URL that identifies a representation. Representations of one file have different fragments.
fn identity(media: &Media, id: &str) -> Option<Url> {
    match media {
        Media::File(url) => Some(url.clone()),
        Media::Segments(plan) => {
            let first = plan.initialisation.as_ref().or_else(|| plan.segments.first())?;
            let mut url = plan.base.join(&first.uri).ok()?;
            url.set_fragment(Some(id));
            Some(url)
        }
    }
}
