//! Downloads: the redirect, and S3's response.

use std::time::{Duration, SystemTime};

use files_domain::Timestamp;
use files_tests::owner::id;
use files_tests::{Cloud, Form, Owner, Response, media};
use http::Method;
use serde_json::{Value, json};

/// Creates a stored file that S3 serves with this type.
async fn stored(owner: &Owner, name: &str, content_type: &str, bytes: &[u8]) -> Value {
    let file =
        Response::to(owner.form(Form::new().file(name, Some(content_type), bytes))).await.expect(201).json();
    owner.wait_until_success(&file).await
}

/// Returns the URL of the bytes, by `redirect=false`.
async fn address(owner: &Owner, file: &Value, query: &str) -> Value {
    let url = format!("{}?redirect=false{query}", Owner::download_url(file));
    let response = owner.get(&url).await.expect(200);
    assert!(response.header("cache-control").is_some_and(|value| value.contains("private")));
    response.json()
}

#[tokio::test]
async fn a_download_redirects_to_the_bytes() {
    let owner = Cloud::shared().await.owner().await;
    let file = stored(&owner, "Ünïcödé 🎬.mp4", "video/mp4", &media::MP4).await;
    let redirect = owner.get(Owner::download_url(&file)).await.expect(302);
    assert!(redirect.body.is_empty());
    assert!(redirect.header("cache-control").is_some_and(|value| value.contains("private")));
    let location = redirect.header("location").expect("a location");

    let whole = owner.fetch(location).await.expect(200);
    assert_eq!(whole.body, *media::MP4);
    assert_eq!(whole.header("content-type"), Some("video/mp4"));
    assert_eq!(
        whole.header("content-disposition"),
        Some(
            "attachment; filename=\"_n_c_d_ _.mp4\"; filename*=UTF-8''%C3%9Cn%C3%AFc%C3%B6d%C3%A9%20%F0%9F%8E%AC.mp4"
        )
    );

    let part = Response::to(owner.bare_request(Method::GET, location).header("range", "bytes=10-19"))
        .await
        .expect(206);
    assert_eq!(part.body, media::MP4.slice(10..20));
    assert_eq!(part.header("content-range"), Some(format!("bytes 10-19/{}", media::MP4.len()).as_str()));

    // The signature is for a GET only.
    Response::to(owner.bare_request(Method::PUT, location).body("other bytes")).await.expect(403);
    Response::to(owner.bare_request(Method::DELETE, location)).await.expect(403);
    let tampered = location.replace("attachment", "inline");
    assert_ne!(tampered, location);
    owner.fetch(&tampered).await.expect(403);
}

#[tokio::test]
async fn a_head_returns_no_bytes() {
    let owner = Cloud::shared().await.owner().await;
    let file = stored(&owner, "clip.mp4", "video/mp4", &media::MP4).await;
    let head = async |path: &str| Response::to(owner.request(Method::HEAD, path)).await;
    let redirect = head(Owner::download_url(&file)).await.expect(302);
    let location = redirect.header("location").expect("a location");
    let response = Response::to(owner.bare_request(Method::HEAD, location)).await.expect(200);
    assert_eq!(response.header("content-length"), Some(media::MP4.len().to_string().as_str()));
    assert_eq!(response.header("content-type"), Some("video/mp4"));
    assert!(response.body.is_empty());
    owner.fetch(location).await.expect(403);

    assert!(head(&format!("/files/{}/other.mp4", id(&file))).await.expect(404).body.is_empty());
}

#[tokio::test]
async fn a_download_url_has_the_requested_lifetime() {
    let owner = Cloud::shared().await.owner().await;
    let file = stored(&owner, "a.png", "image/png", &media::PNG).await;
    for (query, seconds) in [("", 300), ("&expires_in=60", 60), ("&expires_in=3600", 3600)] {
        let asked = Timestamp::from(SystemTime::now());
        let body = address(&owner, &file, query).await;
        let expires = Timestamp::parse(body["expires_at"].as_str().expect("a time")).expect("RFC 3339");
        let lives = expires.seconds() - asked.seconds();
        assert!((seconds - 1..=seconds + 30).contains(&lives), "{query}: {lives}");
        let url = body["url"].as_str().expect("a URL");
        assert!(url.contains(&format!("X-Amz-Expires={seconds}")), "{url}");
        assert_eq!(owner.fetch(url).await.expect(200).body, *media::PNG);
    }
    let url = Owner::download_url(&file);
    for (field, wrong) in [
        ("expires_in", "59"),
        ("expires_in", "3601"),
        ("expires_in", "x"),
        ("redirect", "no"),
        ("disposition", "form-data"),
    ] {
        let body =
            owner.get(&format!("{url}?{field}={wrong}")).await.expect_error(400, "malformed_parameter");
        assert_eq!(body["details"][0]["field"], field);
    }
}

