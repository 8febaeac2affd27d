//! Authentication and scopes: what each key may do, and what errors reveal.

use std::collections::BTreeSet;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use files_domain::{ApiKey, OwnerId, Scope};
use files_tests::cloud::now;
use files_tests::owner::id;
use files_tests::programs::built;
use files_tests::{Cloud, Owner, Response, media, skip_on_deployment};
use http::Method;
use reqwest::RequestBuilder;
use serde_json::json;

/// Returns one request with the owner's key for each operation, with the scope that it needs.
fn every_request(owner: &Owner, file_id: &str) -> Vec<(Scope, RequestBuilder)> {
    let path = format!("/files/{file_id}");
    vec![
        (Scope::Read, owner.request(Method::GET, "/files")),
        (Scope::Read, owner.request(Method::GET, &path)),
        (Scope::Read, owner.request(Method::GET, &format!("{path}/a.png"))),
        (Scope::Write, owner.json(&json!({"name": "a", "size": 1}))),
        (Scope::Write, owner.json(&json!({"file_url": "https://example.com/a"}))),
        (Scope::Write, owner.form(files_tests::Form::new().file("a", None, b"x"))),
        (Scope::Delete, owner.request(Method::DELETE, &path)),
    ]
}

async fn assert_all_refused(owner: &Owner, file_id: &str) {
    for (_, request) in every_request(owner, file_id) {
        let response = Response::to(request).await;
        let body = response.expect_error(401, "invalid_api_key");
        assert_eq!(body["message"], "Invalid or expired API key");
        assert_eq!(response.header("www-authenticate"), Some("Bearer"));
    }
}

#[tokio::test]
async fn an_invalid_key_is_refused_everywhere() {
    skip_on_deployment!("creates expired keys, reads records");
    let cloud = Cloud::shared().await;
    let owner = cloud.owner().await;
    let file = owner.wait_until_success(&owner.upload("a.png", &media::PNG).await).await;
    let before = owner.backend.items().await.len();

    let unknown = ApiKey::generate(OwnerId::named(owner.name())).expect("randomness");
    let expired = cloud.key(owner.name(), Scope::ALL, Some(now())).await;
    let revoked = cloud.key(owner.name(), Scope::ALL, None).await;
    let hash = ApiKey::parse(&revoked).expect("a key").hash();
    owner.backend.keys().revoke(hash, now()).await.expect("revoked");
    let stored_hash = ApiKey::parse(owner.key()).expect("a key").hash().to_string();
    let shortened = &owner.key()[..owner.key().len() - 1];
    for key in [unknown.reveal(), &expired, &revoked, "fm_", "secret", "", &stored_hash, shortened] {
        assert_all_refused(&owner.with_key(key), id(&file)).await;
    }
    for request in [
        owner.bare_request(Method::GET, "/files"),
        owner.bare_request(Method::GET, "/files?key="),
        owner.bare_request(Method::GET, "/files").header("authorization", format!("Basic {}", owner.key())),
        owner.bare_request(Method::POST, "/files").header("content-type", "application/json").body("{"),
    ] {
        Response::to(request).await.expect_error(401, "invalid_api_key");
    }
    assert_eq!(owner.backend.items().await.len(), before);
    assert_eq!(owner.file(id(&file)).await, file);
}

#[tokio::test]
async fn a_key_can_be_sent_in_three_ways() {
    let owner = Cloud::shared().await.owner().await;
    owner.announce("a", 1, "video/mp4").await;
    let key = owner.key();
    for request in [
        owner.request(Method::GET, "/files"),
        owner.bare_request(Method::GET, "/files").header("authorization", format!("Bearer {key}")),
        owner.bare_request(Method::GET, "/files").header("authorization", format!("bearer {key}")),
        owner.bare_request(Method::GET, &format!("/files?limit=5&key={key}")),
    ] {
        let list = Response::to(request).await.expect(200).json();
        assert_eq!(list["files"].as_array().map(Vec::len), Some(1));
    }
}

#[tokio::test]
async fn a_key_in_a_url_is_neither_passed_on_nor_logged() {
    let owner = Cloud::shared().await.owner().await;
    owner.announce("a", 1, "video/mp4").await;
    owner.announce("b", 1, "video/mp4").await;
    let request = owner.bare_request(Method::GET, &format!("/files?limit=1&key={}", owner.key()));
    let list = Response::to(request).await.expect(200);
    let link = list.header("link").expect("a next page");
    assert!(!link.contains(owner.key()) && !link.contains("key="), "{link}");
    assert!(!String::from_utf8_lossy(&list.body).contains(owner.key()));
    if owner.local_backend().is_some() {
        let log = std::fs::read_to_string(Cloud::shared().await.folder().join("log")).expect("the log");
        assert!(!log.contains(owner.key()), "a key is in the log");
        assert!(log.lines().any(|line| line.contains("list-files")), "the log has requests");
    }
}

