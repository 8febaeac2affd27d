use safe_fetch::Url;

use crate::{Choice, Media, Preferences, Refusal, Stream, choices};

const HIGHEST: Preferences = Preferences { max_joined_height: 2160 };
const TEMPLATE: &str = "<SegmentTemplate timescale='1' duration='4' initialization='$RepresentationID$/i' media='$RepresentationID$/$Number$'/>";

fn read(mpd: &str, preferences: Preferences) -> Result<Vec<Choice>, Refusal> {
    let url = Url::parse("https://a.example/x/film.mpd?t=1").unwrap();
    choices(mpd.as_bytes(), &url, preferences)
}

fn mpd(period: &str) -> String {
    format!(
        "<MPD xmlns='urn:mpeg:dash:schema:mpd:2011' mediaPresentationDuration='PT10S'><Period>{period}</Period></MPD>"
    )
}

fn set(attributes: &str, inside: &str) -> String {
    format!("<AdaptationSet {attributes}>{inside}</AdaptationSet>")
}

fn representation(id: &str, attributes: &str) -> String {
    format!("<Representation id='{id}' bandwidth='5' {attributes}>{TEMPLATE}</Representation>")
}

/// Returns all URLs of a stream, with its ranges.
fn urls(stream: &Stream) -> Vec<String> {
    match &stream.media {
        Media::File(url) => vec![url.to_string()],
        Media::Segments(plan) => {
            let all = plan.initialisation.iter().chain(&plan.segments);
            all.map(|one| {
                let url = plan.base.join(&one.uri).unwrap();
                one.range.map_or(url.to_string(), |(first, length)| format!("{url}@{first}+{length}"))
            })
            .collect()
        }
    }
}

fn one(representation: &str) -> Result<Vec<String>, Refusal> {
    let inside = mpd(&set("mimeType='video/mp4'", representation));
    Ok(urls(&read(&inside, HIGHEST)?[0].first))
}

/// Returns the representations of each choice.
fn ids(period: &str, preferences: Preferences) -> Result<Vec<String>, Refusal> {
    let id = |stream: &Stream| stream.url.fragment().unwrap().to_owned();
    let all = read(&mpd(period), preferences)?.into_iter().map(|choice| {
        choice.sound.map_or(id(&choice.first), |sound| format!("{}+{}", id(&choice.first), id(&sound)))
    });
    Ok(all.collect())
}

#[test]
fn segments_are_listed() {
    for (inside, expected) in [
        (TEMPLATE, vec!["v/i", "v/1", "v/2", "v/3"]),
        (
            "<SegmentTemplate initialization='i' media='$Time$' presentationTimeOffset='3'><SegmentTimeline><S t='3' d='6' r='-1'/></SegmentTimeline></SegmentTemplate>",
            vec!["i", "3", "9"],
        ),
        (
            "<SegmentTemplate timescale='1000' duration='5000' startNumber='0' media='../$Number%03d$?a=$Bandwidth$'><Initialization sourceURL='/i' range='5-9'/></SegmentTemplate>",
            vec!["/i@5+5", "../000?a=5", "../001?a=5"],
        ),
        ("<SegmentTemplate media='whole.mp4'/>", vec!["whole.mp4"]),
        (
            "<BaseURL>v.mp4</BaseURL><SegmentList><Initialization range='0-99'/><SegmentURL mediaRange='100-199'/><SegmentURL mediaRange='200-299'/></SegmentList>",
            vec!["v.mp4@0+100", "v.mp4@100+100", "v.mp4@200+100"],
        ),
        (
            "<SegmentList><Initialization sourceURL='i'/><SegmentURL media='b'/><SegmentURL media='//b.example/a'/></SegmentList>",
            vec!["i", "b", "//b.example/a"],
        ),
        ("<BaseURL> v.mp4 </BaseURL><SegmentBase indexRange='1-2'/>", vec!["v.mp4"]),
        ("<BaseURL>https://b.example/v.mp4</BaseURL>", vec!["https://b.example/v.mp4"]),
    ] {
        let base = Url::parse("https://a.example/x/film.mpd").unwrap();
        let absolute = |url: &str| {
            let (path, range) = url.split_once('@').map_or((url, None), |(path, range)| (path, Some(range)));
            range.map_or(base.join(path).unwrap().to_string(), |range| {
                format!("{}@{range}", base.join(path).unwrap())
            })
        };
        let expected: Vec<_> = expected.into_iter().map(absolute).collect();
        assert_eq!(
            one(&format!("<Representation id='v' bandwidth='5'>{inside}</Representation>")),
            Ok(expected),
            "{inside}"
        );
    }
}

