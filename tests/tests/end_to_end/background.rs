//! Background work after events or messages that are lost, repeated or late.

use std::collections::BTreeMap;

use files_domain::{ApiKey, Caller, Detail, File, FileId, FileName, NewFile, Scope};
use files_records::Created;
use files_tests::cloud::now;
use files_tests::owner::id;
use files_tests::{Cloud, Owner, Reply, SourceServer, Usage, media, until};
use serde_json::{Value, json};

/// A time in the past.
const LONG_AGO: u64 = 1;

/// Creates an import whose message was not sent, as when its creator crashes before that.
async fn unsent_import(owner: &Owner, url: &str) -> Value {
    let new = NewFile {
        name: FileName::fallback(),
        size: None,
        content_type: None,
        announced_sha256: None,
        expires_at: None,
    };
    let file = File::from(new.awaiting_import(true, owner.backend.owner, FileId::new(now()), now()));
    let detail = Detail { source_url: Some(url.to_owned()), ..Detail::default() };
    let key = ApiKey::parse(owner.key()).expect("a key");
    let access = Caller { principal: key.into(), scope: Scope::Write, now: now() };
    let created = owner.backend.client_records().create_file(&access, &file, &detail, None).await;
    assert!(matches!(created, Ok(Created::New)), "{created:?}");
    owner.file(&file.id.to_string()).await
}

/// Creates a stored file whose event was lost: its record still waits for the bytes.
async fn unprobed(owner: &Owner) -> Value {
    let file = owner.announce("a.png", media::PNG.len(), "image/png").await;
    let before = owner.backend.file_item(id(&file)).await;
    owner.put(&file, media::PNG.clone()).await.expect(200);
    owner.wait_until_success(&file).await;
    owner.backend.put_item(before).await;
    let file = owner.file(id(&file)).await;
    assert_eq!(file["status"], "pending");
    file
}

/// Sets the deadline of a file's scheduled work to the past.
async fn make_due(owner: &Owner, file: &Value) {
    owner.backend.set_numbers(&format!("file#{}", id(file)), &[("due_at", LONG_AGO)]).await;
}

#[tokio::test]
async fn an_unsent_import_is_sent() {
    let cloud = Cloud::shared().await;
    let owner = cloud.owner().await;
    let source = SourceServer::start().await;
    let url = source.serve("/a.png", Reply::bytes(media::PNG.clone()));
    let file = unsent_import(&owner, &url).await;
    cloud.sweep().await;
    assert_eq!(owner.file(id(&file)).await["status"], "pending", "not yet");

    make_due(&owner, &file).await;
    cloud.sweep().await;
    let file = owner.wait_until_success(&file).await;
    assert_eq!(owner.download(&file).await, *media::PNG);
    assert_eq!(owner.backend.usage().await, owner.backend.sum().await);
}

#[tokio::test]
async fn an_upload_without_bytes_fails_and_releases_its_reserved_bytes() {
    let cloud = Cloud::shared().await;
    let owner = cloud.owner().await;
    let file = owner.announce("a.mp4", 1_000_000, "video/mp4").await;
    assert_eq!(owner.backend.usage().await.bytes, 1_000_000);
    cloud.sweep().await;
    assert_eq!(owner.file(id(&file)).await["status"], "pending", "there is still time");

    make_due(&owner, &file).await;
    cloud.sweep().await;
    let file = owner.wait_until_terminal(&file).await;
    assert_eq!(file["status"], "failed");
    assert!(file["error"].as_str().is_some_and(|error| error.contains("upload expired")), "{file}");
    assert_eq!(owner.backend.usage().await, Usage { files: 1, bytes: 0, imports: 0 });
}

#[tokio::test]
async fn an_overdue_upload_with_stored_bytes_is_probed() {
    let cloud = Cloud::shared().await;
    let owner = cloud.owner().await;
    let file = unprobed(&owner).await;
    make_due(&owner, &file).await;
    cloud.sweep().await;
    let file = owner.wait_until_success(&file).await;
    assert_eq!(file["ffprobe"]["width"], 64);
    assert_eq!(owner.backend.usage().await, owner.backend.sum().await);
}

