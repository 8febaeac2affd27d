//! Which variants of a multivariant playlist are taken, in which order.

use crate::Refusal;
use crate::playlist::{Master, Variant};

/// The prefixes by which `CODECS` names sound, and what is neither sound nor picture (RFC 6381).
const SOUND: [&str; 15] = [
    "mp4a", "ac-3", "ac-4", "ec-3", "opus", "flac", "alac", "mp3", "dts", "mha1", "mhm1", "vorbis", "iamf",
    "apac", "aac",
];
const TEXT: [&str; 4] = ["stpp", "wvtt", "tx3g", "sbtt"];

/// Returns the variants that have all that the best one has, the best first: with picture before sound alone, with sound before
/// silent, then the highest, then the most bits.
pub(crate) fn candidates(playlist: &Master) -> Result<Vec<&Variant>, Refusal> {
    if playlist.variants.is_empty() {
        return Err(Refusal::Empty);
    }
    let has_picture = playlist.variants.iter().any(shows_picture);
    let mut wanted: Vec<_> =
        playlist.variants.iter().filter(|variant| shows_picture(variant) == has_picture).collect();
    wanted.retain(|variant| !is_apart(playlist, variant));
    let has_sound = wanted.iter().any(|variant| may_sound(variant));
    // A silent one beside one whose sound is elsewhere would lose that.
    if !has_sound && playlist.variants.iter().any(|variant| is_apart(playlist, variant)) {
        return Err(Refusal::SeparateAudio);
    }
    wanted.retain(|variant| may_sound(variant) == has_sound);
    wanted.sort_by_key(|variant| std::cmp::Reverse((variant.height, variant.bandwidth)));
    if wanted.is_empty() { Err(Refusal::SeparateAudio) } else { Ok(wanted) }
}

/// Whether it has a picture, as far as is known: without `CODECS` most do.
fn shows_picture(variant: &Variant) -> bool {
    variant.has_resolution
        || codecs(variant)
            .is_none_or(|mut all| all.any(|codec| !is_of(codec, &SOUND) && !is_of(codec, &TEXT)))
}

/// Whether it has sound, as far as is known: without `CODECS` most do.
fn may_sound(variant: &Variant) -> bool {
    codecs(variant).is_none_or(|mut all| all.any(|codec| is_of(codec, &SOUND)))
}

fn codecs(variant: &Variant) -> Option<impl Iterator<Item = &str>> {
    let codecs = variant.codecs.as_deref()?;
    Some(codecs.split(',').map(str::trim).filter(|codec| !codec.is_empty()))
}

fn is_of(codec: &str, words: &[&str]) -> bool {
    words.iter().any(|word| codec.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word)))
}

/// Whether its sound or its picture has an address of its own, or is named and described nowhere.
fn is_apart(playlist: &Master, variant: &Variant) -> bool {
    let apart = |group: &Option<String>, is_audio: bool| {
        let Some(group) = group else { return false };
        let mut members =
            playlist.renditions.iter().filter(|media| media.is_audio == is_audio && media.group == *group);
        members.all(|media| media.uri.is_some())
    };
    apart(&variant.audio, true) || apart(&variant.video, false)
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
    fn the_best_is_the_highest_that_has_sound() {
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
        assert_eq!(best_of(silent).as_deref(), Ok("silent"), "there is no other");
    }

    #[test]
    fn sound_alone_is_taken_only_if_there_is_no_picture() {
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
    fn sound_of_its_own_address_is_apart_and_declared_sound_is_not() {
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
            assert_eq!(best_of(&sound), Err(Refusal::SeparateAudio), "the picture would be lost");
            let declared = apart.replace(",URI=\"sound\"", "");
            assert_eq!(best_of(&declared).as_deref(), Ok("picture"));
        }
        let nowhere = "#EXT-X-STREAM-INF:BANDWIDTH=2,AUDIO=\"a\"\npicture\n";
        assert_eq!(best_of(nowhere), Err(Refusal::SeparateAudio));
        assert_eq!(best_of("#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\"\n"), Err(Refusal::Empty));
    }
}
