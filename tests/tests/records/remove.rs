//! `remove_file`.

use std::time::Duration;

use files_domain::{Detail, File, ListFilter, MediaType, PageOrder, Scope, limits};
use files_records::RecordsError;

use crate::dynamodb::{DynamoDb, Scheduled};
use crate::list::{first_page, page};
use crate::owner::{Owner, usage};
use crate::samples::{at, millis};

/// How long the bytes of a deleted file may remain.
const GRACE: Duration = Duration::from_secs(300);

#[tokio::test]
async fn a_removed_file_is_not_found_and_its_deletion_is_scheduled() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let (file, other) =
        (press.success(7, MediaType::Video, at(0)).await, press.success(5, MediaType::Video, at(1)).await);
    press.remove(&file, at(1000)).await.expect("removed");
    let caller = press.caller(Scope::Read, at(1000));
    assert_refused!(press.client().find_file_with_detail(&caller, file.id).await, RecordsError::NotFound);
    let listed = page(&press, first_page(5, PageOrder::Descending, ListFilter::default())).await;
    assert_eq!(listed.files, [other]);
    assert_eq!(press.usage().await, usage(1, 5, 0));
    press
        .assert_due(Scheduled::Removed(file.id), at(1000 + millis(limits::UPLOAD_URL_LIFETIME + GRACE)))
        .await;
    assert_eq!(store.left_of(press.id(), file.id).await, Some(None));
}

#[tokio::test]
async fn deletion_waits_until_no_more_bytes_can_arrive() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let upload = press.upload(7, at(0)).await;
    press.remove(&upload, at(1000)).await.expect("removed");
    let url_is_over = at(1000 + millis(limits::UPLOAD_URL_LIFETIME + GRACE));
    press.assert_due(Scheduled::Removed(upload.id), url_is_over).await;
    assert_eq!(press.usage().await, usage(0, 0, 0));

    let radio = Owner::new(store, "radio").await;
    let import = radio.import(at(0)).await;
    assert_eq!(radio.usage().await, usage(1, 0, 1));
    radio.remove(&import, at(1000)).await.expect("removed");
    radio.assert_due(Scheduled::Removed(import.id), at(1000 + millis(limits::IMPORT_LEASE + GRACE))).await;
    assert_eq!(radio.usage().await, usage(0, 0, 0));
}

#[tokio::test]
async fn an_unfinished_upload_is_recorded_for_its_abort() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let mut mine = press.claimed(press.import(at(0)).await.id, at(0)).await;
    mine.state.upload_id = Some("u1".to_owned());
    press.records().save_progress(&mine, at(1)).await.expect("saved");
    let now = press.record(mine.id).await.expect("a record");
    press.remove(&now, at(2)).await.expect("removed");
    assert_eq!(store.left_of(press.id(), mine.id).await, Some(Some("u1".to_owned())));
}

#[tokio::test]
async fn deleting_the_removal_entry_completes_a_removal() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let file = press.upload(7, at(0)).await;
    press.remove(&file, at(1)).await.expect("removed");
    for _ in 0..2 {
        press.records().delete_removal_entry(press.id(), file.id).await.expect("deleted, also twice");
        press.assert_nothing_due().await;
        assert_eq!(store.left_of(press.id(), file.id).await, None);
    }
    let there = press.upload(7, at(2)).await;
    press.records().delete_removal_entry(press.id(), there.id).await.expect("nothing to delete");
    assert_eq!(press.record(there.id).await, Some(there), "an existing file stays");
}

#[tokio::test]
async fn a_file_is_removed_once() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let file = press.success(7, MediaType::Audio, at(0)).await;
    press.remove(&file, at(0)).await.expect("removed");
    assert_refused!(press.remove(&file, at(1000)).await, RecordsError::Changed);
    assert_eq!(press.usage().await, usage(0, 0, 0));
    press.assert_due(Scheduled::Removed(file.id), at(millis(limits::UPLOAD_URL_LIFETIME + GRACE))).await;
    // A second removal does not schedule the deletion again.
    press.records().delete_removal_entry(press.id(), file.id).await.expect("forgotten");
    assert_refused!(press.remove(&file, at(1000)).await, RecordsError::Changed);
    press.assert_nothing_due().await;
}

#[tokio::test]
async fn a_file_that_has_changed_is_not_removed() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let seen = press.import(at(0)).await;
    let now = File::from(press.claimed(seen.id, at(1)).await);
    assert_refused!(press.remove(&seen, at(2)).await, RecordsError::Changed);
    assert_refused!(press.records().remove_file(&seen, at(2)).await, RecordsError::Changed);
    assert_eq!(press.record(seen.id).await, Some(now.clone()));
    assert_eq!(press.usage().await, usage(1, 0, 1));
    assert_eq!(store.left_of(press.id(), seen.id).await, None);
    press.remove(&now, at(2)).await.expect("removed");
}

#[tokio::test]
async fn with_an_invalid_key_nothing_is_removed() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let file = press.success(7, MediaType::Audio, at(0)).await;
    let stale = File { version: 99, ..file.clone() };
    for (caller, problem) in press.bad("press", Scope::Delete, at(60_000)).await {
        for seen in [&file, &stale] {
            let removed = press.client().remove_file(&caller, seen).await;
            assert_refused!(removed, RecordsError::Key(found) if *found == problem);
        }
    }
    let caller = press.caller(Scope::Read, at(60_000));
    let found = press.client().find_file_with_detail(&caller, file.id).await.expect("found");
    assert_eq!(found, (file, Detail::default()));
    assert_eq!(press.usage().await, usage(1, 7, 0));
    press.assert_nothing_due().await;
}

#[tokio::test]
async fn background_work_needs_no_key() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let file = press.expiring(7, at(0), at(1000)).await;
    press.records().remove_file(&file, at(1000)).await.expect("removed");
    assert_eq!(press.record(file.id).await, None);
    assert_eq!(press.usage().await, usage(0, 0, 0));
}
