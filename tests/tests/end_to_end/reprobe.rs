//! `files-admin reprobe`: probes existing files again after an update of ffprobe.

use std::process::{Command, Output};

use aws_sdk_dynamodb::types::AttributeValue;
use files_tests::owner::id;
use files_tests::programs::built;
use files_tests::{Cloud, Owner, media, until};
use serde_json::{Value, json};

fn reprobe(cloud: &Cloud, arguments: &[&str]) -> Output {
    let mut command = Command::new(built().join("files-admin"));
    command.arg("reprobe").args(arguments).env("FILES_READY", cloud.ready_file());
    command
        .env_remove("FILES_TABLE")
        .env_remove("FILES_KEYS_TABLE")
        .env_remove("FILES_FFPROBE")
        .current_dir(cloud.folder());
    command.output().expect("files-admin")
}

fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).expect("text")
}

async fn uploaded(owner: &Owner) -> Value {
    let file = owner.upload("a.png", &media::PNG).await;
    owner.wait_until_success(&file).await
}

/// Changes a file's record to that of a probe by an older ffprobe.
async fn as_of_old(owner: &Owner, file: &Value, by: Option<&str>) -> Value {
    let mut item = owner.backend.file_item(id(file)).await;
    item.remove("probe");
    item.insert("ffprobe_error".to_owned(), AttributeValue::S("unknown to me".to_owned()));
    item.insert("media_type".to_owned(), AttributeValue::S("other".to_owned()));
    match by {
        Some(by) => item.insert("probed_by".to_owned(), AttributeValue::S(by.to_owned())),
        None => item.remove("probed_by"),
    };
    owner.backend.put_item(item).await;
    let file = owner.file(id(file)).await;
    assert_eq!((&file["ffprobe"], &file["ffprobe_error"]), (&Value::Null, &json!("unknown to me")));
    file
}

async fn wait_until_as_before(owner: &Owner, before: &Value) {
    until("the new output of ffprobe", || async {
        let file = owner.file(id(before)).await;
        (file["ffprobe"] == before["ffprobe"] && file["ffprobe_error"].is_null()).then_some(())
    })
    .await;
}

async fn etag(owner: &Owner, file: &Value) -> String {
    let response = owner.get(&format!("/files/{}", id(file))).await.expect(200);
    response.header("etag").expect("a tag").to_owned()
}

#[tokio::test]
async fn outdated_probes_are_repeated_and_nothing_else_changes() {
    let cloud = Cloud::start().await;
    let owner = cloud.owner().await;
    let (never, older, current) = (uploaded(&owner).await, uploaded(&owner).await, uploaded(&owner).await);
    let by = owner.backend.file_item(id(&current)).await["probed_by"].clone();
    assert!(by.as_s().is_ok_and(|by| by.contains('(')), "{by:?}");
    as_of_old(&owner, &never, None).await;
    let old = as_of_old(&owner, &older, Some("4.4 (00000000)")).await;
    let tag = etag(&owner, &old).await;
    cloud.reset_calls().await;
    assert_eq!(printed(&reprobe(&cloud, &["--outdated", "--per-second", "50"])), "Requested 2 probes.\n");
    for file in [&never, &older] {
        wait_until_as_before(&owner, file).await;
        let after = owner.file(id(file)).await;
        for same in ["status", "name", "size", "checksum", "created_at", "error"] {
            assert_eq!(after[same], file[same], "{same}");
        }
    }
    assert_ne!(etag(&owner, &old).await, tag, "the entity tag has changed, so caches are not used");
    let listed = owner.list("?type=image").await;
    assert_eq!(listed["files"].as_array().map(Vec::len), Some(3), "its type has changed as well");
    assert_eq!(owner.file(id(&current)).await, current);
    owner.backend.drained("ProbeQueue").await;
    assert_eq!(printed(&reprobe(&cloud, &["--outdated"])), "Requested 0 probes.\n", "all are up to date");
    assert_eq!(owner.backend.usage().await, owner.backend.sum().await);
}

#[tokio::test]
async fn one_file_can_be_selected() {
    let cloud = Cloud::shared().await;
    let owner = cloud.owner().await;
    let (one, other) = (uploaded(&owner).await, uploaded(&owner).await);
    as_of_old(&owner, &one, Some("4.4 (00000000)")).await;
    let other = as_of_old(&owner, &other, Some("4.4 (00000000)")).await;
    let output = reprobe(cloud, &["--owner", owner.name(), "--file", id(&one)]);
    assert_eq!(printed(&output), "Requested 1 probe.\n");
    wait_until_as_before(&owner, &one).await;
    assert_eq!(owner.file(id(&other)).await, other);
}

#[tokio::test]
async fn without_a_selection_nothing_is_probed() {
    let cloud = Cloud::shared().await;
    for arguments in [&[][..], &["--file", "x"], &["--outdated", "--per-second", "0"]] {
        assert!(!reprobe(cloud, arguments).status.success(), "{arguments:?}");
    }
}
