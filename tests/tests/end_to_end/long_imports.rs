//! Imports that exceed one run of the function, or that back off.

use std::collections::BTreeSet;
use std::sync::Mutex;

use files_tests::faults::are_injected;
use files_tests::owner::id;
use files_tests::{
    Behavior, Cloud, Content, Owner, RangedSource, RawSource, Response, Script, Usage, skip_on_deployment,
    until,
};
use serde_json::{Value, json};

const MIB: u64 = 1 << 20;
/// The size of a part of an import.
const PART: u64 = 8 * MIB;

/// Starts a cloud whose imports have runs of six seconds, with two seconds for cleaning up.
async fn cloud_with_short_runs() -> Cloud {
    Cloud::setup().template_with("      Timeout: 300", "      Timeout: 8").start().await
}

async fn runs(owner: &Owner, file: &Value) -> u64 {
    let item = owner.backend.file_item(id(file)).await;
    item["generation"].as_n().ok().and_then(|number| number.parse().ok()).expect("a number")
}

#[tokio::test]
async fn an_import_continues_over_several_runs() {
    skip_on_deployment!("changes the template");
    let cloud = cloud_with_short_runs().await;
    let owner = cloud.owner().await;
    let content = Content::new(120 * MIB, 1);
    let source = RangedSource::start(content.clone()).await;
    source.limit_speed(4_000_000);
    source.set_behavior(
        |request| if request.open < 2 { Behavior::Serve } else { Behavior::Status(429, Vec::new()) },
    );
    let file = owner.import(&source.url("/long.bin")).await;
    let seen = Mutex::new(BTreeSet::new());
    let end = until("the import ends", async || {
        let now = owner.file(id(&file)).await;
        if let Some(received) = now["progress"]["received"].as_u64() {
            assert_eq!(now["progress"]["total"], content.size());
            seen.lock().expect("no panic").insert(received);
        }
        now["status"].as_str().is_some_and(|status| matches!(status, "success" | "failed")).then_some(now)
    })
    .await;
    assert_eq!((&end["status"], &end["size"]), (&json!("success"), &json!(content.size())), "{end:#}");
    let seen = seen.into_inner().expect("no panic");
    assert!(seen.len() > 4, "{seen:?}");
    assert!(owner.download(&end).await == content.bytes(), "other bytes");
    let runs = runs(&owner, &end).await;
    assert!(runs >= 3, "{runs} runs");
    // At most the parts in transfer at the end of a run, and the surplus of the first response, are fetched twice.
    let twice = source.sent().saturating_sub(content.size());
    assert!(twice <= runs * 2 * PART + PART || are_injected(), "{twice} bytes in {runs} runs");
    assert_eq!(owner.backend.objects().await.len(), 1);
    assert_eq!(owner.backend.usage().await, owner.backend.sum().await);
}

#[tokio::test]
async fn a_sha256_continues_over_several_runs() {
    skip_on_deployment!("changes the template");
    let cloud = cloud_with_short_runs().await;
    let owner = cloud.owner().await;
    let content = Content::new(44 * MIB, 2);
    let source = RangedSource::start(content.clone()).await;
    source.limit_speed(4_000_000);
    let body = json!({"file_url": source.url("/a.bin"), "checksum_sha256": content.sha256()});
    let file = Response::to(owner.json(&body)).await.expect(202).json();
    let end = owner.wait_until_success(&file).await;
    assert_eq!(end["checksum"], json!({"sha256": content.sha256()}));
    assert!(runs(&owner, &end).await >= 3);
    assert!(source.most_open() == 1 || are_injected());
    assert!(
        are_injected() || source.sent() <= content.size() + runs(&owner, &end).await * 2 * PART,
        "{}",
        source.sent()
    );
    assert!(owner.download(&end).await == content.bytes(), "other bytes");
}

#[tokio::test]
async fn an_import_that_cannot_be_resumed_has_one_run() {
    skip_on_deployment!("changes the template");
    let cloud = cloud_with_short_runs().await;
    let owner = cloud.owner().await;
    let source = RangedSource::start(Content::new(60 * MIB, 3)).await;
    source.limit_speed(4_000_000);
    source.set_behavior(|_| Behavior::Whole);
    let file = owner.wait_until_terminal(&owner.import(&source.url("/a.bin")).await).await;
    assert_eq!(
        (&file["status"], &file["error"]),
        (&json!("failed"), &json!("the source took too long and cannot be resumed"))
    );
    assert_eq!(owner.backend.objects().await, Vec::<String>::new());
    assert_eq!(owner.backend.usage().await, Usage { files: 1, bytes: 0, imports: 0 });
}

#[tokio::test]
async fn a_source_that_makes_no_progress_fails_the_import() {
    skip_on_deployment!("changes the template, advances the clock");
    let cloud = cloud_with_short_runs().await;
    let owner = cloud.owner().await;
    // The first part takes longer than a run.
    let source = RangedSource::start(Content::new(40 * MIB, 4)).await;
    source.limit_speed(200_000);
    let slow = owner.import(&source.url("/a.bin")).await;
    let silent = RawSource::start(Script::Silence).await;
    let silent_file = owner.import(&silent.url("/b.bin")).await;
    let (slow, silent_file) =
        tokio::join!(cloud.end_of_import(&owner, &slow), cloud.end_of_import(&owner, &silent_file));
    assert_eq!((&slow["status"], &slow["error"]), (&json!("failed"), &json!("the source is too slow")));
    assert_eq!(
        (&silent_file["status"], &silent_file["error"]),
        (&json!("failed"), &json!("the source took too long to respond"))
    );
    assert_eq!(runs(&owner, &slow).await, 4);
    assert_eq!(runs(&owner, &silent_file).await, 4);
    assert_eq!(owner.backend.objects().await, Vec::<String>::new());
    assert_eq!(owner.backend.usage().await, Usage { files: 2, bytes: 0, imports: 0 });
}

#[tokio::test]
async fn a_source_that_sends_retry_after_is_not_requested_earlier() {
    skip_on_deployment!("advances the clock");
    let cloud = Cloud::start().await;
    let owner = cloud.owner().await;
    let content = Content::new(30 * MIB, 5);
    let source = RangedSource::start(content.clone()).await;
    source.set_behavior(|_| Behavior::Status(503, vec![("retry-after", "600".to_owned())]));
    let file = owner.import(&source.url("/a.bin")).await;
    until("it rests", async || {
        let item = owner.backend.file_item(id(&file)).await;
        (item.contains_key("transient_failures") && !item.contains_key("lease_until")).then_some(())
    })
    .await;
    assert_eq!(source.requests().len(), 1);
    source.set_behavior(|_| Behavior::Serve);
    // A dead letter of an earlier run does not end the import.
    let letter = json!({"owner": owner.backend.owner, "id": id(&file), "file_url": source.url("/a.bin")});
    owner.backend.send("DeadLetterQueue", &letter).await;
    owner.backend.drained("DeadLetterQueue").await;
    // Five minutes are not enough: the source's `Retry-After` is ten.
    cloud.advance_clock(300).await;
    cloud.sweep().await;
    assert_eq!((source.requests().len(), &owner.file(id(&file)).await["status"]), (1, &json!("running")));
    cloud.advance_clock(301).await;
    let file = owner.wait_until_success(&file).await;
    assert!(owner.download(&file).await == content.bytes(), "other bytes");
    let item = owner.backend.file_item(id(&file)).await;
    assert!(!item.contains_key("transient_failures") && !item.contains_key("resume"), "{item:?}");
}
