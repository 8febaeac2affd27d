//! Selects and orders the variants of a multivariant playlist.

use crate::Refusal;
use crate::codecs::{is_audio_codec, is_text_codec};
use crate::playlist::{Master, Variant};

/// Returns the variants that can be imported without losing audio or video, the best first: by height in pixels, then by
/// bandwidth.
///
/// If any variant has video, all returned ones have; likewise for audio.
///
/// # Errors
/// [`Refusal::Empty`] without variants, [`Refusal::SeparateAudio`] if audio or video would be lost.
pub(crate) fn candidates(playlist: &Master) -> Result<Vec<&Variant>, Refusal> {
    if playlist.variants.is_empty() {
        return Err(if playlist.has_i_frames { Refusal::IFrames } else { Refusal::Empty });
    }
    let has_video = playlist.variants.iter().any(may_have_video);
    let mut wanted: Vec<_> =
        playlist.variants.iter().filter(|variant| may_have_video(variant) == has_video).collect();
    wanted.retain(|variant| !has_separate_rendition(playlist, variant));
    let has_audio = wanted.iter().any(|variant| may_have_audio(variant));
    // The stream has audio in a separate rendition: a variant without audio would lose it.
    if !has_audio && playlist.variants.iter().any(|variant| has_separate_rendition(playlist, variant)) {
        return Err(Refusal::SeparateAudio);
    }
    let is_unused =
        |group: &str| playlist.variants.iter().all(|variant| variant.audio.as_deref() != Some(group));
    let has_unused_audio = playlist
        .renditions
        .iter()
        .any(|rendition| rendition.is_audio && rendition.uri.is_some() && is_unused(&rendition.group));
    if has_unused_audio && !wanted.iter().any(|variant| states_audio(variant)) {
        return Err(Refusal::SeparateAudio); // nothing tells that the variants have audio of their own
    }
    wanted.retain(|variant| may_have_audio(variant) == has_audio);
    wanted.sort_by_key(|variant| std::cmp::Reverse((variant.height, variant.bandwidth)));
    if wanted.is_empty() { Err(Refusal::SeparateAudio) } else { Ok(wanted) }
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

/// Returns whether a variant has its audio or video in a separate rendition: all members of its group have a URI other than the
/// variant's. If the group does not exist, the variant's own stream is all that is offered.
fn has_separate_rendition(playlist: &Master, variant: &Variant) -> bool {
    let is_separate = |group: &Option<String>, is_audio: bool| {
        let Some(group) = group else { return false };
        let mut members = playlist
            .renditions
            .iter()
            .filter(|media| media.is_audio == is_audio && media.group == *group)
            .peekable();
        members.peek().is_some()
            && members.all(|media| media.uri.as_ref().is_some_and(|uri| *uri != variant.uri))
    };
    is_separate(&variant.audio, true) || is_separate(&variant.video, false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::playlist::{Playlist, read};
    use crate::variables::Variables;
    use safe_fetch::Url;

    fn all_of(lines: &str) -> Result<Vec<String>, Refusal> {
        let from = Url::parse("https://a.example/").unwrap();
        match read(&format!("#EXTM3U\n{lines}"), &from, &Variables::default())? {
            Playlist::Master(master) => {
                Ok(candidates(&master)?.iter().map(|variant| variant.uri.clone()).collect())
            }
            other => panic!("{other:?}"),
        }
    }

    fn best_of(lines: &str) -> Result<String, Refusal> {
        all_of(lines).map(|all| all[0].clone())
    }

    #[test]
    fn the_best_variant_is_the_highest_with_audio() {
        let lines = "#EXT-X-STREAM-INF:BANDWIDTH=900000,RESOLUTION=640x360,CODECS=\"avc1.4d401e,mp4a.40.2\"\nlow\n\
             #EXT-X-STREAM-INF:BANDWIDTH=2000000,RESOLUTION=1280x720,CODECS=\"avc1.4d401f,mp4a.40.2\"\nhigh\n\
             #EXT-X-STREAM-INF:BANDWIDTH=2500000,RESOLUTION=1280x720,CODECS=\"avc1.4d401f,mp4a.40.2\"\nhigher\n\
             #EXT-X-STREAM-INF:BANDWIDTH=9000000,RESOLUTION=1920x1080,CODECS=\"avc1.640028\"\nsilent\n\
             #EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=99000000,RESOLUTION=3840x2160,URI=\"frames\"\n";
        assert_eq!(all_of(lines).unwrap(), ["higher", "high", "low"]);
        assert_eq!(
            best_of("#EXT-X-STREAM-INF:BANDWIDTH=1\na\n#EXT-X-STREAM-INF:BANDWIDTH=2\nb\n").as_deref(),
            Ok("b")
        );
        let silent = "#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS=\"avc1.640028\"\nsilent\n";
        assert_eq!(best_of(silent).as_deref(), Ok("silent"), "the only variant is used even without audio");
    }

    #[test]
    fn audio_only_variants_are_used_only_if_no_variant_has_video() {
        let sound = "#EXT-X-STREAM-INF:BANDWIDTH=9000000,CODECS=\"mp4a.40.2\"\nsound\n";
        assert_eq!(best_of(sound).as_deref(), Ok("sound"));
        for picture in [
            "#EXT-X-STREAM-INF:BANDWIDTH=100000,CODECS=\"avc1.640028,mp4a.40.2\"\npicture\n",
            "#EXT-X-STREAM-INF:BANDWIDTH=100000,RESOLUTION=640x360\npicture\n",
            "#EXT-X-STREAM-INF:BANDWIDTH=100000\npicture\n",
            "#EXT-X-STREAM-INF:BANDWIDTH=100000,CODECS=\"hvc1.1.6\"\npicture\n",
        ] {
            assert_eq!(all_of(&format!("{sound}{picture}")).unwrap(), ["picture"], "{picture}");
        }
    }

    #[test]
    fn a_rendition_with_a_uri_is_separate_and_one_without_is_not() {
        for (kind, no) in [("AUDIO", "NO"), ("\"AUDIO\"", "\"NO\"")] {
            let apart = format!(
                "#EXT-X-MEDIA:TYPE={kind},GROUP-ID=\"a\",NAME=\"en\",DEFAULT={no},URI=\"sound\"\n\
                 #EXT-X-STREAM-INF:BANDWIDTH=2,AUDIO=\"a\"\npicture\n"
            );
            assert_eq!(best_of(&apart), Err(Refusal::SeparateAudio));
            let also = format!("{apart}#EXT-X-STREAM-INF:BANDWIDTH=1\nboth\n");
            assert_eq!(best_of(&also).as_deref(), Ok("both"));
            let silent = format!("{apart}#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS=\"avc1.640028\"\nsilent\n");
            assert_eq!(best_of(&silent), Err(Refusal::SeparateAudio));
            let sound = format!("{apart}#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS=\"mp4a.40.2\"\nsound\n");
            assert_eq!(best_of(&sound), Err(Refusal::SeparateAudio), "the video would be lost");
            let declared = apart.replace(",URI=\"sound\"", "");
            assert_eq!(best_of(&declared).as_deref(), Ok("picture"));
        }
        let nowhere = "#EXT-X-STREAM-INF:BANDWIDTH=2,AUDIO=\"a\"\npicture\n";
        assert_eq!(best_of(nowhere).as_deref(), Ok("picture"));
        let own = "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",URI=\"sound\"\n\
             #EXT-X-STREAM-INF:BANDWIDTH=2,CODECS=\"mp4a.40.2\",AUDIO=\"a\"\nsound\n";
        assert_eq!(best_of(own).as_deref(), Ok("sound"));
        let unnamed =
            "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",URI=\"sound\"\n#EXT-X-STREAM-INF:BANDWIDTH=2\npicture\n";
        assert_eq!(best_of(unnamed), Err(Refusal::SeparateAudio));
        let stated = unnamed.replace("BANDWIDTH=2", "BANDWIDTH=2,CODECS=\"avc1.4d401e,mp4a.40.2\"");
        assert_eq!(best_of(&stated).as_deref(), Ok("picture"));
        let frames = "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI=\"frames\"\n";
        assert_eq!(best_of(frames), Err(Refusal::IFrames));
        assert_eq!(best_of("#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\"\n"), Err(Refusal::Empty));
    }
}
