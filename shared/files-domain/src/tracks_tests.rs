use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{Origin, PageClaims};

fn clean(claims: Value) -> Value {
    let claims: PageClaims = serde_json::from_value(claims).expect("claims of any kind");
    serde_json::to_value(Origin::clean(&claims)).unwrap()
}

fn subtitle(number: usize) -> Value {
    json!({"language": "en", "format": "vtt", "url": format!("https://a.example/{number}.vtt")})
}

#[test]
fn chapters_are_in_order() {
    let origin = clean(json!({"chapters": [
        {"start": 60.0, "end": 10, "title": " Two\r\n\u{202e} "}, {"start": 0, "end": 60.0004, "title": "One"},
    ]}));
    let expected =
        json!([{"start": 0.0, "end": 60.0, "title": "One"}, {"start": 60.0, "end": null, "title": "Two"}]);
    assert_eq!(origin["chapters"], expected);
}

#[test]
fn subtitles_have_a_tag_and_automatic_ones_are_last() {
    let url = |name: &str| format!("https://a.example/{name}?signature=1");
    let origin = clean(json!({"subtitles": [
        {"language": "EN_us", "name": null, "format": "srt", "url": url("1"), "automatic": true, "later": 1},
        {"language": "Deutsch", "format": "vtt", "url": url("2"), "automatic": false},
        {"format": "m3u8", "url": url("3"), "name": "x".repeat(200)},
        {"language": "de", "format": "vtt", "url": url("2")},
    ]}));
    let long = format!("{}…", "x".repeat(Origin::MAX_NAME_CHARS - 1));
    let expected = json!([
        {"language": "und", "name": "Deutsch", "format": "vtt", "url": url("2"), "automatic": false},
        {"language": "und", "name": long, "format": "m3u8", "url": url("3"), "automatic": false},
        {"language": "en-US", "name": null, "format": "srt", "url": url("1"), "automatic": true},
    ]);
    assert_eq!(origin["subtitles"], expected);
    let stored: Origin = serde_json::from_value(origin.clone()).unwrap();
    assert_eq!(serde_json::to_value(stored).unwrap(), origin);
}

#[test]
fn what_cannot_be_read_is_dropped() {
    for wrong in
        [json!(null), json!("x"), json!(5), json!({"a": 1}), json!([null, 5, "x", [], {}, [{"start": 1}]])]
    {
        let origin = clean(json!({"title": "Film", "chapters": wrong, "subtitles": wrong}));
        assert_eq!((&origin["chapters"], &origin["subtitles"]), (&json!([]), &json!([])), "{wrong}");
    }
    for chapter in [
        json!({"start": -1}),
        json!({"start": 1e300}),
        json!({"start": "1"}),
        json!({"start": 1, "title": 5}),
        json!({"end": 5, "title": "x"}),
    ] {
        assert_eq!(clean(json!({"chapters": [chapter]})), Value::Null, "{chapter}");
    }
    for (field, value) in [
        ("url", json!("javascript:alert(1)")),
        ("url", json!("/en.vtt")),
        ("url", json!("https://user:secret@a.example/en.vtt")),
        ("url", json!(format!("https://a.example/{}", "x".repeat(Origin::MAX_URL_BYTES)))),
        ("url", json!(null)),
        ("format", json!("mp4")),
        ("format", json!("VTT")),
        ("format", json!(["vtt"])),
        ("language", json!(5)),
        ("automatic", json!("no")),
    ] {
        let mut wrong = subtitle(1);
        wrong[field] = value;
        assert_eq!(clean(json!({"subtitles": [wrong]})), Value::Null, "{wrong}");
    }
}

#[test]
fn many_are_bounded() {
    let chapters: Vec<_> = (0..1000).map(|n| json!({"start": n})).collect();
    let subtitles: Vec<_> = (0..1000).map(subtitle).collect();
    let origin = clean(json!({"chapters": chapters, "subtitles": subtitles}));
    let count = |list: &str| origin[list].as_array().map(Vec::len);
    assert_eq!(count("chapters"), Some(Origin::MAX_CHAPTERS));
    assert_eq!(count("subtitles"), Some(Origin::MAX_SUBTITLES));
}

#[test]
fn a_long_origin_loses_its_last_subtitles_and_then_its_last_chapters() {
    let chapters = |title: &str| (0..200).map(|n| json!({"start": n, "title": title})).collect::<Vec<_>>();
    let long = format!("https://a.example/{}", "x".repeat(1900));
    let subtitles: Vec<_> = (0..100).map(|n| json!({"format": "vtt", "url": format!("{long}{n}")})).collect();
    let of =
        |title: &str| clean(json!({"title": "Film", "chapters": chapters(title), "subtitles": subtitles}));
    let count = |origin: &Value, list: &str| origin[list].as_array().map_or(0, Vec::len);

    let some = of("A chapter");
    assert_eq!(
        (count(&some, "chapters"), some["subtitles"][0]["url"].as_str()),
        (200, Some(&*format!("{long}0")))
    );
    let bytes = some.to_string().len();
    assert!((Origin::MAX_BYTES - 2_100..=Origin::MAX_BYTES).contains(&bytes), "{bytes}");

    let none = of(&"🎬".repeat(200));
    assert_eq!((count(&none, "subtitles"), &none["title"]), (0, &json!("Film")));
    assert!((20..200).contains(&count(&none, "chapters")), "{}", count(&none, "chapters"));
    assert_eq!(none["chapters"][0]["start"], 0.0);
    assert!(none.to_string().len() <= Origin::MAX_BYTES);
}

/// JSON of any kind, often with the names of claims.
fn malicious() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,300}".prop_map(Value::from),
        Just(json!("vtt")),
        "https://[a-z]{1,9}\\.example/\\PC{0,300}".prop_map(Value::from),
    ];
    let names =
        prop::sample::select(vec!["start", "end", "title", "language", "name", "format", "url", "automatic"]);
    leaf.prop_recursive(3, 200, 30, move |inner| {
        let object = prop::collection::btree_map(names.clone().prop_map(str::to_owned), inner.clone(), 0..8);
        prop_oneof![
            prop::collection::vec(inner, 0..20).prop_map(Value::from),
            object.prop_map(|object| object.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn any_claims_become_a_short_origin_that_is_read_again(chapters in malicious(), subtitles in malicious()) {
        let origin = clean(json!({"title": "Film", "chapters": chapters, "subtitles": subtitles}));
        prop_assert!(origin.to_string().len() <= Origin::MAX_BYTES);
        let read: Origin = serde_json::from_value(origin.clone()).unwrap();
        prop_assert_eq!(serde_json::to_value(read).unwrap(), origin);
    }

    #[test]
    fn any_chapters_ascend(times in prop::collection::vec((any::<f64>(), any::<f64>()), 0..300)) {
        let chapters: Vec<_> = times.iter().map(|(start, end)| json!({"start": start, "end": end})).collect();
        let origin = clean(json!({"title": "Film", "chapters": chapters}));
        let starts: Vec<f64> =
            origin["chapters"].as_array().unwrap().iter().map(|one| one["start"].as_f64().unwrap()).collect();
        prop_assert!(starts.is_sorted() && starts.iter().all(|start| start.is_finite() && *start >= 0.0));
    }
}
