//! Injection: texts of clients are returned as data. They appear in no header, start no log line and do not break JSON.

use files_tests::owner::id;
use files_tests::{Cloud, Form, Owner, RawSource, Response, Script};
use serde_json::{Value, json};

/// The name of a header or log line that a successful injection would create.
const FORGED: &str = "FORGED";

/// Returns texts that would break out of a line, a header, a terminal, JSON or a quoted string.
fn breakouts() -> Vec<String> {
    [
        "\r\n",
        "\n",
        "\r",
        "\u{1b}[2J\u{1b}[1;1H",
        "\u{2028}",
        "\u{2029}",
        "\u{85}",
        "\0",
        "\"}\n{\"level\":\"",
        "\";\r\n",
        "%0d%0a",
        "\u{202e}",
    ]
    .map(|end| format!("a{end}{FORGED}: {end}b"))
    .into()
}

/// Asserts that a response is well-formed, and that no header was injected.
fn assert_clean(response: &Response, sent: &str) {
    assert!(response.status < 500, "{sent:?}: {}", response.status);
    for (name, value) in &response.headers {
        assert!(!name.as_str().eq_ignore_ascii_case(FORGED), "{sent:?}: {name}");
        assert!(value.as_bytes().iter().all(|byte| *byte >= b' ' && *byte != 0x7f), "{sent:?}: {value:?}");
    }
    if response.header("content-type") == Some("application/json") {
        let text = std::str::from_utf8(&response.body).expect("UTF-8");
        assert!(!text.contains(|c: char| c < ' '), "{sent:?}: {text}");
        let _: Value = response.json();
    }
}

/// Requests everything that a client sees of a file, and its bytes.
async fn request_all(owner: &Owner, created: &Response, sent: &str) {
    assert_clean(created, sent);
    let Some(file) = (created.status < 300).then(|| created.json()) else { return };
    let name = file["name"].as_str().expect("a name");
    assert!(!name.contains(|c: char| c.is_control()), "{name:?}");
    let path = format!("/files/{}", id(&file));
    assert_clean(&owner.get(&path).await, sent);
    if file["status"] == "running" {
        let file = owner.wait_until_terminal(&file).await;
        let redirect = owner.get(Owner::download_url(&file)).await.expect(302);
        assert_clean(&redirect, sent);
        let object = owner.fetch(redirect.header("location").expect("a location")).await.expect(200);
        assert_clean(&object, sent);
    }
    assert_clean(&owner.delete(&file).await, sent);
}

/// Sends requests with the text in every possible place.
async fn everywhere(owner: &Owner, text: &str) {
    let with = |field: &str, value: Value| {
        let mut body = json!({"name": "a.mp4", "size": 1});
        body[field] = value;
        owner.json(&body)
    };
    let encoded: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let header =
        |name: &str| with("name", json!("a")).header(name, text.replace(|c: char| c.is_control(), " "));
    for request in [
        owner.form(Form::new().file(text, Some("image/png"), b"x")),
        owner.form(Form::new().text("name", text).file("a", Some(text), b"x")),
        owner.form(Form::new().text(text, text).file("a", None, b"x")),
        owner.form(Form::new().text("metadata", text).file("a", None, b"x")),
        owner.form(Form::new().text("file_url", text)),
        owner.json(&json!({"file_url": format!("https://example.com/{text}")})),
        owner.json(&json!({"file_url": format!("https://{text}.example.com/")})),
        owner.json(&json!({"file_url": text})),
        owner.post("application/json", format!("{{\"{text}\":{text}")),
        owner.post(&format!("multipart/form-data; boundary={encoded}"), text.to_owned()),
        with("name", json!(text)),
        with("metadata", json!({ text: text, "tag": text })),
        with("metadata", json!(text)),
        with("content_type", json!(text)),
        with("content_type", json!(format!("video/{text}"))),
        with("checksum_sha256", json!(text)),
        with("webhook", json!(text)),
        with(text, json!(text)),
        header("idempotency-key"),
        header("authorization"),
        header("x-forwarded-for"),
        header("user-agent"),
    ] {
        request_all(owner, &Response::to(request).await, text).await;
    }
    for path in [
        format!("/files/{encoded}"),
        format!("/files/{encoded}/{encoded}"),
        format!("/files?cursor={encoded}&limit={encoded}&{encoded}=1"),
        format!("/files?status={encoded}"),
        format!("/files?created_after={encoded}"),
        format!("/{encoded}"),
        format!("/files?key={encoded}"),
    ] {
        assert_clean(&owner.get(&path).await, text);
    }
}

#[tokio::test]
async fn no_text_of_a_client_is_injected() {
    let cloud = Cloud::start().await;
    let owner = cloud.owner().await;
    for text in breakouts() {
        everywhere(&owner, &text).await;
    }
    for text in ["\"a\\\r\\\n", "x; filename=\"../../etc\""] {
        // A source's headers, too, can contain anything.
        let reply = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Type: {text}\r\nContent-Disposition: attachment; filename*=UTF-8''a%0D%0A{FORGED}%3A%20b%1B%5B2J\r\n\r\nx"
        );
        let source = RawSource::start(Script::Bytes(reply.into_bytes())).await;
        let file = cloud.end_of_import(&owner, &owner.import(&source.url("/a")).await).await;
        request_all(&owner, &owner.get(&format!("/files/{}", id(&file))).await, text).await;
    }
    let log = std::fs::read_to_string(cloud.folder().join("log")).expect("the log");
    for line in log.lines().filter(|line| line.contains(FORGED)) {
        let words: Vec<_> = line.split_whitespace().take(4).collect();
        assert!(!words.iter().any(|word| word.starts_with(FORGED)), "forged: {line}");
    }
    assert!(log.lines().count() > 100, "the log has been read");
}
