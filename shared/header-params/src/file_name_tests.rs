use proptest::prelude::*;
use proptest::test_runner::Config;

use super::*;

fn name(header: &str) -> Option<String> {
    file_name(header.as_bytes())
}

#[test]
fn file_names_are_parsed() {
    for (header, expected) in [
        (r#"attachment; filename="film.mp4""#, "film.mp4"),
        ("attachment; filename=film.mp4", "film.mp4"),
        ("attachment;filename=film.mp4;size=3", "film.mp4"),
        (r#"ATTACHMENT; FileName = "film.mp4" ; size=3"#, "film.mp4"),
        (r#"inline; size=3; filename="a b.mp4""#, "a b.mp4"),
        (r#"attachment; filename="a;b=c.mp4""#, "a;b=c.mp4"),
        (r#"attachment; filename="a\"b\\c.mp4""#, r#"a"b\c.mp4"#),
        (r#"attachment; filename="open.mp4"#, "open.mp4"),
        ("attachment; filename=with space.mp4", "with space.mp4"),
        ("filename=film.mp4", "film.mp4"),
        (r#"attachment; filename="grün.mp4""#, "grün.mp4"),
        (r#"attachment; filename="../../etc/passwd""#, "../../etc/passwd"),
        (r#"attachment; filename="50%25.mp4""#, "50%25.mp4"),
        ("attachment; filename*=UTF-8''gr%C3%BCn%20%F0%9F%8E%AC.mp4", "grün 🎬.mp4"),
        ("attachment; filename*=utf-8'de'gr%C3%BCn.mp4", "grün.mp4"),
        ("attachment; filename*=iso-8859-1''gr%FCn.mp4", "grün.mp4"),
        (r#"attachment; filename*="UTF-8''a%20b.mp4""#, "a b.mp4"),
        (r#"attachment; filename="plain.mp4"; filename*=UTF-8''ext.mp4"#, "ext.mp4"),
        (r#"attachment; filename*=UTF-8''ext.mp4; filename="plain.mp4""#, "ext.mp4"),
        (r#"attachment; filename*=UTF-8''%FF.mp4; filename="plain.mp4""#, "plain.mp4"),
        (r#"attachment; filename*=koi8-r''%C1.mp4; filename="plain.mp4""#, "plain.mp4"),
        (r#"attachment; filename*=nothing; filename="plain.mp4""#, "plain.mp4"),
        (r#"attachment; filename*=UTF-8''; filename="plain.mp4""#, "plain.mp4"),
        ("attachment; filename*=UTF-8''a'b.mp4", "a'b.mp4"),
        (r#"attachment; filename="first.mp4"; filename="second.mp4""#, "first.mp4"),
        (r#"attachment; x-filename="no.mp4"; filename="yes.mp4""#, "yes.mp4"),
        (r#"attachment; note="; filename=no.mp4"; filename="yes.mp4""#, "yes.mp4"),
    ] {
        assert_eq!(name(header).as_deref(), Some(expected), "{header}");
    }
}

#[test]
fn bytes_that_are_not_utf_8_are_latin_1() {
    assert_eq!(file_name(b"attachment; filename=\"gr\xFCn.mp4\"").as_deref(), Some("grün.mp4"));
}

#[test]
fn headers_without_a_name_return_none() {
    for header in [
        "",
        ";",
        "=",
        ";;==;",
        "attachment",
        "inline;",
        "attachment; filename",
        "attachment; filename=",
        r#"a; filename="""#,
        "\"",
    ] {
        assert_eq!(name(header), None, "{header}");
    }
}

/// No input panics, and the time grows linearly with the length.
#[test]
fn no_bytes_panic() {
    let alphabet = b"\"\\;=*' %aF\xFF";
    for seed in 0..alphabet.len().pow(4) {
        let header: Vec<u8> =
            (0..4).map(|digit| alphabet[seed / alphabet.len().pow(digit) % alphabet.len()]).collect();
        let _ = file_name(&header);
        let _ = file_name(&[b"a; filename".as_slice(), &header].concat());
    }
    assert_eq!(file_name(&b";=".repeat(32 * 1024)), None);
}

/// The fragments that the generated headers consist of.
const PIECES: [&[u8]; 16] = [
    b"attachment",
    b"filename",
    b"filename*",
    b"=",
    b";",
    b"\"",
    b"\\",
    b" ",
    b"UTF-8''",
    b"iso-8859-1'de'",
    b"%",
    b"%c3",
    b"%FF",
    b"\xFF",
    b"a.mp4",
    b"'",
];

proptest! {
    // The default takes a few seconds; `PROPTEST_CASES=N` sets another number of cases.
    #![proptest_config(Config { cases: cases(), failure_persistence: None, ..Config::default() })]

    #[test]
    fn any_header_has_a_name_or_none(pieces in prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..24)) {
        let header = pieces.concat();
        if let Some(name) = file_name(&header) {
            prop_assert!(!name.is_empty() && name.len() <= 2 * header.len(), "{name:?}");
        }
    }

    #[test]
    fn any_name_survives_a_round_trip(name in any::<String>(), size: u64) {
        let expected = Some(name.clone()).filter(|name| !name.is_empty());
        let quoted = name.replace('\\', "\\\\").replace('"', "\\\"");
        let encoded = name.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
        for header in [
            format!("attachment; size={size}; filename=\"{quoted}\""),
            format!("attachment; filename=\"{quoted}\"; size={size}"),
            format!("attachment; filename*=UTF-8''{encoded}; size={size}"),
        ] {
            prop_assert_eq!(&file_name(header.as_bytes()), &expected, "{}", header);
        }
    }
}

fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(50_000)
}
