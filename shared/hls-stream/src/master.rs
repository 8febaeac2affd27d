//! Which rendition of a master playlist is taken.

use m3u8_rs::{AlternativeMediaType, MasterPlaylist, VariantStream};

use crate::Refusal;

/// The prefixes by which `CODECS` names sound (RFC 6381).
const SOUND: [&str; 10] = ["mp4a", "ac-3", "ac-4", "ec-3", "opus", "Opus", "fLaC", "flac", "alac", "mp3"];

/// The address of the best rendition that has all in it: with sound before silent, then the highest, then the most bits.
pub(crate) fn best(playlist: &MasterPlaylist) -> Result<&str, Refusal> {
    let variants = playlist.variants.iter().filter(|variant| !variant.is_i_frame && !variant.uri.is_empty());
    let (apart, whole): (Vec<_>, Vec<_>) =
        variants.partition(|variant| has_its_sound_elsewhere(playlist, variant));
    match whole.into_iter().max_by_key(|variant| rank(variant)) {
        Some(best) => Ok(&best.uri),
        None if apart.is_empty() => Err(Refusal::Empty),
        None => Err(Refusal::SeparateAudio),
    }
}

fn rank(variant: &VariantStream) -> (bool, u64, u64) {
    let height = variant.resolution.as_ref().map_or(0, |resolution| resolution.height);
    (may_sound(variant), height, variant.bandwidth)
}

/// Without `CODECS` nothing is known, and most have sound.
fn may_sound(variant: &VariantStream) -> bool {
    let codecs = variant.codecs.as_deref();
    codecs.is_none_or(|codecs| {
        codecs.split(',').any(|codec| SOUND.iter().any(|sound| codec.trim().starts_with(sound)))
    })
}

/// A group of renditions of sound with an address each is apart; one without is in the variant itself.
fn has_its_sound_elsewhere(playlist: &MasterPlaylist, variant: &VariantStream) -> bool {
    let Some(group) = &variant.audio else { return false };
    let mut members = playlist
        .alternatives
        .iter()
        .filter(|media| media.media_type == AlternativeMediaType::Audio && media.group_id == *group)
        .peekable();
    members.peek().is_some() && members.all(|media| media.uri.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn best_of(lines: &str) -> Result<String, Refusal> {
        let text = format!("#EXTM3U\n{lines}");
        let playlist = m3u8_rs::parse_master_playlist_res(text.as_bytes()).unwrap();
        best(&playlist).map(str::to_owned)
    }

    #[test]
    fn the_best_is_the_highest_that_has_sound() {
        let picked = best_of(
            "#EXT-X-STREAM-INF:BANDWIDTH=900000,RESOLUTION=640x360,CODECS=\"avc1.4d401e,mp4a.40.2\"\nlow\n\
             #EXT-X-STREAM-INF:BANDWIDTH=2000000,RESOLUTION=1280x720,CODECS=\"avc1.4d401f,mp4a.40.2\"\nhigh\n\
             #EXT-X-STREAM-INF:BANDWIDTH=2500000,RESOLUTION=1280x720,CODECS=\"avc1.4d401f,mp4a.40.2\"\nhigher\n\
             #EXT-X-STREAM-INF:BANDWIDTH=9000000,RESOLUTION=1920x1080,CODECS=\"avc1.640028\"\nsilent\n\
             #EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=99000000,RESOLUTION=3840x2160,URI=\"frames\"\n",
        );
        assert_eq!(picked.as_deref(), Ok("higher"));
        assert_eq!(
            best_of("#EXT-X-STREAM-INF:BANDWIDTH=1\na\n#EXT-X-STREAM-INF:BANDWIDTH=2\nb\n").as_deref(),
            Ok("b")
        );
        let silent = "#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS=\"avc1.640028\"\nsilent\n";
        assert_eq!(best_of(silent).as_deref(), Ok("silent"), "there is no other");
    }

    #[test]
    fn sound_of_its_own_address_is_apart_and_declared_sound_is_not() {
        let apart = "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"en\",URI=\"sound\"\n\
                     #EXT-X-STREAM-INF:BANDWIDTH=2,AUDIO=\"a\"\npicture\n";
        assert_eq!(best_of(apart), Err(Refusal::SeparateAudio));
        let also = format!("{apart}#EXT-X-STREAM-INF:BANDWIDTH=1\nboth\n");
        assert_eq!(best_of(&also).as_deref(), Ok("both"));
        let declared = apart.replace(",URI=\"sound\"", "");
        assert_eq!(best_of(&declared).as_deref(), Ok("picture"));
    }
}