#[test]
fn elements_and_base_urls_are_inherited() {
    let text = "<MPD mediaPresentationDuration='PT1M' xmlns='urn:mpeg:dash:schema:mpd:2011'><BaseURL>https://b.example/m/</BaseURL><BaseURL>https://c.example/</BaseURL>\
        <Period start='PT50S'><BaseURL>p/</BaseURL><SegmentTemplate timescale='2' initialization='i-$RepresentationID$'/>\
        <AdaptationSet mimeType='video/mp4'><BaseURL>s/</BaseURL><SegmentTemplate duration='20' media='$Number$'/>\
        <Representation id='v'><BaseURL>r/</BaseURL><SegmentTemplate startNumber='7' duration='10'/></Representation></AdaptationSet></Period></MPD>";
    let found = urls(&read(text, HIGHEST).unwrap()[0].first);
    assert_eq!(found, ["i-v", "7", "8"].map(|path| format!("https://b.example/m/p/s/r/{path}")));
}

#[test]
fn the_best_picture_and_sound_are_chosen() {
    let picture = |id: &str, height: u32| representation(id, &format!("height='{height}'"));
    let pictures = set(
        "contentType='video' mimeType='video/mp4'",
        &[picture("v1", 360), picture("v3", 1080), picture("v2", 720)].concat(),
    );
    let sound = |id: &str, more: &str, inside: &str| {
        set(&format!("mimeType='audio/mp4' {more}"), &format!("{inside}{}", representation(id, "")))
    };
    let role = |value: &str| format!("<Role schemeIdUri='urn:mpeg:dash:role:2011' value='{value}'/>");
    let both = |height: u32| set("mimeType='video/mp4' codecs='avc1.64,mp4a.40.2'", &picture("w", height));
    let webm = set("mimeType='audio/webm'", &representation("opus", ""));
    let capped = Preferences { max_joined_height: 720 };
    let none = Preferences { max_joined_height: 0 };
    let plain = sound("a", "", "");
    for (period, preferences, expected) in [
        (format!("{pictures}{plain}"), HIGHEST, Ok(vec!["v3+a"])),
        (format!("{pictures}{plain}"), capped, Ok(vec!["v2+a"])),
        (format!("{pictures}{plain}"), Preferences { max_joined_height: 144 }, Ok(vec!["v1+a"])),
        (format!("{pictures}{plain}"), none, Err(Refusal::Separate)),
        (pictures.clone(), HIGHEST, Ok(vec!["v3", "v2", "v1"])),
        (plain.clone(), none, Ok(vec!["a"])),
        (format!("{pictures}{plain}{}", both(360)), HIGHEST, Ok(vec!["v3+a", "w"])),
        (format!("{pictures}{plain}{}", both(1080)), HIGHEST, Ok(vec!["w"])),
        (format!("{pictures}{plain}{}", both(360)), none, Ok(vec!["w"])),
        // All pictures are too high to be joined.
        (format!("{pictures}{plain}{}", both(120)), Preferences { max_joined_height: 144 }, Ok(vec!["w"])),
        (format!("{pictures}{webm}{plain}"), HIGHEST, Ok(vec!["v3+a"])),
        (format!("{pictures}{webm}"), HIGHEST, Ok(vec!["v3+opus"])),
        (
            format!(
                "{pictures}{}{}{}",
                sound("d", "lang='de'", &role("dub")),
                sound("c", "", &role("commentary")),
                sound("e", "lang='en'", &role("main"))
            ),
            HIGHEST,
            Ok(vec!["v3+e"]),
        ),
        (
            format!("{pictures}{}{}", sound("d", "lang='de'", ""), sound("e", "lang='en'", "")),
            HIGHEST,
            Ok(vec!["v3+d"]),
        ),
        (
            format!("{pictures}{}{}", sound("d", "", ""), sound("e", "selectionPriority='3'", "")),
            HIGHEST,
            Ok(vec!["v3+e"]),
        ),
    ] {
        let found = ids(&period, preferences);
        assert_eq!(
            found,
            expected.map(|all: Vec<&str>| all.into_iter().map(str::to_owned).collect()),
            "{period}"
        );
    }
}

