use super::*;

fn name(header: &str) -> Option<String> {
    file_name(header.as_bytes())
}

#[test]
fn names_are_read_as_they_are_written() {
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
fn headers_without_a_name_give_none() {
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

/// Whatever a source sends: an answer, no panic, and in time that grows with the length only.
#[test]
fn any_bytes_are_survived() {
    let alphabet = b"\"\\;=*' %aF\xFF";
    for seed in 0..alphabet.len().pow(4) {
        let header: Vec<u8> =
            (0..4).map(|digit| alphabet[seed / alphabet.len().pow(digit) % alphabet.len()]).collect();
        file_name(&header);
        file_name(&[b"a; filename".as_slice(), &header].concat());
    }
    assert_eq!(file_name(&b";=".repeat(32 * 1024)), None);
}
