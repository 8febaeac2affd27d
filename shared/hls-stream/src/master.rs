//! Chooses among the variants of a multivariant playlist and the renditions of their groups (RFC 8216, sections 4.3.4.1 and
//! 4.3.4.2).

use std::cmp::Reverse;

use crate::Refusal;
use crate::codecs::{is_audio_codec, is_text_codec};
use crate::playlist::{Master, Rendition, Variant};

/// The maximum number of choices, tried one after the other.
const MAX_CHOICES: usize = 4;
/// The maximum number of these that are to be joined: whatever fails there is fetched in vain.
const MAX_JOINED: usize = 2;

/// The URIs of the media playlists of a choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chosen<'p> {
    /// The variant, or the rendition of a variant that has only audio.
    pub(crate) stream: &'p str,
    /// The separate rendition of the sound.
    pub(crate) sound: Option<&'p str>,
}

/// The way in which a choice is complete, the one to prefer at equal height last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Form {
    /// A variant with the sound that is in it, although players choose a separate one.
    OtherSound,
    /// A variant that is joined with its separate sound.
    Joined,
    /// A variant alone.
    Whole,
}

/// A choice, with what decides about it.
struct Offer<'p> {
    chosen: Chosen<'p>,
    form: Form,
    height: u64,
    bandwidth: u64,
    has_audio: bool,
}

impl Offer<'_> {
    fn is_joined(&self) -> bool {
        self.form == Form::Joined
    }
}

/// Returns what can be imported without losing audio or video, the best first: by height in pixels; at equal height, variants with
/// both before those whose sound is to be joined; then by bandwidth.
///
/// Heights above `max_joined_height` are not joined. If the playlist offers only such heights, the lowest one is joined. 0 joins nothing. If any
/// variant has video, all returned ones have; likewise for audio. If a variant with both is offered, one is returned.
///
/// # Errors
/// [`Refusal::Empty`] without variants, [`Refusal::SeparateAudio`] if audio or video would be lost.
pub(crate) fn choose(playlist: &Master, max_joined_height: u64) -> Result<Vec<Chosen<'_>>, Refusal> {
    if playlist.variants.is_empty() {
        return Err(if playlist.has_i_frames { Refusal::IFrames } else { Refusal::Empty });
    }
    let has_video = playlist.variants.iter().any(may_have_video);
    let wanted = playlist.variants.iter().filter(|variant| may_have_video(variant) == has_video);
    let mut offers: Vec<_> = wanted.flat_map(|variant| offers(playlist, variant)).collect();
    let has_audio = offers.iter().any(|offer| offer.has_audio);
    if !has_audio && playlist.variants.iter().any(|variant| has_separate_video(playlist, variant)) {
        return Err(Refusal::SeparateAudio);
    }
    offers.retain(|offer| offer.has_audio == has_audio);
    let mut offers = within(offers, max_joined_height);
    offers.sort_by_key(|offer| Reverse((offer.height, offer.form, offer.bandwidth)));
    let all = bounded(&offers);
    if all.is_empty() { Err(Refusal::SeparateAudio) } else { Ok(all) }
}

/// Returns what a variant offers, the best first: with the rendition that players choose, or its own stream.
fn offers<'p>(playlist: &'p Master, variant: &'p Variant) -> Vec<Offer<'p>> {
    if has_separate_video(playlist, variant) {
        return Vec::new();
    }
    let offer = |stream, sound: Option<&'p str>, has_audio| Offer {
        chosen: Chosen { stream, sound },
        form: if sound.is_some() { Form::Joined } else { Form::Whole },
        height: variant.height,
        bandwidth: variant.bandwidth,
        has_audio,
    };
    let own = offer(&variant.uri, None, may_have_audio(variant));
    let sounds = sounds(playlist, variant);
    let Some(separate) = chosen_sound(&sounds).and_then(|sound| separate_uri(sound, variant)) else {
        return match sound_only(playlist) {
            Some(sound) if may_have_video(variant) && !own.has_audio => {
                vec![offer(&variant.uri, Some(sound), true)]
            }
            _ => vec![own],
        };
    };
    if !may_have_video(variant) {
        return vec![offer(separate, None, true)]; // players play the rendition instead of the variant
    }
    let joined = offer(&variant.uri, Some(separate), true);
    let is_own = |sound: &&Rendition| separate_uri(sound, variant).is_none();
    if sounds.iter().any(is_own) {
        vec![joined, Offer { form: Form::OtherSound, ..own }]
    } else {
        vec![joined]
    }
}

