use super::*;
use crate::playlist::{Playlist, read};
use crate::variables::Variables;
use safe_fetch::Url;

/// Returns the choices as `stream` or `stream+sound`.
fn choices(lines: &str, max_joined_height: u64) -> Result<Vec<String>, Refusal> {
    let from = Url::parse("https://a.example/").unwrap();
    match read(&format!("#EXTM3U\n{lines}"), &from, &Variables::default())? {
        Playlist::Master(master) => {
            let found = choose(&master, max_joined_height)?;
            let named = found.iter().map(|choice| match choice.sound {
                Some(sound) => format!("{}+{sound}", choice.stream),
                None => choice.stream.to_owned(),
            });
            Ok(named.collect())
        }
        other => panic!("{other:?}"),
    }
}

fn best_of(lines: &str) -> Result<String, Refusal> {
    choices(lines, 1080).map(|all| all[0].clone())
}

/// Returns the best choice, and that of a deployment that joins nothing.
fn best(lines: &str) -> [Result<String, Refusal>; 2] {
    [best_of(lines), choices(lines, 0).map(|all| all[0].clone())]
}

fn found(choice: &str) -> Result<String, Refusal> {
    Ok(choice.to_owned())
}

const APART: Result<String, Refusal> = Err(Refusal::SeparateAudio);

#[test]
fn the_best_variant_is_the_highest_with_audio() {
    let lines = "#EXT-X-STREAM-INF:BANDWIDTH=900000,RESOLUTION=640x360,CODECS=\"avc1.4d401e,mp4a.40.2\"\nlow\n\
         #EXT-X-STREAM-INF:BANDWIDTH=2000000,RESOLUTION=1280x720,CODECS=\"avc1.4d401f,mp4a.40.2\"\nhigh\n\
         #EXT-X-STREAM-INF:BANDWIDTH=2500000,RESOLUTION=1280x720,CODECS=\"avc1.4d401f,mp4a.40.2\"\nhigher\n\
         #EXT-X-STREAM-INF:BANDWIDTH=9000000,RESOLUTION=1920x1080,CODECS=\"avc1.640028\"\nsilent\n\
         #EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=99000000,RESOLUTION=3840x2160,URI=\"frames\"\n";
    assert_eq!(choices(lines, 1080).unwrap(), ["higher", "high", "low"]);
    let unknown = "#EXT-X-STREAM-INF:BANDWIDTH=1\na\n#EXT-X-STREAM-INF:BANDWIDTH=2\nb\n";
    assert_eq!(best_of(unknown), found("b"));
    let silent = "#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS=\"avc1.640028\"\nsilent\n";
    assert_eq!(best_of(silent), found("silent"), "the only variant is used even without audio");
}

#[test]
fn audio_only_variants_are_used_only_if_no_variant_has_video() {
    let sound = "#EXT-X-STREAM-INF:BANDWIDTH=9000000,CODECS=\"mp4a.40.2\"\nsound\n";
    assert_eq!(best_of(sound), found("sound"));
    for picture in [
        "#EXT-X-STREAM-INF:BANDWIDTH=100000,CODECS=\"avc1.640028,mp4a.40.2\"\npicture\n",
        "#EXT-X-STREAM-INF:BANDWIDTH=100000,RESOLUTION=640x360\npicture\n",
        "#EXT-X-STREAM-INF:BANDWIDTH=100000\npicture\n",
    ] {
        assert_eq!(choices(&format!("{sound}{picture}"), 1080).unwrap(), ["picture"], "{picture}");
    }
    let silent = format!("{sound}#EXT-X-STREAM-INF:BANDWIDTH=100000,CODECS=\"hvc1.1.6\"\npicture\n");
    assert_eq!(best(&silent), [found("picture+sound"), APART], "it is the sound of pictures without one");
}

