//! Requests of various clients, byte for byte, and their expected results.

use files_tests::owner::id;
use files_tests::{Cloud, Owner, Response, media};
use http::Method;
use serde_json::{Value, json};

const FORM: &str = "multipart/form-data; boundary=\"b ound\"";

/// Returns a form of parts, each with header fields and content.
fn form(parts: &[(&str, &str)]) -> String {
    let parts = parts.iter().map(|(headers, content)| format!("--b ound\r\n{headers}\r\n\r\n{content}\r\n"));
    format!("{}--b ound--\r\n", parts.collect::<String>())
}

async fn create(owner: &Owner, content_type: &str, body: impl Into<reqwest::Body>) -> Response {
    Response::to(owner.post(content_type, body)).await
}

#[tokio::test]
async fn forms_of_various_clients_are_accepted() {
    let owner = Cloud::shared().await.owner().await;
    for (client, headers, name) in [
        (
            ".NET",
            "Content-Type: image/png\r\nContent-Disposition: form-data; name=file; filename=\"=?utf-8?B?Z3LDvG4ucG5n?=\"; filename*=utf-8''gr%C3%BCn.png",
            "grün.png",
        ),
        (
            "urllib3 1",
            "Content-Disposition: form-data; name=\"file\"; filename*=utf-8''gr%C3%BCn.png\r\nContent-Type: image/png",
            "grün.png",
        ),
        (
            "Go",
            "Content-Disposition: form-data; name=\"file\"; filename=\"gr\\\"ün.png\"\r\nContent-Type: application/octet-stream",
            "gr\"ün.png",
        ),
        (
            "a browser",
            "Content-Disposition: form-data; name=\"file\"; filename=\"gr%22ün.png\"\r\nContent-Type: image/png",
            "gr\"ün.png",
        ),
        (
            "Apache HttpClient",
            "Content-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: binary",
            "a.png",
        ),
        (
            "another order and case",
            "content-disposition: FORM-DATA; FILENAME=\"a; name=b.png\" ; NAME = \"file\"",
            "a; name=b.png",
        ),
        (
            "a folded field",
            "Content-Disposition: form-data;\r\n name=\"file\";\r\n filename=\"a.png\"",
            "a.png",
        ),
    ] {
        let file = create(&owner, FORM, form(&[(headers, "the bytes")])).await;
        assert_eq!(file.status, 201, "{client}: {}", file.json());
        assert_eq!(file.json()["name"], name, "{client}");
        assert_eq!(owner.wait_until_success(&file.json()).await["size"], 9, "{client}");
    }
}

#[tokio::test]
async fn every_option_works_in_a_form() {
    let owner = Cloud::shared().await.owner().await;
    let field = |name: &str| format!("Content-Disposition: form-data; name=\"{name}\"");
    let (name, size, multipart) = (field("name"), field("size"), field("multipart"));
    let (project, shot) = (field("metadata[project]"), field("metadata[shot]"));
    let body =
        form(&[(&name, "a.mp4"), (&size, "6000000"), (&multipart, "true"), (&project, "x"), (&shot, "7")]);
    let file = create(&owner, FORM, body).await.expect(201).json();
    assert_eq!(file["upload"]["part_count"], 1);
    assert_eq!(file["metadata"], json!({"project": "x", "shot": "7"}));

    let urlencoded = "name=a+b.mp4&size=5&metadata%5Bproject%5D=x&unknown=1";
    let file = create(&owner, "application/x-www-form-urlencoded", urlencoded).await.expect(201).json();
    assert_eq!((&file["name"], &file["metadata"]), (&json!("a b.mp4"), &json!({"project": "x"})));
}

#[tokio::test]
async fn an_additional_field_named_file_is_ignored() {
    let owner = Cloud::shared().await.owner().await;
    let text = ("Content-Disposition: form-data; name=\"file\"", "{}");
    let part = ("Content-Disposition: form-data; name=\"file\"; filename=\"a.png\"", "the bytes");
    let file = create(&owner, FORM, form(&[text, part])).await.expect(201).json();
    assert_eq!(file["size"], 9);
    let alone = create(&owner, FORM, form(&[text])).await.expect_error(422, "file_or_url_required");
    assert_eq!(alone["message"], "File or URL is required");
    assert!(alone["details"][0]["message"].as_str().is_some_and(|text| text.contains("filename")), "{alone}");
}

