//! Malformed forms: too many parts, huge headers, truncation at any byte. They are refused, and leave nothing.

use files_tests::form::BOUNDARY;
use files_tests::{Cloud, Form, Owner, Response, Usage, media};

const MEGABYTE: usize = 1 << 20;

async fn send(owner: &Owner, body: Vec<u8>) -> Response {
    Response::to(owner.post(&Form::content_type(), body)).await
}

/// Returns one part with these header lines.
fn part(headers: &str) -> Vec<u8> {
    format!("--{BOUNDARY}\r\n{headers}\r\n\r\nbytes\r\n--{BOUNDARY}--\r\n").into_bytes()
}

async fn assert_nothing_is_there(owner: &Owner, after: &str) {
    assert_eq!(owner.backend.sort_keys().await, Vec::<String>::new(), "{after}");
    assert_eq!(owner.backend.objects().await, Vec::<String>::new(), "{after}");
    assert_eq!(owner.backend.usage().await, Usage::default(), "{after}");
}

#[tokio::test]
async fn a_form_of_ten_thousand_parts_is_refused() {
    let owner = Cloud::shared().await.owner().await;
    let texts = (0..10_000).fold(Form::new(), |form, index| form.text(&format!("field{index}"), "x"));
    send(&owner, texts.finish()).await.expect_error(400, "malformed_request");
    let same = (0..10_000).fold(Form::new(), |form, _| form.text("name", "x"));
    send(&owner, same.finish()).await.expect_error(400, "repeated_field");
    let files = (0..10_000).fold(Form::new(), |form, _| form.file("a.png", None, b"x"));
    send(&owner, files.finish()).await.expect_error(422, "file_and_url_given");
    assert_nothing_is_there(&owner, "10,000 parts").await;
}

#[tokio::test]
async fn a_part_with_a_megabyte_of_headers_is_refused() {
    let owner = Cloud::shared().await.owner().await;
    let long = "h".repeat(MEGABYTE);
    let many = "X-Header: value\r\n".repeat(MEGABYTE / 17);
    let file = "Content-Disposition: form-data; name=\"file\"; filename=\"a.png\"";
    for (what, headers) in [
        ("a long field name", format!("Content-Disposition: form-data; name=\"{long}\"")),
        ("a long header name", format!("{file}\r\n{long}: x")),
        ("many headers", format!("{file}\r\n{}", many.trim_end())),
        ("headers alone", many.trim_end().to_owned()),
        ("a header without an end", format!("{file}\r\nX-Header: {long}{long}")),
        ("a disposition of nothing else", format!("Content-Disposition: {long}")),
        ("a line without a colon", format!("{file}\r\n{long}")),
    ] {
        let response = send(&owner, part(&headers)).await;
        if what == "a header without an end" && response.status == 201 {
            owner.delete(&response.json()).await.expect(204); // an unknown header is ignored
            continue;
        }
        assert!((400..500).contains(&response.status), "{what}: {}", response.status);
        let reason = response.json()["reason"].as_str().expect("a reason").to_owned();
        response.expect_error(response.status, &reason);
        assert_eq!(owner.backend.objects().await, Vec::<String>::new(), "{what}");
    }
    let named = Form::new().file(&long, None, b"bytes");
    let response = send(&owner, named.finish()).await.expect(201);
    assert!(response.json()["name"].as_str().is_some_and(|name| name.len() <= 255));
}

#[tokio::test]
async fn a_form_truncated_at_any_byte_is_refused() {
    let owner = Cloud::shared().await.owner().await;
    let form = Form::new().text("metadata", r#"{"a":"b"}"#).file("a.png", Some("image/png"), b"the bytes");
    let whole = form.finish();
    let end = whole.len() - "--\r\n".len();
    for length in 0..end {
        let response = send(&owner, whole[..length].to_vec()).await;
        assert!(matches!(response.status, 400 | 422), "cut at {length}: {}", response.status);
        let reason = response.json()["reason"].as_str().expect("a reason").to_owned();
        response.expect_error(response.status, &reason);
    }
    assert_nothing_is_there(&owner, "a cut").await;
    send(&owner, whole).await.expect(201);
}

#[tokio::test]
async fn a_form_damaged_at_any_byte_is_refused() {
    let owner = Cloud::shared().await.owner().await;
    let whole = Form::new().text("expires_in", "60").file("a.png", None, &media::PNG[..20]).finish();
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 0xa5;
        let response = send(&owner, damaged).await;
        if response.status == 201 {
            owner.delete(&response.json()).await.expect(204);
            continue;
        }
        assert!((400..500).contains(&response.status), "damaged at {at}: {}", response.status);
        let reason = response.json()["reason"].as_str().expect("a reason").to_owned();
        response.expect_error(response.status, &reason);
    }
    assert_eq!(owner.backend.usage().await, Usage::default());
    assert!(!owner.backend.sort_keys().await.iter().any(|key| key.starts_with("file#")));
}