#[tokio::test]
async fn a_key_is_limited_to_its_scopes() {
    let cloud = Cloud::shared().await;
    let owner = cloud.owner().await;
    let file = owner.wait_until_success(&owner.upload("a.png", &media::PNG).await).await;
    for scope in Scope::ALL {
        let limited = owner.with_key(&cloud.key(owner.name(), [scope], None).await);
        for (needed, request) in every_request(&limited, id(&file)) {
            if needed != scope {
                let body = Response::to(request).await.expect_error(403, "missing_scope");
                assert!(
                    body["message"].as_str().is_some_and(|text| text.contains(needed.as_str())),
                    "{body}"
                );
            }
        }
    }
    let reader = owner.with_key(&cloud.key(owner.name(), [Scope::Read], None).await);
    assert_eq!(reader.file(id(&file)).await, file);
    let writer = owner.with_key(&cloud.key(owner.name(), [Scope::Write], None).await);
    let second = writer.announce("b", 1, "video/mp4").await;
    let deleter = owner.with_key(&cloud.key(owner.name(), [Scope::Delete], None).await);
    deleter.delete(&second).await.expect(204);
    deleter.delete(&second).await.expect_error(404, "not_found");
}

#[tokio::test]
async fn another_owners_file_looks_like_a_missing_one() {
    let cloud = Cloud::shared().await;
    let (owner, stranger) = (cloud.owner().await, cloud.owner().await);
    let file = owner.wait_until_success(&owner.upload("a.png", &media::PNG).await).await;
    let absent = "01890a5d-ac96-774b-bcce-b302099a8057";
    let requests = |id: &str| {
        [
            stranger.request(Method::GET, &format!("/files/{id}")),
            stranger.request(Method::GET, &format!("/files/{id}")).header("if-none-match", "*"),
            stranger.request(Method::GET, &format!("/files/{id}/a.png")),
            stranger.request(Method::GET, &format!("/files/{id}/a.png?redirect=false")),
            stranger.request(Method::HEAD, &format!("/files/{id}/a.png")),
            stranger.request(Method::DELETE, &format!("/files/{id}")),
        ]
    };
    for (theirs, nobodys) in requests(id(&file)).into_iter().zip(requests(absent)) {
        let (theirs, nobodys) =
            (comparable(Response::to(theirs).await), comparable(Response::to(nobodys).await));
        assert_eq!(theirs, nobodys);
        assert_eq!(theirs.0, 404);
    }
    assert_eq!(stranger.list("").await["files"], json!([]));
    assert_eq!(owner.file(id(&file)).await, file, "the file is unchanged");
    assert_eq!(owner.download(&file).await, *media::PNG);
}

/// Returns the visible parts of a response without those that differ each time.
fn comparable(response: Response) -> (u16, BTreeSet<(String, String)>, String) {
    let mut body = String::from_utf8_lossy(&response.body).into_owned();
    if let Ok(json) = serde_json::from_slice::<serde_json::Value>(&response.body) {
        let request_id = json["request_id"].as_str().expect("a request id");
        body = body.replace(request_id, "[request_id]");
    }
    let headers =
        response.headers.iter().filter(|(name, _)| !["date", "apigw-requestid"].contains(&name.as_str()));
    let headers = headers
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    (response.status, headers.collect(), body)
}

#[tokio::test]
async fn the_first_start_creates_a_key_and_prints_commands() {
    skip_on_deployment!("the local cloud's own key");
    let mut cloud = Cloud::setup().first_key().start().await;
    let kept = |cloud: &Cloud| std::fs::read_to_string(cloud.folder().join("data/api-key")).expect("a key");
    let key = kept(&cloud);
    let first = cloud.owner().await.with_key(&key);
    first.list("").await;
    for item in first.backend.items().await {
        assert!(!format!("{item:?}").contains(&key), "only a hash is stored");
    }
    let api = cloud.api();
    for line in [
        format!("  web app  {}/", cloud.origin()),
        format!("  API      {api}"),
        format!("  key      {key}"),
        format!("    export FILES_URL={api} FILES_API_KEY={key}"),
        format!("  docs     {}/docs", cloud.origin()),
        "    target/release/files upload my-video.mp4 --wait".to_owned(),
        "    curl -f -H \"X-API-KEY: $FILES_API_KEY\" $FILES_URL/files".to_owned(),
        "    curl -fL -o copy.mp4 -H \"X-API-KEY: $FILES_API_KEY\" \"$url\"".to_owned(),
    ] {
        let log = Cloud::log_tail(cloud.folder());
        assert!(log.lines().any(|shown| shown == line), "{line}: {log}");
    }
    let mode = std::fs::metadata(cloud.folder().join("data/api-key")).expect("a key").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    cloud.kill_hard();
    cloud.restart().await;
    assert_eq!(kept(&cloud), key, "later starts keep the key");
    cloud.owner().await.with_key(&key).list("").await;
}

/// Runs `files-admin` against the cloud. Returns its standard output.
fn admin(cloud: &Cloud, arguments: &[&str], input: &str) -> String {
    let mut child = Command::new(built().join("files-admin"))
        .args(arguments)
        .env("FILES_READY", cloud.ready_file())
        .env_remove("FILES_TABLE")
        .env_remove("FILES_KEYS_TABLE")
        .current_dir(cloud.folder())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("files-admin");
    child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("input");
    let output = child.wait_with_output().expect("its end");
    assert!(output.status.success(), "{arguments:?}");
    String::from_utf8(output.stdout).expect("text")
}