#[tokio::test]
async fn ambiguous_parts_are_refused_by_name() {
    let owner = Cloud::shared().await.owner().await;
    let file = "Content-Disposition: form-data; name=\"file\"; filename=\"a.png\"";
    let name = "Content-Disposition: form-data; name=\"name\"";
    let base64 = format!("{file}\r\nContent-Transfer-Encoding: base64");
    let mixed = format!("{file}\r\nContent-Type: multipart/mixed; boundary=c");
    let other = "Content-Disposition: form-data; name=\"file[]\"; filename=\"a.png\"";
    for (parts, status, reason, field) in [
        (vec![(base64.as_str(), "AAAA")], 415, "unsupported_encoding", "file"),
        (vec![(mixed.as_str(), "--c--")], 415, "unsupported_encoding", "file"),
        (vec![(other, "bytes")], 422, "file_or_url_required", "file[]"),
        (vec![(file, "bytes"), (name, "a"), (name, "b")], 400, "repeated_field", "name"),
    ] {
        let error = create(&owner, FORM, form(&parts)).await.expect_error(status, reason);
        assert_eq!(error["details"][0]["field"], field, "{error}");
    }
    let twice = create(&owner, "multipart/form-data; boundary=a; boundary=b", "--a--").await;
    let error = twice.expect_error(400, "malformed_request");
    assert!(error["message"].as_str().is_some_and(|text| text.contains("more than one boundary")), "{error}");
    assert_eq!(owner.list("").await["files"], json!([]));
}

#[tokio::test]
async fn json_must_be_one_object_of_the_right_types() {
    let owner = Cloud::shared().await.owner().await;
    let marked = "\u{feff}{\"name\":\"a.mp4\",\"size\":5}";
    create(&owner, "application/json", marked).await.expect(201);
    for (body, status, reason) in [
        ("[{\"name\":\"a.mp4\",\"size\":5}]", 400, "malformed_request"),
        ("{\"name\":\"a\",\"name\":\"b\",\"size\":5}", 400, "repeated_field"),
        ("{\"name\":[\"a\"],\"size\":5}", 422, "invalid_name"),
        ("{\"name\":\"a\",\"size\":\"5\"}", 422, "invalid_size"),
        ("{\"file_url\":\"https://a.example\",\"metadata\":[]}", 422, "invalid_metadata"),
        ("", 422, "file_or_url_required"),
    ] {
        create(&owner, "application/json", body).await.expect_error(status, reason);
    }
    let gzip = owner.post("application/json", "\u{1f}\u{8b}").header("content-encoding", "gzip");
    Response::to(gzip).await.expect_error(415, "unsupported_encoding");
    create(&owner, "application/x-www-form-urlencoded", "{\"name\":\"a\"}")
        .await
        .expect_error(400, "malformed_request");
}

#[tokio::test]
async fn unsigned_headers_of_a_put_do_not_reach_a_download() {
    let owner = Cloud::shared().await.owner().await;
    let file = owner.announce("a.png", media::PNG.len(), "image/png").await;
    let upload = &file["upload"];
    let mut put = owner.bare_request(Method::PUT, upload["url"].as_str().expect("a URL"));
    for (name, value) in upload["headers"].as_object().expect("headers") {
        put = put.header(name, value.as_str().unwrap_or_default());
    }
    let put = put
        .header("content-encoding", "gzip")
        .header("content-language", "de")
        .header("expires", "Thu, 01 Jan 2099 00:00:00 GMT")
        .header("cache-control", "public, max-age=31536000");
    Response::to(put.body(media::PNG.clone())).await.expect(200);
    let file = owner.wait_until_success(&file).await;
    let redirect = owner.get(Owner::download_url(&file)).await.expect(302);
    let served = owner.fetch(redirect.header("location").expect("a location")).await.expect(200);
    assert_eq!(served.body, *media::PNG);
    assert_eq!(served.header("content-encoding"), Some("identity"));
    assert_eq!(served.header("content-language"), Some("und"));
    assert_eq!(served.header("expires"), Some("Thu, 01 Jan 1970 00:00:00 GMT"));
    assert_eq!(served.header("cache-control"), Some("private, no-store"));
}