#[test]
fn what_cannot_be_imported_is_refused_by_name() {
    let video = |inside: &str| set("mimeType='video/mp4'", inside);
    let plain = representation("v", "height='720'");
    let protected = "<ContentProtection schemeIdUri='urn:mpeg:dash:mp4protection:2011'/>";
    let sound = set("mimeType='audio/mp4'", &representation("a", ""));
    let trick = "<EssentialProperty schemeIdUri='http://dashif.org/guidelines/trickmode' value='1'/>";
    let unknown = "<EssentialProperty schemeIdUri='urn:x'/>";
    for (period, refusal) in [
        (String::new(), Refusal::Empty),
        (video(""), Refusal::Empty),
        (video(&format!("{protected}{plain}")), Refusal::Drm),
        (format!("{protected}{}", video(&plain)), Refusal::Drm),
        (format!("{}{sound}", video(&format!("{protected}{plain}"))), Refusal::Drm),
        (
            format!(
                "{}{}",
                video(&plain),
                set("mimeType='audio/mp4'", &format!("{protected}{}", representation("a", "")))
            ),
            Refusal::Drm,
        ),
        (video(&format!("{trick}{plain}")), Refusal::TrickMode),
        (set("contentType='image'", &representation("t", "mimeType='image/jpeg'")), Refusal::TrickMode),
        (set("mimeType='text/vtt'", &representation("t", "")), Refusal::TextOnly),
        (set("mimeType='application/mp4' codecs='stpp'", &representation("t", "")), Refusal::TextOnly),
        (set("mimeType='application/mp4'", &representation("t", "")), Refusal::Unsupported),
        (video(&format!("{unknown}{plain}")), Refusal::Unsupported),
        (video(&representation("v", "dependencyId='u'")), Refusal::Unsupported),
        (video(&representation("v", "height='big'")), Refusal::Attribute("height")),
        (video("<Representation id='v'/>"), Refusal::NoMedia),
        (video("<Representation id='v'><BaseURL></BaseURL></Representation>"), Refusal::NoMedia),
        (video("<Representation id='v'><BaseURL>http://</BaseURL></Representation>"), Refusal::Url),
        (
            video("<Representation id='v'><BaseURL byteRange='x'>a</BaseURL></Representation>"),
            Refusal::Attribute("byteRange"),
        ),
        (
            video(
                "<Representation id='v'><SegmentTemplate xlink:href='a' xmlns:xlink='http://www.w3.org/1999/xlink'/></Representation>",
            ),
            Refusal::Xlink,
        ),
    ] {
        assert_eq!(read(&mpd(&period), HIGHEST), Err(refusal), "{period}");
    }
    for (inside, refusal) in [
        ("<SegmentTemplate duration='4' media='$Number$'/>", Refusal::NoInitialisation),
        (
            "<SegmentList><SegmentURL media='a'/><SegmentURL media='b'/></SegmentList>",
            Refusal::NoInitialisation,
        ),
        (
            "<SegmentTemplate duration='4' initialization='$Number$' media='$Number$'/>",
            Refusal::Attribute("initialization"),
        ),
        ("<SegmentTemplate duration='4' initialization='i' media='a'/>", Refusal::SameSegments),
        (
            "<SegmentTemplate duration='4' initialization='i' media='$SubNumber$'/>",
            Refusal::Template("$SubNumber$".to_owned()),
        ),
        (
            "<SegmentTemplate duration='0' initialization='i' media='$Number$'/>",
            Refusal::Duration("duration of segments"),
        ),
        (
            "<SegmentTemplate duration='1.5' initialization='i' media='$Number$'/>",
            Refusal::Attribute("duration"),
        ),
        (
            "<SegmentTemplate timescale='0' duration='1' initialization='i' media='$Number$'/>",
            Refusal::Attribute("timescale"),
        ),
        (
            "<SegmentTemplate timescale='90000' duration='1' initialization='i' media='$Number$'/>",
            Refusal::TooManySegments,
        ),
        ("<SegmentTemplate duration='1'/>", Refusal::NoMedia),
        ("<SegmentList/>", Refusal::NoMedia),
        ("<SegmentList><SegmentURL/></SegmentList>", Refusal::NoMedia),
        (
            "<SegmentList><Initialization sourceURL='i'/><SegmentURL media='a'/><SegmentURL media='a'/></SegmentList>",
            Refusal::SameSegments,
        ),
        (
            "<SegmentList><SegmentURL media='a' mediaRange='9-5'/></SegmentList>",
            Refusal::Attribute("mediaRange"),
        ),
        (
            "<SegmentList><SegmentURL media='a' mediaRange='5-18446744073709551615'/></SegmentList>",
            Refusal::Attribute("mediaRange"),
        ),
        ("<SegmentTemplate media='http://'/>", Refusal::Url),
        ("<SegmentTemplate media='a'/><SegmentBase/>", Refusal::Attribute("SegmentTemplate")),
    ] {
        assert_eq!(
            one(&format!("<Representation id='v'>{inside}</Representation>")),
            Err(refusal),
            "{inside}"
        );
    }
}