#[test]
fn a_rendition_with_a_uri_is_joined_and_one_without_is_in_the_variant() {
    for (kind, no) in [("AUDIO", "NO"), ("\"AUDIO\"", "\"NO\"")] {
        let apart = format!(
            "#EXT-X-MEDIA:TYPE={kind},GROUP-ID=\"a\",NAME=\"en\",DEFAULT={no},URI=\"sound\"\n\
             #EXT-X-STREAM-INF:BANDWIDTH=2,AUDIO=\"a\"\npicture\n"
        );
        assert_eq!(best(&apart), [found("picture+sound"), APART], "without CODECS");
        let with_codecs = apart.replace(",AUDIO=", ",CODECS=\"avc1.4d401e,mp4a.40.2\",AUDIO=");
        assert_eq!(best(&with_codecs), [found("picture+sound"), APART]);
        let also = format!("{apart}#EXT-X-STREAM-INF:BANDWIDTH=1\nboth\n");
        assert_eq!(best(&also), [found("both"), found("both")], "nothing tells that the other is higher");
        let silent = format!("{apart}#EXT-X-STREAM-INF:BANDWIDTH=9,CODECS=\"avc1.640028\"\nsilent\n");
        assert_eq!(best(&silent), [found("picture+sound"), APART]);
        let sound = format!("{apart}#EXT-X-STREAM-INF:BANDWIDTH=9,CODECS=\"mp4a.40.2\"\nsound-only\n");
        assert_eq!(best(&sound), [found("picture+sound"), APART], "the video would be lost");
        let declared = apart.replace(",URI=\"sound\"", "");
        assert_eq!(best(&declared), [found("picture"), found("picture")]);
    }
    let nowhere = "#EXT-X-STREAM-INF:BANDWIDTH=2,AUDIO=\"a\"\npicture\n";
    assert_eq!(best_of(nowhere), found("picture"));
    let own = "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",URI=\"sound\"\n\
         #EXT-X-STREAM-INF:BANDWIDTH=2,CODECS=\"mp4a.40.2\",AUDIO=\"a\"\nsound\n";
    assert_eq!(best(own), [found("sound"), found("sound")]);
    let replaced = own.replace("\nsound\n", "\nother\n");
    assert_eq!(best(&replaced), [found("sound"), found("sound")], "players play the rendition");
    let frames = "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI=\"frames\"\n";
    assert_eq!(best_of(frames), Err(Refusal::IFrames));
    assert_eq!(best_of("#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\"\n"), Err(Refusal::Empty));
}

#[test]
fn a_group_that_no_variant_names_is_the_sound_of_those_that_do_not_state_any() {
    let unnamed =
        "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",URI=\"sound\"\n#EXT-X-STREAM-INF:BANDWIDTH=2\npicture\n";
    assert_eq!(best(unnamed), [found("picture+sound"), APART]);
    let stated = unnamed.replace("BANDWIDTH=2", "BANDWIDTH=2,CODECS=\"avc1.4d401e,mp4a.40.2\"");
    assert_eq!(best(&stated), [found("picture"), found("picture")]);
    let named = format!("{unnamed}#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO=\"a\"\nother\n");
    assert_eq!(best(&named), [found("picture"), found("picture")], "the group is that of the other variant");
}