#[tokio::test]
async fn ids_are_accepted_in_any_case_on_every_route() {
    let owner = Cloud::shared().await.owner().await;
    let file = owner.upload("a.png", &media::PNG).await;
    let file = owner.wait_until_success(&file).await;
    let capitals = id(&file).to_uppercase();
    assert_eq!(owner.file(&capitals).await["id"], file["id"]);
    owner.get(&format!("/files/{capitals}/a.png")).await.expect(302);
    let waiting = owner.announce("b.png", 5, "image/png").await;
    let sign = owner.request(Method::POST, &format!("/uploads/{}/sign", id(&waiting).to_uppercase()));
    Response::to(sign).await.expect(200);
    Response::to(owner.request(Method::DELETE, &format!("/files/{capitals}"))).await.expect(204);
}

#[tokio::test]
async fn a_stale_delete_changes_nothing() {
    let owner = Cloud::shared().await.owner().await;
    let file = owner.upload("a.png", &media::PNG).await;
    owner.wait_until_success(&file).await;
    let path = format!("/files/{}", id(&file));
    let current = owner.get(&path).await.expect(200);
    let etag = current.header("etag").expect("an entity tag").to_owned();
    let delete = |tag: &str| owner.request(Method::DELETE, &path).header("if-match", tag);
    for stale in ["\"v0\"", "\"v999\", \"x\"", &format!("W/{etag}")] {
        Response::to(delete(stale)).await.expect_error(412, "precondition_failed");
    }
    let fresh =
        Response::to(owner.request(Method::GET, &path).header("if-none-match", &etag)).await.expect(304);
    assert_eq!(fresh.header("cache-control"), current.header("cache-control"));
    Response::to(delete(&format!("\"x\", {etag}"))).await.expect(204);
}

#[tokio::test]
async fn a_file_can_be_downloaded_before_it_is_probed() {
    let cloud = Cloud::setup().start().await;
    let owner = cloud.owner().await;
    // The event waits for a clock that is not advanced.
    cloud
        .add_faults(
            &json!([{"service": "trigger", "operation": "ObjectCreated", "action": {"delay_ms": 3_600_000}}]),
        )
        .await;
    let file = owner.announce("a.png", media::PNG.len(), "image/png").await;
    owner.get(Owner::download_url(&file)).await.expect_error(409, "no_bytes_yet");
    owner.put(&file, media::PNG.clone()).await.expect(200);
    assert_eq!(owner.file(id(&file)).await["status"], "pending");
    let url = format!("{}?disposition=inline", Owner::download_url(&file));
    let redirect = owner.get(&url).await.expect(302);
    let served = owner.fetch(redirect.header("location").expect("a location")).await.expect(200);
    assert_eq!(served.body, *media::PNG);
    assert_eq!(served.header("content-type"), Some("application/octet-stream"), "it is not probed yet");
    let by_form: Value = owner.upload("b.png", &media::PNG).await;
    owner.get(Owner::download_url(&by_form)).await.expect(302);
}

#[tokio::test]
async fn a_name_is_found_in_every_encoding() {
    let owner = Cloud::shared().await.owner().await;
    for (name, spelled) in [
        ("gru\u{308}n.png", "gr%C3%BCn.png"),
        ("grün.png", "gru%CC%88n.png"),
        ("a%41b.png", "a%2541b.png"),
        ("what?.png", "what%3F.png"),
    ] {
        let file = owner.upload(name, &media::PNG).await;
        owner.wait_until_success(&file).await;
        owner.get(Owner::download_url(&file)).await.expect(302);
        let response = owner.get(&format!("/files/{}/{spelled}", id(&file))).await;
        assert_eq!(response.status, 302, "{name} as {spelled}");
        owner.get(&format!("/files/{}/other.png", id(&file))).await.expect_error(404, "not_found");
    }
}

#[tokio::test]
async fn dates_and_pages_are_accepted_or_refused_with_advice() {
    let owner = Cloud::shared().await.owner().await;
    owner.upload("a.png", &media::PNG).await;
    let count = |list: Value| list["files"].as_array().map_or(0, Vec::len);
    assert_eq!(count(owner.list("?created_after=1960-01-01T00:00:00Z").await), 1);
    assert_eq!(count(owner.list("?created_after=2020-01-01T00:00:00+01:00").await), 1);
    let error = owner.get("/files?created_after=2020-01-01").await.expect_error(400, "malformed_parameter");
    assert!(error["message"].as_str().is_some_and(|text| text.contains("%2B")), "{error}");
    for page in ["page=2", "offset=50"] {
        let error = owner.get(&format!("/files?{page}")).await.expect_error(400, "malformed_parameter");
        assert!(error["message"].as_str().is_some_and(|text| text.contains("cursor")), "{error}");
    }
}