#[test]
fn whole_manifests_are_refused_by_name() {
    let with = |attributes: &str| {
        format!(
            "<MPD {attributes}><Period>{}</Period></MPD>",
            set("mimeType='video/mp4'", &representation("v", ""))
        )
    };
    let entities =
        "<!DOCTYPE MPD [<!ENTITY a 'xxxxxxxxxx'><!ENTITY b '&a;&a;&a;&a;'>]><MPD>&b;</MPD>".to_owned();
    let many = |xml: &str, count: usize| mpd(&xml.repeat(count));
    for (text, refusal) in [
        (String::new(), Refusal::Malformed),
        ("<html/>".to_owned(), Refusal::Malformed),
        ("<MPD>".to_owned(), Refusal::Malformed),
        (entities, Refusal::Malformed),
        ("<MPD/>".to_owned(), Refusal::Empty),
        (with("type='dynamic'"), Refusal::Live),
        (with("type='other'"), Refusal::Attribute("type")),
        (with(""), Refusal::Duration("duration")),
        (with("mediaPresentationDuration='PT0S'"), Refusal::Duration("duration")),
        (with("mediaPresentationDuration='PT1E9S'"), Refusal::Duration("mediaPresentationDuration")),
        (with("mediaPresentationDuration='PT100000S'"), Refusal::TooManySegments),
        ("<MPD><Period/><Period/></MPD>".to_owned(), Refusal::Periods),
        ("<MPD><Period x:href='a' xmlns:x='http://www.w3.org/1999/xlink'/></MPD>".to_owned(), Refusal::Xlink),
        (many("<a/>", 400_001), Refusal::TooLong),
        (format!("<MPD>{}</MPD>", " ".repeat(4 * 1024 * 1024)), Refusal::TooLong),
        (mpd(&set("mimeType='video/mp4'", &"<Representation/>".repeat(501))), Refusal::TooLong),
        (format!("{}{}", "<a>".repeat(100_000), "</a>".repeat(100_000)), Refusal::Malformed),
    ] {
        let shown: String = text.chars().take(200).collect();
        assert_eq!(read(&text, HIGHEST), Err(refusal), "{shown}");
    }
    let url = Url::parse("https://a.example/").unwrap();
    assert_eq!(choices(b"<MPD>\xff</MPD>", &url, HIGHEST), Err(Refusal::Malformed));
}

#[test]
fn long_urls_are_refused() {
    let long = "x".repeat(7_000);
    let template =
        format!("<SegmentTemplate timescale='1000' duration='1' initialization='i' media='{long}$Number$'/>");
    assert_eq!(one(&format!("<Representation id='v'>{template}</Representation>")), Err(Refusal::TooLong));
    let base = format!("<Representation id='v'><BaseURL>{long}{long}</BaseURL>{TEMPLATE}</Representation>");
    assert_eq!(one(&base), Err(Refusal::Url));
}

proptest::proptest! {
    /// Numbers and texts of any kind are refused or listed, without panics and within the limits.
    #[test]
    fn any_attributes_are_refused_or_listed(
        duration in "[0-9.P TSMH-]{0,12}|[0-9]{1,20}", number in "[0-9]{1,20}|-1", media in "[$%0-9a-zA-Z./:]{0,20}|a\\$(Number|Time)(%0[0-9]{1,9}d)?\\$",
        repeat in "-?[0-9]{1,20}", is_timeline: bool,
    ) {
        let timeline = format!("<SegmentTimeline><S t='{number}' d='{number}' r='{repeat}'/></SegmentTimeline>");
        let (attribute, inside) = if is_timeline { (String::new(), timeline) } else { (format!("duration='{duration}'"), String::new()) };
        let template = format!("<SegmentTemplate {attribute} startNumber='{number}' timescale='{number}' initialization='i' media='{media}'>{inside}</SegmentTemplate>");
        if let Ok(found) = one(&format!("<Representation id='v'>{template}</Representation>")) {
            proptest::prop_assert!(found.len() <= hls_stream::MAX_SEGMENTS + 1);
        }
    }

    /// Any text after the beginning of a manifest is refused or read.
    #[test]
    fn any_text_is_refused_or_read(text in "[<>/='\"a-zA-Z &;!\\[\\]-]{0,60}") {
        let _ = read(&mpd(&text), HIGHEST);
        let _ = read(&text, HIGHEST);
    }
}
