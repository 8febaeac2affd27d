use super::*;
use futures_util::TryStreamExt;

const TYPE: &str = "multipart/form-data; boundary=B";

fn form(file: &[u8]) -> Bytes {
    let mut body = b"--B\r\ncontent-disposition: form-data; name=\"name\"\r\n\r\nclip\r\n--B\r\n\
        content-disposition: form-data; name=\"file\"; filename=\"a.mp4\"\r\ncontent-type: video/mp4\r\n\r\n"
        .to_vec();
    body.extend_from_slice(file);
    body.extend_from_slice(b"\r\n--B--\r\n");
    body.into()
}

/// Parses a form of parts, each with header fields and content.
fn read(parts: &[(&str, &str)]) -> Result<Form, ApiError> {
    let parts = parts.iter().map(|(headers, content)| format!("--B\r\n{headers}\r\n\r\n{content}\r\n"));
    Form::read(format!("{}--B--\r\n", parts.collect::<String>()).into(), TYPE)
}

fn file_with(disposition: &str) -> Result<Form, ApiError> {
    read(&[(&format!("Content-Disposition: {disposition}"), "some bytes")])
}

#[tokio::test]
async fn the_file_can_be_streamed_repeatedly_without_copies() {
    let bytes: Vec<u8> = (0..2_000_000_u32).map(|i| (i % 251) as u8).collect();
    let form = Form::read(form(&bytes), TYPE).unwrap();
    let file = form.file.unwrap();
    assert_eq!(form.texts["name"], "clip");
    assert_eq!((file.size, file.file_name.as_deref()), (2_000_000, Some("a.mp4")));
    assert_eq!(file.sha256, hex::encode(Sha256::digest(&bytes)));
    for _ in 0..2 {
        let again: Vec<Bytes> = file.bytes().try_collect().await.unwrap();
        assert_eq!(again.concat(), bytes);
        assert!(again.iter().all(|chunk| chunk.len() <= CHUNK_BYTES));
        assert!(std::ptr::eq(again[0].as_ptr(), file.content.as_ptr()), "a slice of the body");
    }
}

#[test]
fn a_form_truncated_anywhere_is_rejected() {
    let whole = form(b"some bytes");
    let end = whole.len() - 4; // the closing delimiter's dashes and line end
    for cut in 1..end {
        let error = Form::read(whole.slice(..cut), TYPE).expect_err("cut form");
        assert_eq!(error.reason(), Reason::MalformedRequest, "cut at {cut}");
    }
}

#[test]
fn limits_are_exact() {
    let full = vec![0; usize::try_from(MAX_API_UPLOAD_BYTES).unwrap()];
    assert!(Form::read(form(&full), TYPE).is_ok());
    let over = [full, vec![0]].concat();
    assert_eq!(Form::read(form(&over), TYPE).unwrap_err().reason(), Reason::BodyTooLarge);
    let name = "Content-Disposition: form-data; name=\"name\"";
    assert!(read(&[(name, &"x".repeat(MAX_TEXT_BYTES))]).is_ok());
    let error = read(&[(name, &"x".repeat(MAX_TEXT_BYTES + 1))]).unwrap_err();
    assert!(format!("{error:?}").contains("field: \"name\""), "{error:?}");
}

#[test]
fn an_empty_file_input_is_ignored() {
    let empty = ("Content-Disposition: form-data; name=\"file\"; filename=\"\"", "");
    assert!(read(&[empty]).unwrap().file.is_none());
    let file = ("Content-Disposition: form-data; name=\"file\"; filename=\"a.mp4\"", "bytes");
    for parts in [[empty, file], [file, empty]] {
        assert_eq!(read(&parts).unwrap().file.unwrap().size, 5);
    }
}

