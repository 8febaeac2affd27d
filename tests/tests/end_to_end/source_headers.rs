//! Headers for the source of an import: they reach the source and no other server.

use files_domain::{ApiKey, Caller, Detail, File, FileId, FileName, NewFile, Scope};
use files_records::{Created, ImportClaim};
use files_tests::cloud::now;
use files_tests::log_secrets::SOURCE_SECRET;
use files_tests::owner::id;
use files_tests::{Cloud, Form, Owner, Reply, Response, SourceServer, Usage, media};
use serde_json::{Value, json};

/// A time in the past.
const LONG_AGO: u64 = 1;

fn secret(what: &str) -> String {
    format!("{what} {SOURCE_SECRET}")
}

fn protected() -> Reply {
    Reply::bytes(media::PNG.clone()).needs("authorization", &secret("Bearer"))
}

async fn import(owner: &Owner, url: &str, headers: Value) -> Value {
    Response::to(owner.json(&json!({"file_url": url, "headers": headers}))).await.expect(202).json()
}

#[tokio::test]
async fn a_protected_source_is_imported_with_its_headers_and_not_without() {
    let owner = Cloud::shared().await.owner().await;
    let source = SourceServer::start().await;
    let url = source.serve("/a.png", protected());
    let headers = json!({"AUTHORIZATION": secret("Bearer"), "X-Session": "1", "User-Agent": "a player"});

    let file = import(&owner, &url, headers.clone()).await;
    let file = owner.wait_until_success(&file).await;
    assert_eq!(owner.download(&file).await, *media::PNG);
    let asked = source.headers("/a.png");
    assert_eq!(
        (&asked["x-session"], &asked["user-agent"]),
        (&"1".parse().unwrap(), &"a player".parse().unwrap())
    );

    let form = Form::new().text("file_url", &url).text("headers", &headers.to_string());
    let form = Response::to(owner.form(form)).await.expect(202).json();
    let form = owner.wait_until_success(&form).await;

    let refused = owner.wait_until_terminal(&owner.import(&url).await).await;
    assert_eq!(
        refused["error"],
        "the source responded 403; if it asks for a login or a token, send that in `headers`"
    );

    for shown in [&file, &form, &refused, &owner.list("").await] {
        assert!(!shown.to_string().contains(SOURCE_SECRET), "{shown}");
    }
    if let Some(backend) = owner.local_backend() {
        let items = format!("{:?}", backend.items().await);
        assert!(items.contains("source_headers") && !items.contains(SOURCE_SECRET), "{items}");
    }
}

#[tokio::test]
async fn headers_are_not_sent_to_another_origin_after_a_redirect() {
    let owner = Cloud::shared().await.owner().await;
    let (first, second) = (SourceServer::start().await, SourceServer::start().await);
    let end = second.serve("/a.png", Reply::bytes(media::PNG.clone()));
    let url = first.serve("/a.png", Reply::redirect(&end).needs("cookie", &secret("a=b;")));
    let headers = json!({"Cookie": secret("a=b;"), "X-Token": secret("t"), "Referer": "https://a.example/",
        "Accept": "image/*"});
    owner.wait_until_success(&import(&owner, &url, headers).await).await;
    let seen = second.headers("/a.png");
    assert_eq!(seen["accept"], "image/*");
    for name in ["cookie", "x-token", "referer"] {
        assert!(!seen.contains_key(name), "{name}: {seen:?}");
    }
}