#[tokio::test]
async fn a_download_url_expires_with_its_file() {
    let owner = Cloud::shared().await.owner().await;
    let form = Form::new().text("expires_in", "200").file("a.png", Some("image/png"), &media::PNG);
    let file = owner.wait_until_success(&Response::to(owner.form(form)).await.expect(201).json()).await;
    let body = address(&owner, &file, "&expires_in=3600").await;
    let time = |text: &Value| Timestamp::parse(text.as_str().expect("a time")).expect("RFC 3339");
    assert!(time(&body["expires_at"]) <= time(&file["expires_at"]).plus(Duration::from_secs(1)), "{body}");
}

#[tokio::test]
async fn only_media_is_served_inline() {
    let owner = Cloud::shared().await.owner().await;
    const SCRIPT: &[u8] = b"<!DOCTYPE html><script>alert(1)</script>";
    for (name, content_type, bytes, shown) in [
        ("a.png", "image/png", &media::PNG[..], true),
        ("a.mp4", "video/mp4", &media::MP4[..], true),
        ("a.mp3", "audio/mpeg", &media::MP3[..], true),
        ("a.png", "image/png", SCRIPT, false),
        ("a.mp4", "video/mp4", SCRIPT, false),
        ("a.mp3", "audio/mpeg", SCRIPT, false),
        ("a.svg", "image/svg+xml", SCRIPT, false),
        ("a.html", "text/html", SCRIPT, false),
    ] {
        let file = stored(&owner, name, content_type, bytes).await;
        let url = address(&owner, &file, "&disposition=inline").await;
        let response = owner.fetch(url["url"].as_str().expect("a URL")).await.expect(200);
        let disposition = response.header("content-disposition").expect("a disposition");
        assert_eq!(disposition.starts_with("inline;"), shown, "{name}: {disposition}");
        let served = if shown { content_type } else { "application/octet-stream" };
        assert_eq!(response.header("content-type"), Some(served), "{name}");
    }
}

#[tokio::test]
async fn the_type_of_the_bytes_replaces_a_wrong_one() {
    let owner = Cloud::shared().await.owner().await;
    for (name, stated, bytes, found) in [
        ("a.mp4", "video/mp4", &media::PNG[..], "image/png"),
        ("a.txt", "text/plain", &media::MP4[..], "video/mp4"),
        ("a", "application/octet-stream", &media::WEBM[..], "video/webm"),
        ("a.wav", "audio/x-wav", &media::WAV[..], "audio/x-wav"),
        ("a.jpg", "image/jpeg", b"%PDF-1.7\n", "application/pdf"),
        (
            "a.srt",
            "application/x-subrip",
            b"1\n00:00:00,000 --> 00:00:01,000\nHello\n",
            "application/x-subrip",
        ),
    ] {
        let file = stored(&owner, name, stated, bytes).await;
        assert_eq!(file["content_type"], found, "{stated}");
    }
    let images = owner.list("?type=image").await;
    assert_eq!(images["files"].as_array().map(Vec::len), Some(1), "by its bytes, not its name: {images}");
}

#[tokio::test]
async fn any_name_can_be_downloaded() {
    let owner = Cloud::shared().await.owner().await;
    let names = [
        "parts",
        "complete",
        "sign",
        "a b.png",
        "a+b.png",
        "a&b=c.png",
        "a;b,c.png",
        "a#b.png",
        "🎬.png",
        "né.png",
        "a'b.png",
        "(a) [b].png",
        "a:b@c.png",
        "%41.png",
        "100%.png",
        "what?.png",
        "%3F.png",
        "%252F",
        "..hidden..",
    ];
    let mut failed = Vec::new();
    for name in names {
        let body = json!({"name": name, "size": media::PNG.len(), "content_type": "image/png"});
        let file = owner.announce_as(&body).await;
        assert_eq!(file["name"], name);
        owner.put(&file, media::PNG.clone()).await.expect(200);
        let file = owner.wait_until_success(&file).await;
        let url = Owner::download_url(&file);
        let plain = owner.get(url).await;
        if plain.status != 302 {
            failed.push(format!("{name}: {} {url}", plain.status));
        }
        // A question mark in the path must not hide the query.
        let asked = format!("{url}?redirect=false&key={}", owner.key());
        let asked = Response::to(owner.bare_request(http::Method::GET, &asked)).await;
        if asked.status != 200 {
            failed.push(format!("{name}, with a query: {} {url}", asked.status));
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

#[tokio::test]
async fn another_name_is_not_found_and_missing_bytes_are_a_conflict() {
    let owner = Cloud::shared().await.owner().await;
    let file = stored(&owner, "a.png", "image/png", &media::PNG).await;
    for name in ["b.png", "A.png", "a.png%20", "parts"] {
        owner.get(&format!("/files/{}/{name}", id(&file))).await.expect_error(404, "not_found");
    }
    let waiting = owner.announce("b.png", 5, "image/png").await;
    owner.get(Owner::download_url(&waiting)).await.expect_error(409, "no_bytes_yet");
    owner.get(&format!("/files/{}/other.png", id(&waiting))).await.expect_error(404, "not_found");
}