#[tokio::test]
async fn files_admin_creates_and_revokes_keys() {
    skip_on_deployment!("reads records; on a deployment the same command creates all other keys");
    let cloud = Cloud::shared().await;
    let printed =
        admin(cloud, &["key", "create", "--owner", "press office", "--name", "laptop", "--json"], "");
    let printed: serde_json::Value = serde_json::from_str(&printed).expect("JSON");
    assert_eq!(printed.as_object().map(serde_json::Map::len), Some(2), "{printed}");
    let key = printed["key"].as_str().expect("a key");
    let owner = cloud.owner().await.with_key(key);
    let file = owner.announce("a", 1, "video/mp4").await;

    // The same name means the same owner.
    let second = admin(cloud, &["key", "create", "--owner", "press office", "--name", "phone", "--json"], "");
    let second: serde_json::Value = serde_json::from_str(&second).expect("JSON");
    let second = owner.with_key(second["key"].as_str().expect("a key"));
    assert_eq!(id(&second.file(id(&file)).await), id(&file));

    admin(cloud, &["key", "revoke"], key);
    Response::to(owner.json(&json!({"name": "b", "size": 1}))).await.expect_error(401, "invalid_api_key");
    owner.delete(&file).await.expect_error(401, "invalid_api_key");
    second.delete(&file).await.expect(204);

    let reader = admin(
        cloud,
        &[
            "key",
            "create",
            "--owner",
            "x",
            "--name",
            "y",
            "--scope",
            "files:read",
            "--expires-in-days",
            "1",
            "--json",
        ],
        "",
    );
    let reader: serde_json::Value = serde_json::from_str(&reader).expect("JSON");
    let key = ApiKey::parse(reader["key"].as_str().expect("a key")).expect("a key");
    let record = owner.backend.keys().find(key.hash()).await.expect("read").expect("stored");
    assert_eq!(record.scopes, [Scope::Read].into());
    let expires = record.expires_at.expect("an end");
    assert!(expires > now() && expires <= now().plus(Duration::from_secs(24 * 3600)));
}

/// Runs `files-admin`, and returns its output lines as JSON.
fn admin_json(cloud: &Cloud, arguments: &[&str]) -> Vec<serde_json::Value> {
    let printed = admin(cloud, &[arguments, &["--json"]].concat(), "");
    printed.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[tokio::test]
async fn keys_are_listed_rotated_and_revoked_by_their_ids() {
    skip_on_deployment!("sees records; all other keys come from that command there");
    let cloud = Cloud::shared().await;
    let name = cloud.owner().await.name().to_owned();
    let list = || admin_json(cloud, &["key", "list", "--owner", &name]);
    let (first, before) = (list(), now());
    assert_eq!(first.len(), 1, "the key of the owner itself");
    let made =
        admin_json(cloud, &["key", "create", "--owner", &name, "--name", "a\nb", "--scope", "files:write"]);
    let (old_id, old) = (made[0]["id"].as_str().expect("an id"), made[0]["key"].as_str().expect("a key"));
    assert_eq!(ApiKey::parse(old).expect("a key").hash().id().to_string(), old_id);
    let listed = list();
    assert_eq!((listed.len(), &listed[1]["id"], &listed[1]["status"]), (2, &json!(old_id), &json!("active")));
    assert_eq!((&listed[1]["name"], &listed[1]["scopes"]), (&json!("a\nb"), &json!(["files:write"])));
    let shown = admin(cloud, &["key", "list", "--owner", &name], "");
    assert_eq!((shown.lines().count(), shown.contains(old)), (2, false), "{shown}");

    let rotated = admin_json(cloud, &["key", "rotate", old_id]);
    let (new_id, new) =
        (rotated[0]["id"].as_str().expect("an id"), rotated[0]["key"].as_str().expect("a key"));
    let owner = cloud.owner().await;
    for key in [old, new] {
        owner.with_key(key).announce("a", 1, "video/mp4").await;
    }
    let old_key = ApiKey::parse(old).expect("a key");
    let record = owner.backend.keys().find(old_key.hash()).await.expect("read").expect("stored");
    let week = Duration::from_secs(7 * 24 * 3600);
    assert!(
        record.expires_at.is_some_and(|at| at >= before.plus(week) && at <= now().plus(week)),
        "{record:?}"
    );

    admin(cloud, &["key", "revoke", new_id], "");
    Response::to(owner.with_key(new).json(&json!({"name": "b", "size": 1})))
        .await
        .expect_error(401, "invalid_api_key");
    let last = admin_json(cloud, &["key", "rotate", old_id, "--keep-old-days", "0"]);
    Response::to(owner.with_key(old).json(&json!({"name": "b", "size": 1})))
        .await
        .expect_error(401, "invalid_api_key");
    owner.with_key(last[0]["key"].as_str().expect("a key")).announce("a", 1, "video/mp4").await;
    let status =
        list().iter().map(|key| key["status"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>();
    assert_eq!(status, ["active", "revoked", "revoked", "active"]);
}