/// Returns the audio renditions of a variant. If nothing tells that a variant without a group has audio, these are the ones of
/// groups that no variant names.
fn sounds<'p>(playlist: &'p Master, variant: &Variant) -> Vec<&'p Rendition> {
    let names = |one: &Variant, sound: &Rendition| one.audio.as_ref() == Some(&sound.group);
    let is_unnamed = |sound: &Rendition| {
        sound.uri.is_some() && !playlist.variants.iter().any(|variant| names(variant, sound))
    };
    let of_variant = |sound: &&Rendition| match variant.audio {
        Some(_) => names(variant, sound),
        None => !states_audio(variant) && is_unnamed(sound),
    };
    playlist.renditions.iter().filter(|media| media.is_audio).filter(of_variant).collect()
}

/// Returns the best variant that states to have only audio.
fn sound_only(playlist: &Master) -> Option<&str> {
    let all = playlist.variants.iter().filter(|variant| !may_have_video(variant) && may_have_audio(variant));
    all.max_by_key(|variant| variant.bandwidth).map(|variant| variant.uri.as_str())
}

/// Returns the rendition that players choose: the default one, or else the first of those that they may select, or else the first.
/// Among equal ones in its language, the one with the most channels.
fn chosen_sound<'p>(sounds: &[&'p Rendition]) -> Option<&'p Rendition> {
    let rank = |sound: &Rendition| (sound.is_default, sound.is_autoselect);
    let first = *sounds.iter().rev().max_by_key(|sound| rank(sound))?;
    let is_equal = |sound: &&&Rendition| {
        rank(sound) == rank(first) && sound.language.is_some() && sound.language == first.language
    };
    let most = sounds.iter().filter(is_equal).rev().max_by_key(|sound| sound.channels);
    Some(most.copied().unwrap_or(first))
}

/// Returns the URI of a rendition, unless it is part of the variant's own stream.
fn separate_uri<'p>(rendition: &'p Rendition, variant: &Variant) -> Option<&'p str> {
    rendition.uri.as_deref().filter(|uri| *uri != variant.uri)
}

/// Drops what cannot be joined, and what is too high for it.
fn within(offers: Vec<Offer<'_>>, max_height: u64) -> Vec<Offer<'_>> {
    let has_whole = offers.iter().any(|offer| !offer.is_joined());
    let lowest = offers.iter().map(|offer| offer.height).min().filter(|_| !has_whole && max_height > 0);
    let max_joined = (max_height > 0).then(|| max_height.max(lowest.unwrap_or(0)));
    let is_within = |offer: &Offer<'_>| max_joined.is_some_and(|max| offer.height <= max);
    offers.into_iter().filter(|offer| !offer.is_joined() || is_within(offer)).collect()
}

/// Returns the first choices.
fn bounded<'p>(offers: &[Offer<'p>]) -> Vec<Chosen<'p>> {
    let (mut all, mut joined) = (Vec::new(), 0);
    for offer in offers {
        if all.contains(&offer.chosen) || (offer.is_joined() && joined == MAX_JOINED) {
            continue; // variants with other subtitles repeat a choice
        }
        joined += usize::from(offer.is_joined());
        all.push(offer.chosen);
    }
    all.truncate(MAX_CHOICES);
    all
}

/// Returns whether a variant has video. Assumes so without `CODECS`, since most variants do.
fn may_have_video(variant: &Variant) -> bool {
    variant.has_resolution
        || codecs(variant)
            .is_none_or(|mut all| all.any(|codec| !is_audio_codec(codec) && !is_text_codec(codec)))
}

/// Returns whether a variant has audio. Assumes so without `CODECS`, since most variants do.
fn may_have_audio(variant: &Variant) -> bool {
    codecs(variant).is_none_or(|mut all| all.any(is_audio_codec))
}

/// Returns whether a variant states that it has audio.
fn states_audio(variant: &Variant) -> bool {
    variant.codecs.is_some() && may_have_audio(variant)
}

fn codecs(variant: &Variant) -> Option<impl Iterator<Item = &str>> {
    let codecs = variant.codecs.as_deref()?;
    Some(codecs.split(',').map(str::trim).filter(|codec| !codec.is_empty()))
}

/// Returns whether a variant has its video in a separate rendition: all members of its group have a URI other than the variant's. If
/// the group does not exist, the variant's own stream is all that is offered.
fn has_separate_video(playlist: &Master, variant: &Variant) -> bool {
    let Some(group) = &variant.video else { return false };
    let mut members =
        playlist.renditions.iter().filter(|media| !media.is_audio && media.group == *group).peekable();
    members.peek().is_some() && members.all(|media| separate_uri(media, variant).is_some())
}

#[cfg(test)]
#[path = "master_tests.rs"]
mod tests;