#[test]
fn file_names_are_parsed_in_every_common_form() {
    for (disposition, name) in [
        (r#"form-data; name="file"; filename="a b.mp4""#, "a b.mp4"),
        (r#"FORM-DATA; FILENAME="a.mp4"; Name=file"#, "a.mp4"),
        (r#"form-data; filename=a.mp4; name=file"#, "a.mp4"),
        (r#"form-data; name="file"; filename="a\"b.mp4""#, r#"a"b.mp4"#),
        (r#"form-data; name="file"; filename="a%22b.mp4""#, r#"a"b.mp4"#),
        (r#"form-data; name="file"; filename="x; name=other.mp4""#, "x; name=other.mp4"),
        (r#"form-data; name="file"; filename="C:\clips\a.mp4""#, r"C:\clips\a.mp4"),
        (
            r#"form-data; name=file; filename="=?utf-8?B?Z3LDvG4ubXA0?="; filename*=utf-8''gr%C3%BCn.mp4"#,
            "grün.mp4",
        ),
        (r#"form-data; name=file; filename="=?utf-8?B?Z3LDvG4ubXA0?=""#, "grün.mp4"),
        (r#"form-data; name="file"; filename="grün.mp4""#, "grün.mp4"),
        (r#"form-data; name="file"; filename*=UTF-8''50%25.mp4"#, "50%.mp4"),
    ] {
        let file = file_with(disposition).unwrap().file.unwrap_or_else(|| panic!("{disposition}"));
        assert_eq!(file.file_name.as_deref(), Some(name), "{disposition}");
    }
}

#[test]
fn a_part_named_file_without_a_file_name_is_a_field() {
    let form = read(&[
        ("Content-Disposition: form-data; name=\"file\"", "{}"),
        ("Content-Disposition: form-data; name=\"file\"; filename=\"a.mp4\"", "bytes"),
    ])
    .unwrap();
    assert_eq!(form.file.unwrap().size, 5);
    assert!(form.has_file_text);
}

#[test]
fn a_file_in_another_field_is_rejected_and_the_field_named() {
    for name in ["file[]", "files", "upload"] {
        let error = file_with(&format!("form-data; name=\"{name}\"; filename=\"a.mp4\"")).unwrap_err();
        assert_eq!(error.reason(), Reason::FileOrUrlRequired);
        assert!(format!("{error:?}").contains(&format!("field: \"{name}\"")), "{error:?}");
    }
}

#[test]
fn a_known_field_may_be_a_blob() {
    let headers = "Content-Disposition: form-data; name=\"metadata\"; filename=\"blob\"\r\nContent-Type: application/json";
    assert_eq!(read(&[(headers, r#"{"a":"b"}"#)]).unwrap().texts["metadata"], r#"{"a":"b"}"#);
}

#[test]
fn an_encoded_part_is_rejected_and_its_field_named() {
    let file = "Content-Disposition: form-data; name=\"file\"; filename=\"a.mp4\"";
    for header in [
        "Content-Transfer-Encoding: base64",
        "content-transfer-encoding: Quoted-Printable",
        "Content-Encoding: gzip",
        "Content-Type: multipart/mixed; boundary=C",
        "CONTENT-TYPE: Multipart/Form-Data; boundary=C",
    ] {
        let error = read(&[(&format!("{file}\r\n{header}"), "bytes")]).unwrap_err();
        assert_eq!(error.reason(), Reason::UnsupportedEncoding, "{header}");
    }
    for header in
        ["Content-Transfer-Encoding: binary", "Content-Transfer-Encoding: 8BIT", "Content-Encoding: identity"]
    {
        assert!(read(&[(&format!("{file}\r\n{header}"), "bytes")]).is_ok(), "{header}");
    }
}

#[test]
fn a_repeated_known_field_is_rejected_and_named() {
    let field = |name: &str| (format!("Content-Disposition: form-data; name=\"{name}\""), "x");
    for (names, culprit) in [
        (["name", "name"], "name"),
        (["file_url", "file_url"], "file_url"),
        (["metadata", "metadata[a]"], "metadata[a]"),
        (["metadata[a]", "metadata"], "metadata"),
        (["metadata[a]", "metadata[a]"], "metadata[a]"),
    ] {
        let parts = names.map(field);
        let error = read(&parts.each_ref().map(|(headers, text)| (headers.as_str(), *text))).unwrap_err();
        assert_eq!(error.reason(), Reason::RepeatedField);
        assert!(format!("{error:?}").contains(&format!("field: \"{culprit}\"")), "{error:?}");
    }
    let unknown = [field("dzuuid"), field("dzuuid"), field("metadata[a]"), field("metadata[b]")];
    let form = read(&unknown.each_ref().map(|(headers, text)| (headers.as_str(), *text))).unwrap();
    assert_eq!(form.members["metadata"].len(), 2);
}

#[test]
fn an_object_with_malformed_or_mixed_members_is_refused_in_true_words() {
    for (body, reason, words) in [
        ("metadata[a][b]=2", Reason::InvalidMetadata, "metadata[a][b]: a member of metadata"),
        ("metadata[a=2", Reason::InvalidMetadata, "metadata[a: a member of metadata"),
        ("metadata[a]]=2", Reason::InvalidMetadata, "metadata[a]]: a member"),
        ("headers[a]b=2", Reason::InvalidHeaders, "headers[a]b: a member of headers"),
        ("metadata={}&metadata[b]=1", Reason::RepeatedField, "metadata is given as JSON and as fields"),
        ("metadata[b]=1&metadata={}", Reason::RepeatedField, "metadata is given as JSON and as fields"),
    ] {
        let error = Form::read_urlencoded(body.as_bytes()).unwrap_err();
        assert_eq!(error.reason(), reason, "{body}");
        assert!(format!("{error:?}").contains(words), "{body}: {error:?}");
    }
}

#[test]
fn a_quoted_boundary_is_unescaped() {
    let body =
        Bytes::from_static(b"--XbX\r\nContent-Disposition: form-data; name=name\r\n\r\nclip\r\n--XbX--\r\n");
    for boundary in [r#""X\bX""#, r#""\X\b\X""#, r#""XbX""#, "XbX"] {
        let form = Form::read(body.clone(), &format!("multipart/form-data; boundary={boundary}")).unwrap();
        assert_eq!(form.texts["name"], "clip", "{boundary}");
    }
}

#[test]
fn texts_are_decoded_by_their_charset() {
    let name = "Content-Disposition: form-data; name=\"name\"\r\nContent-Type: text/plain";
    let body = |charset: &str, text: &[u8]| {
        let head = format!("--B\r\n{name}{charset}\r\n\r\n");
        Form::read([head.as_bytes(), text, b"\r\n--B--"].concat().into(), TYPE)
    };
    assert_eq!(body("; charset=UTF-8", "grün".as_bytes()).unwrap().texts["name"], "grün");
    assert_eq!(body("; charset=\"iso-8859-1\"", b"gr\xFCn").unwrap().texts["name"], "grün");
    for (charset, text) in [("", b"gr\xFCn".as_slice()), ("; charset=utf-16", b"\0a")] {
        assert_eq!(body(charset, text).unwrap_err().reason(), Reason::MalformedRequest, "{charset}");
    }
}

#[test]
fn urlencoded_forms_are_read() {
    let form = Form::read_urlencoded(
        b"file_url=https%3A%2F%2Fa.example%2Fb%3Fc%3Dd&name=gr%C3%BCn+film&metadata%5Bk%5D=v",
    )
    .unwrap();
    assert_eq!(form.texts["file_url"], "https://a.example/b?c=d");
    assert_eq!(form.texts["name"], "grün film");
    assert_eq!(form.members["metadata"]["k"], "v");
    assert!(Form::read_urlencoded(b"").unwrap().texts.is_empty());
    for (body, reason) in [
        (b"name=a&name=b".as_slice(), Reason::RepeatedField),
        (b"name=%FF", Reason::MalformedRequest),
        (br#"{"file_url": "https://a.example"}"#, Reason::MalformedRequest),
    ] {
        assert_eq!(Form::read_urlencoded(body).unwrap_err().reason(), reason);
    }
}

#[test]
fn bytes_instead_of_a_form_are_explained() {
    let error = Form::read_urlencoded(b"\0\0\0 ftypisom\xff=&\xfe").unwrap_err();
    assert_eq!(error.reason(), Reason::MalformedRequest);
    assert!(format!("{error:?}").contains("Send a file as multipart/form-data"), "{error:?}");
}

#[test]
fn a_second_file_is_rejected() {
    let part = "Content-Disposition: form-data; name=\"file\"; filename=\"a\"";
    let error = read(&[(part, "a"), (part, "b")]).unwrap_err();
    let body = serde_json::to_value(error.body("r")).unwrap();
    assert_eq!(body["message"], body["details"][0]["message"]);
}