#[test]
fn the_default_rendition_is_chosen_then_a_selectable_one_then_the_first() {
    let best = |renditions: &[&str]| {
        let group: String = renditions
            .iter()
            .map(|attributes| format!("#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",{attributes}\n"))
            .collect();
        let variants = "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"b\",DEFAULT=YES,URI=\"other-group\"\n\
             #EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO=\"a\"\nv\n";
        choices(&format!("{group}{variants}"), 1080).unwrap()
    };
    let (plain, selectable, default) =
        ("URI=\"1\"", "AUTOSELECT=YES,URI=\"2\"", "DEFAULT=YES,AUTOSELECT=YES,URI=\"3\"");
    assert_eq!(best(&[plain, selectable, default]), ["v+3"]);
    assert_eq!(best(&[plain, selectable]), ["v+2"]);
    assert_eq!(best(&[plain, "URI=\"2\""]), ["v+1"]);
    assert_eq!(best(&[selectable, "DEFAULT=YES,URI=\"3\""]), ["v+3"]);
    assert_eq!(best(&[plain, "DEFAULT=YES"]), ["v"], "the default is in the variant");
    assert_eq!(
        best(&["NAME=\"own\"", default]),
        ["v+3", "v"],
        "the variant's own sound is the second choice"
    );
    let languages = ["LANGUAGE=\"de\",CHANNELS=\"6\",URI=\"de\"", "LANGUAGE=\"en\",DEFAULT=YES,URI=\"en\""];
    assert_eq!(best(&languages), ["v+en"]);
    let channels = [
        "LANGUAGE=\"en\",CHANNELS=\"2\",URI=\"stereo\"",
        "LANGUAGE=\"de\",CHANNELS=\"8\",URI=\"german\"",
        "LANGUAGE=\"EN\",CHANNELS=\"6/-\",URI=\"surround\"",
        "LANGUAGE=\"en\",CHANNELS=\"6\",URI=\"later\"",
    ];
    assert_eq!(best(&channels), ["v+surround"], "the most channels in the language of the first");
    let unknown = ["CHANNELS=\"2\",URI=\"one\"", "CHANNELS=\"6\",URI=\"two\""];
    assert_eq!(best(&unknown), ["v+one"], "they may be in different languages");
}

const GROUP: &str = "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"en\",DEFAULT=YES,URI=\"sound\"\n";

fn variant(name: &str, height: u64, more: &str) -> String {
    format!("#EXT-X-STREAM-INF:BANDWIDTH={height},RESOLUTION=1x{height}{more}\n{name}\n")
}

#[test]
fn heights_are_compared_and_whole_variants_win_at_equal_height() {
    let whole = |name, height| variant(name, height, ",CODECS=\"avc1.4d401e,mp4a.40.2\"");
    let apart = |name, height| variant(name, height, ",AUDIO=\"a\"");
    let of = |variants: &[String]| [GROUP, &variants.concat()].concat();
    let both = of(&[whole("360", 360), apart("1080", 1080)]);
    assert_eq!(choices(&both, 1080).unwrap(), ["1080+sound", "360"]);
    assert_eq!(choices(&both, 720).unwrap(), ["360"], "higher than what is joined");
    assert_eq!(choices(&both, 0).unwrap(), ["360"]);
    let equal = of(&[apart("apart", 720), whole("whole", 720)]);
    assert_eq!(choices(&equal, 1080).unwrap(), ["whole", "apart+sound"]);
    let high = of(&[apart("1080", 1080), apart("2160", 2160), apart("1440", 1440)]);
    assert_eq!(choices(&high, 2160).unwrap(), ["2160+sound", "1440+sound"], "at most two are joined");
    assert_eq!(choices(&high, 1440).unwrap(), ["1440+sound", "1080+sound"]);
    assert_eq!(choices(&high, 720).unwrap(), ["1080+sound"], "the lowest, if there is nothing else");
    assert_eq!(choices(&high, 0), Err(Refusal::SeparateAudio));
    let wholes = [("1", 1), ("2", 2), ("6", 6), ("5", 5), ("4", 4), ("3", 3)]
        .map(|(name, height)| whole(name, height));
    let many = of(&[wholes.concat(), apart("7", 7), apart("8", 8), apart("9", 9)]);
    assert_eq!(choices(&many, 1080).unwrap(), ["9+sound", "8+sound", "6", "5"]);
    let repeated = of(&[apart("1080", 1080), apart("1080", 1080), apart("720", 720)]);
    assert_eq!(choices(&repeated, 1080).unwrap(), ["1080+sound", "720+sound"]);
}

#[test]
fn each_variant_has_the_sound_of_its_group() {
    let groups = "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"stereo\",URI=\"aac\"\n\
         #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"surround\",URI=\"ac3\"\n";
    let of = |group: &str, bandwidth: u32| {
        format!("#EXT-X-STREAM-INF:BANDWIDTH={bandwidth},RESOLUTION=1x720,AUDIO=\"{group}\"\nv\n")
    };
    let lines = [groups, &of("stereo", 2), &of("surround", 3)].concat();
    assert_eq!(choices(&lines, 1080).unwrap(), ["v+ac3", "v+aac"]);
}

#[test]
fn a_variant_whose_video_is_separate_is_not_used() {
    let apart = "#EXT-X-MEDIA:TYPE=VIDEO,GROUP-ID=\"v\",URI=\"video\"\n\
         #EXT-X-STREAM-INF:BANDWIDTH=2,RESOLUTION=1x720,VIDEO=\"v\"\nsound\n";
    assert_eq!(best(apart), [APART, APART]);
    let angles = apart.replace("URI=\"video\"\n", "URI=\"video\"\n#EXT-X-MEDIA:TYPE=VIDEO,GROUP-ID=\"v\"\n");
    assert_eq!(best_of(&angles), found("sound"), "the variant is one of the angles");
}