#[tokio::test]
async fn sweep_finishes_a_deletion() {
    let cloud = Cloud::shared().await;
    let owner = cloud.owner().await;
    let file = owner.announce("a.png", media::PNG.len(), "image/png").await;
    owner.delete(&file).await.expect(204);
    let gone = format!("gone#{}", id(&file));
    assert!(owner.backend.sort_keys().await.contains(&gone), "its presigned URL is still valid");
    // ffprobe's outputs have no events: only sweep deletes the rest of them.
    let left = owner.backend.object_key(id(&file)).replace("files/", "probes/");
    owner.backend.put_object(&left, "left over").await;
    cloud.sweep().await;
    let held = owner.backend.object_key(id(&file));
    assert_eq!(
        owner.backend.objects().await,
        [held, left],
        "an empty object against the presigned PUT, and the output"
    );

    owner.backend.set_numbers(&gone, &[("due_at", LONG_AGO)]).await;
    sweep_until_nothing_is_left(cloud, &owner).await;
}

/// Repeats `sweep` until no work is left, since its index is eventually consistent.
async fn sweep_until_nothing_is_left(cloud: &Cloud, owner: &Owner) {
    until("nothing is left", async || {
        cloud.sweep().await;
        (owner.backend.objects().await.is_empty() && owner.backend.sort_keys().await == ["usage"])
            .then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_expired_file_is_not_found_at_once() {
    let cloud = Cloud::shared().await;
    let owner = cloud.owner().await;
    let form =
        files_tests::Form::new().text("expires_in", "3600").file("a.png", Some("image/png"), &media::PNG);
    let file = files_tests::Response::to(owner.form(form)).await.expect(201).json();
    let file = owner.wait_until_success(&file).await;
    let sk = format!("file#{}", id(&file));
    owner.backend.set_numbers(&sk, &[("expires_at", LONG_AGO)]).await;

    let path = format!("/files/{}", id(&file));
    owner.get(&path).await.expect_error(404, "not_found");
    owner.get(Owner::download_url(&file)).await.expect_error(404, "not_found");
    owner.delete(&file).await.expect_error(404, "not_found");
    assert_eq!(owner.list("").await["files"], json!([]));

    make_due(&owner, &file).await;
    sweep_until_nothing_is_left(cloud, &owner).await;
    assert_eq!(owner.backend.usage().await, Usage::default());
}

#[tokio::test]
async fn a_repeated_event_changes_nothing() {
    let owner = Cloud::shared().await.owner().await;
    let file = owner.wait_until_success(&owner.upload("a.png", &media::PNG).await).await;
    let path = format!("/files/{}", id(&file));
    let tag = owner.get(&path).await.expect(200).header("etag").map(str::to_owned);
    for _ in 0..2 {
        owner.backend.send("ProbeQueue", &owner.backend.stored_event(id(&file))).await;
    }
    owner.backend.drained("ProbeQueue").await;
    let again = owner.get(&path).await.expect(200);
    assert_eq!((again.json(), again.header("etag").map(str::to_owned)), (file.clone(), tag));

    owner.delete(&file).await.expect(204);
    owner.backend.send("ProbeQueue", &owner.backend.stored_event(id(&file))).await;
    owner.backend.drained("ProbeQueue").await;
    owner.get(&path).await.expect_error(404, "not_found");
    assert_eq!(owner.backend.sort_keys().await, ["usage"]);
    assert_eq!(owner.backend.usage().await, Usage::default());
}

#[tokio::test]
async fn a_repeated_import_message_imports_nothing_twice() {
    let owner = Cloud::shared().await.owner().await;
    let source = SourceServer::start().await;
    let url = source.serve("/a.png", Reply::bytes(media::PNG.clone()));
    let file = owner.wait_until_success(&owner.import(&url).await).await;
    let message = json!({"owner": owner.backend.owner, "id": id(&file), "file_url": url});
    owner.backend.send("ImportQueue", &message).await;
    owner.backend.drained("ImportQueue").await;
    assert_eq!(owner.file(id(&file)).await, file);
    assert_eq!(source.requests("/a.png"), 1);

    // While one worker transfers the file, another one cannot claim it.
    let (reply, release) = Reply::bytes(media::WAV.clone()).held();
    let url = source.serve("/held.wav", reply);
    let held = owner.import(&url).await;
    source.wait_for_requests("/held.wav", 1).await;
    let message = json!({"owner": owner.backend.owner, "id": id(&held), "file_url": url});
    owner.backend.send("ImportQueue", &message).await;
    release.send();
    owner.wait_until_success(&held).await;
    owner.backend.drained("ImportQueue").await;
    assert_eq!(source.requests("/held.wav"), 1);
    assert_eq!(owner.backend.usage().await, owner.backend.sum().await);

    // A message for a deleted file changes nothing.
    owner.delete(&held).await.expect(204);
    owner.backend.send("ImportQueue", &message).await;
    owner.backend.drained("ImportQueue").await;
    assert_eq!(source.requests("/held.wav"), 1);
    owner.get(&format!("/files/{}", id(&held))).await.expect_error(404, "not_found");
}

#[tokio::test]
async fn a_dead_letter_of_an_import_fails_it() {
    let owner = Cloud::shared().await.owner().await;
    let file = unsent_import(&owner, "http://127.0.0.1:9/a.png").await;
    assert_eq!(owner.backend.usage().await, Usage { files: 1, bytes: 0, imports: 1 });
    let message =
        json!({"owner": owner.backend.owner, "id": id(&file), "file_url": "http://127.0.0.1:9/a.png"});
    owner.backend.send("DeadLetterQueue", &message).await;
    let file = owner.wait_until_terminal(&file).await;
    assert_eq!(file["status"], "failed");
    assert!(file["error"].as_str().is_some_and(|error| !error.is_empty()), "{file}");
    assert_eq!(owner.backend.usage().await, Usage { files: 1, bytes: 0, imports: 0 });
}

#[tokio::test]
async fn a_dead_letter_of_a_probe_ends_the_file_with_success() {
    let owner = Cloud::shared().await.owner().await;
    let event = |file: &Value| owner.backend.stored_event(id(file));
    // In the form in which Lambda wraps a failed event, and as a message of a queue.
    let wrapped = |file: &Value| {
        json!({
            "version": "1.0",
            "timestamp": "2026-01-02T03:04:05.678Z",
            "requestContext": {
                "requestId": "e4b46cbf-b738-xmpl-8880-a18cdf61200e",
                "functionArn": "arn:aws:lambda:us-east-1:000000000000:function:probe-file:$LATEST",
                "condition": "RetriesExhausted",
                "approximateInvokeCount": 3,
            },
            "requestPayload": event(file),
            "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
            "responsePayload": {"errorMessage": "RequestId: e4b46cbf Error: Runtime exited", "errorType": "Runtime.ExitError"},
        })
    };
    for is_wrapped in [true, false] {
        let file = unprobed(&owner).await;
        let letter = if is_wrapped { wrapped(&file) } else { event(&file) };
        owner.backend.send("DeadLetterQueue", &letter).await;
        let file = owner.wait_until_success(&file).await;
        assert_eq!(file["ffprobe"], Value::Null);
        assert!(file["ffprobe_error"].as_str().is_some_and(|error| !error.is_empty()), "{file}");
        assert_eq!(owner.download(&file).await, *media::PNG);
    }
    assert_eq!(owner.backend.usage().await, owner.backend.sum().await);
}

#[tokio::test]
async fn a_late_dead_letter_changes_nothing() {
    let owner = Cloud::shared().await.owner().await;
    let file = owner.wait_until_success(&owner.upload("a.png", &media::PNG).await).await;
    let deleted = owner.announce("b.png", 1, "image/png").await;
    owner.delete(&deleted).await.expect(204);
    for file in [&file, &deleted] {
        let import = json!({"owner": owner.backend.owner, "id": id(file), "file_url": "http://127.0.0.1:9/"});
        owner.backend.send("DeadLetterQueue", &import).await;
        owner
            .backend
            .send("DeadLetterQueue", &json!({"requestPayload": owner.backend.stored_event(id(file))}))
            .await;
    }
    owner.backend.send("DeadLetterQueue", &json!({"what": "is this?"})).await;
    owner.backend.drained("DeadLetterQueue").await;
    assert_eq!(owner.file(id(&file)).await, file);
    owner.get(&format!("/files/{}", id(&deleted))).await.expect_error(404, "not_found");
    assert_eq!(owner.backend.usage().await, owner.backend.sum().await);
}

#[tokio::test]
async fn repeated_failures_end_as_a_dead_letter() {
    // Messages become visible again after a second instead of half an hour.
    let cloud = Cloud::setup()
        .crashing("import-file")
        .crashing("probe-file")
        .template_with("VisibilityTimeout: 1800", "VisibilityTimeout: 1")
        .template_with("VisibilityTimeout: 720", "VisibilityTimeout: 1")
        .start()
        .await;
    let owner = cloud.owner().await;

    let import = owner.import("http://127.0.0.1:9/a.png").await;
    let stored = owner.announce("a.png", media::PNG.len(), "image/png").await;
    owner.put(&stored, media::PNG.clone()).await.expect(200);
    owner.backend.send("ProbeQueue", &owner.backend.stored_event(id(&stored))).await;

    let import = owner.wait_until_terminal(&import).await;
    assert_eq!(import["status"], "failed");
    assert!(import["error"].as_str().is_some_and(|error| !error.is_empty()), "{import}");
    let stored = owner.wait_until_success(&stored).await;
    assert!(stored["ffprobe_error"].as_str().is_some_and(|error| !error.is_empty()), "{stored}");
    for queue in ["ImportQueue", "ProbeQueue", "DeadLetterQueue"] {
        owner.backend.drained(queue).await;
    }

    // Bytes without a record are deleted.
    let (backend, orphan) = (&owner.backend, FileId::new(now()).to_string());
    let put = backend.s3.put_object().bucket(&backend.bucket).key(backend.object_key(&orphan));
    put.body(media::PNG.clone().into()).send().await.expect("stored");
    backend.send("DeadLetterQueue", &backend.stored_event(&orphan)).await;
    let kept = [backend.object_key(id(&stored))];
    until("the orphan is gone", async || (backend.objects().await == kept).then_some(())).await;
    assert_eq!(owner.backend.usage().await, owner.backend.sum().await);
}

#[tokio::test]
async fn concurrent_operations_are_counted_correctly() {
    let owner = Cloud::shared().await.owner().await;
    let upload = async |index: usize| {
        let file = owner.announce(&format!("{index}.png"), media::PNG.len(), "image/png").await;
        if index.is_multiple_of(3) {
            owner.delete(&file).await.expect(204);
        } else {
            owner.put(&file, media::PNG.clone()).await.expect(200);
            owner.wait_until_success(&file).await;
        }
    };
    let mut all: Vec<_> = (0..9).map(|index| Box::pin(upload(index))).collect();
    std::future::poll_fn(|context| {
        all.retain_mut(|one| one.as_mut().poll(context).is_pending());
        if all.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    let bytes = i64::try_from(media::PNG.len() * 6).expect("small");
    assert_eq!(owner.backend.usage().await, Usage { files: 6, bytes, imports: 0 });
    assert_eq!(owner.backend.usage().await, owner.backend.sum().await);
    // An empty object blocks the presigned PUT of each deleted file.
    let mut sizes = owner.backend.object_sizes().await;
    let stored = |sizes: &BTreeMap<String, i64>| sizes.values().filter(|size| **size > 0).count();
    assert_eq!(stored(&sizes), 12, "six files and their posters: {sizes:?}");
    sizes.retain(|key, _| key.starts_with("files/"));
    assert_eq!((stored(&sizes), sizes.len()), (6, 9), "{sizes:?}");
}