#[tokio::test]
async fn headers_that_cannot_be_sent_are_refused_with_a_message() {
    let owner = Cloud::shared().await.owner().await;
    let url = "https://example.com/a.mp4";
    let with = |headers: Value| json!({"file_url": url, "headers": headers});
    let many: serde_json::Map<_, _> = (0..17).map(|i| (format!("X-{i}"), json!("v"))).collect();
    for (body, sentence) in [
        (with(json!({"Host": SOURCE_SECRET})), "Host cannot be sent"),
        (with(json!({"Range": "bytes=0-"})), "Range cannot be sent"),
        (with(json!({"X-Forwarded-For": "127.0.0.1"})), "X-Forwarded-For cannot be sent"),
        (with(json!({"Cookie": format!("{SOURCE_SECRET}\r\nHost: a")})), "the value of cookie must be"),
        (with(json!({"Cookie": "a", "cookie": "b"})), "cookie is given twice"),
        (with(json!({"Cookie": "a".repeat(9000)})), "more than 8192 bytes"),
        (with(many.into()), "more than 16 headers"),
        (with(json!([["Cookie", SOURCE_SECRET]])), "an object of strings"),
        (json!({"name": "a", "size": 1, "headers": {"Cookie": SOURCE_SECRET}}), "there is none"),
    ] {
        let error = Response::to(owner.json(&body)).await.expect_error(422, "invalid_headers");
        let detail = &error["details"][0];
        assert_eq!((&detail["field"], &detail["reason"]), (&json!("headers"), &json!("invalid_headers")));
        assert!(detail["message"].as_str().is_some_and(|text| text.contains(sentence)), "{error}");
        assert!(!error.to_string().contains(SOURCE_SECRET), "{error}");
    }
    let form = Form::new().text("file_url", url).text("headers", "Cookie: a");
    Response::to(owner.form(form)).await.expect_error(422, "invalid_headers");
    let form = Form::new().file("a.png", None, b"a").text("headers", r#"{"Cookie":"a"}"#);
    Response::to(owner.form(form)).await.expect_error(422, "invalid_headers");
}

#[tokio::test]
async fn headers_are_part_of_the_idempotent_request() {
    let owner = Cloud::shared().await.owner().await;
    let source = SourceServer::start().await;
    let url = source.serve("/a.png", protected());
    let send = async |headers: Value| {
        let body = json!({"file_url": url, "headers": headers});
        Response::to(owner.json(&body).header("Idempotency-Key", "one")).await
    };
    let first = send(json!({"Authorization": secret("Bearer")})).await.expect(202).json();
    send(json!({"Authorization": "other"})).await.expect_error(409, "idempotency_conflict");
    let again = send(json!({"Authorization": secret("Bearer")})).await.expect(202).json();
    assert_eq!(first["id"], again["id"]);
    owner.wait_until_success(&first).await;
}

/// Creates an import with headers whose message was not sent, as if `create-file` had crashed before it.
async fn unsent(owner: &Owner, url: &str) -> Value {
    let new = NewFile {
        name: FileName::fallback(),
        size: None,
        content_type: None,
        announced_sha256: None,
        expires_at: None,
    };
    let file = File::from(new.awaiting_import(true, owner.backend.owner, FileId::new(now()), now()));
    let detail = Detail { source_url: Some(url.to_owned()), source_headers: true, ..Detail::default() };
    let key = ApiKey::parse(owner.key()).expect("a key");
    let access = Caller { principal: key.into(), scope: Scope::Write, now: now() };
    let created = owner.backend.client_records().create_file(&access, &file, &detail, None).await;
    assert!(matches!(created, Ok(Created::New)), "{created:?}");
    owner.file(&file.id.to_string()).await
}

#[tokio::test]
async fn an_import_with_lost_headers_fails_with_a_reason_after_a_delay() {
    let cloud = Cloud::shared().await;
    let owner = cloud.owner().await;
    let source = SourceServer::start().await;
    let file = unsent(&owner, &source.serve("/a.png", protected())).await;
    let summary = format!("file#{}", id(&file));

    owner.backend.set_numbers(&summary, &[("due_at", LONG_AGO)]).await;
    cloud.sweep().await;
    assert_eq!(owner.file(id(&file)).await["status"], "pending", "its message may still arrive");

    owner.backend.set_numbers(&summary, &[("due_at", LONG_AGO), ("updated_at", LONG_AGO)]).await;
    cloud.sweep().await;
    let file = owner.wait_until_terminal(&file).await;
    let error = file["error"].as_str().unwrap_or_default();
    assert!(error.contains("their message was lost: create the import again"), "{file}");
    assert_eq!(source.requests("/a.png"), 0, "never without its headers");
    assert_eq!(owner.backend.usage().await, Usage { files: 1, bytes: 0, imports: 0 });
}

#[tokio::test]
async fn a_second_message_with_headers_is_kept_during_the_import() {
    let cloud = Cloud::start().await;
    let owner = cloud.owner().await;
    let source = SourceServer::start().await;
    let (reply, release) = protected().held();
    let url = source.serve("/a.png", reply);
    let headers = json!({"authorization": secret("Bearer")});
    let file = import(&owner, &url, headers.clone()).await;
    source.wait_for_requests("/a.png", 1).await;

    let message = json!({"owner": owner.backend.owner, "id": id(&file), "file_url": url, "headers": headers});
    owner.backend.send("ImportQueue", &message).await;
    let plain = json!({"owner": owner.backend.owner, "id": id(&file), "file_url": url});
    owner.backend.send("ImportQueue", &plain).await;
    // The worker's own message and the one with headers remain; the one without is deleted.
    owner.backend.in_flight("ImportQueue", 2).await;
    release.send();
    owner.wait_until_success(&file).await;
    owner.backend.in_flight("ImportQueue", 1).await;

    cloud.advance_clock(1801).await;
    owner.backend.drained("ImportQueue").await;
    assert_eq!(source.requests("/a.png"), 1);
}

#[tokio::test]
async fn a_second_message_that_fails_does_not_end_an_import_in_backoff() {
    let owner = Cloud::shared().await.owner().await;
    let file = unsent(&owner, "http://127.0.0.1:9/a.png").await;
    let (records, file_id) = (owner.backend.records(), id(&file).parse::<FileId>().expect("an id"));
    let claim = records.claim_import(owner.backend.owner, file_id, now()).await.expect("a record");
    let ImportClaim::Claimed(claimed) = claim else { panic!("{claim:?}") };
    let again_at = now().plus(std::time::Duration::from_secs(900));
    records.release_import(&claimed, again_at, now()).await.expect("the lease is held");

    let message = json!({"owner": owner.backend.owner, "id": id(&file), "file_url": "http://127.0.0.1:9/a.png",
        "headers": {"cookie": SOURCE_SECRET}});
    owner.backend.send("DeadLetterQueue", &message).await;
    owner.backend.drained("DeadLetterQueue").await;
    assert_eq!(owner.file(id(&file)).await["status"], "running");

    owner.backend.set_numbers(&format!("file#{}", id(&file)), &[("due_at", LONG_AGO)]).await;
    owner.backend.send("DeadLetterQueue", &message).await;
    assert_eq!(owner.wait_until_terminal(&file).await["error"], "the import failed repeatedly");
}
