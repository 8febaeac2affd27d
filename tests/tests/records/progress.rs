//! `save_progress` and `release_import`.

use files_domain::{Deadline, File, FileState, Hashed, Import, Progress, Resume, limits};
use files_records::RecordsError;

use crate::dynamodb::{DynamoDb, Scheduled};
use crate::owner::{Owner, usage};
use crate::samples::fail_file;
use crate::samples::{at, imported, millis, video};

const HALF: Progress = Progress { received: 5, total: Some(10) };

/// Returns the worker's file with its progress.
fn with_work(mine: &File<Import>, upload_id: &str) -> File<Import> {
    with(mine, |import| {
        import.progress = Some(HALF);
        import.upload_id = Some(upload_id.to_owned());
    })
}

/// Returns the worker's file with its resume state after this many failures.
fn with_resume(mine: &File<Import>, failures: u32) -> File<Import> {
    with(&with_work(mine, "u1"), |import| {
        import.resume = Some(resume());
        import.transient_failures = failures;
    })
}

fn with(mine: &File<Import>, change: impl FnOnce(&mut Import)) -> File<Import> {
    let mut mine = mine.clone();
    change(&mut mine.state);
    mine
}

fn resume() -> Resume {
    Resume {
        size: 10,
        part_size: 5,
        validator: "\"v1\"".to_owned(),
        restarts: 1,
        of_page: true,
        name: Some("clip ü.mp4".to_owned()),
        content_type: Some("video/mp4".to_owned()),
        hashed: Some(Hashed { parts: 1, state: "state".to_owned() }),
    }
}

#[tokio::test]
async fn a_worker_saves_its_progress() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let mine = press.claimed(press.import(at(0)).await.id, at(0)).await;
    let work = with_resume(&mine, 2);
    press.records().save_progress(&work, at(1)).await.expect("saved");
    let expected = File { updated_at: at(1), version: mine.version + 1, ..work.clone() };
    assert_eq!(press.record(mine.id).await, Some(expected.into()));
    // A worker identifies itself by its generation, not by the version; and fields that it lacks are removed.
    let work = with(&work, |import| {
        let Import { name_from_source, lease_until, .. } = *import;
        let progress = Some(Progress { received: 6, total: None });
        *import = Import { name_from_source, lease_until, progress, ..Import::default() };
    });
    press.records().save_progress(&work, at(2)).await.expect("saved");
    let expected = File { updated_at: at(2), version: mine.version + 2, ..work };
    assert_eq!(press.record(mine.id).await, Some(expected.into()));
    assert_eq!(press.usage().await, usage(1, 0, 1));
}

#[tokio::test]
async fn a_released_import_can_be_claimed_and_has_a_deadline() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let mine = press.claimed(press.import(at(0)).await.id, at(0)).await;
    let work = with_resume(&mine, 1);
    press.records().release_import(&work, at(9_000), at(1)).await.expect("released");
    let deadline = Some(Deadline::new(at(9_000)));
    let expected = with(&work, |import| import.lease_until = None);
    let expected = File { updated_at: at(1), version: mine.version + 1, deadline, ..expected };
    assert_eq!(press.record(mine.id).await, Some(expected.into()));
    press.assert_due(Scheduled::File(mine.id), at(9_000)).await;
    let next = press.claimed(mine.id, at(2)).await;
    assert_eq!(next.generation, 2);
    assert_eq!((&next.state.resume, &next.state.upload_id), (&work.state.resume, &work.state.upload_id));
    assert_refused!(press.records().release_import(&work, at(9_000), at(3)).await, RecordsError::Changed);
    assert_refused!(press.records().save_progress(&work, at(3)).await, RecordsError::Changed);
    assert_eq!(press.record(mine.id).await, Some(next.into()));
    assert_eq!(press.usage().await, usage(1, 0, 1));
}

#[tokio::test]
async fn the_resume_state_ends_with_the_import() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    for fails in [true, false] {
        let mine = press.claimed(press.import(at(0)).await.id, at(0)).await;
        let work = with_resume(&mine, 1);
        press.records().save_progress(&work, at(1)).await.expect("saved");
        if fails {
            fail_file(press.records(), press.id(), mine.id, "no", at(2)).await.expect("failed");
        } else {
            let import = |file: File| file.imported(imported(7), at(2));
            let saved = press.records().change_file(press.id(), mine.id, import);
            saved.await.expect("saved");
        }
        let item = store.item(press.id(), &format!("file#{}", mine.id)).await;
        for left in ["resume", "transient_failures", "progress", "name_from_source"] {
            assert!(!item.contains_key(left), "{left}: {item:?}");
        }
    }
}

#[tokio::test]
async fn a_worker_without_the_lease_is_refused() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let file = press.import(at(0)).await;
    let first = press.claimed(file.id, at(0)).await;
    let second = press.claimed(file.id, at(millis(limits::IMPORT_LEASE))).await;
    let saved = press.records().save_progress(&with_work(&first, "u1"), at(1)).await;
    assert_refused!(saved, RecordsError::Changed);
    assert_eq!(press.record(file.id).await, Some(second.clone().into()));
    press.records().save_progress(&with_work(&second, "u2"), at(1)).await.expect("saved");
}

#[tokio::test]
async fn no_progress_is_saved_before_a_claim() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let file = press.import(at(0)).await;
    let (bare, state) = file.clone().split();
    let FileState::Importing(import) = state else { panic!("{state:?}") };
    let saved = press.records().save_progress(&with_work(&bare.with_state(import), "u1"), at(1)).await;
    assert_refused!(saved, RecordsError::Changed);
    assert_eq!(press.record(file.id).await, Some(file));
}

#[tokio::test]
async fn nothing_is_saved_once_the_status_is_terminal() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let (one, other) = (press.import(at(0)).await, press.import(at(1)).await);
    let (one, other) = (press.claimed(one.id, at(2)).await, press.claimed(other.id, at(2)).await);
    fail_file(press.records(), press.id(), one.id, "no", at(3)).await.expect("failed");
    press.probe(other.id, &video(7, at(3))).await;
    for mine in [one, other] {
        let before = press.record(mine.id).await;
        let work = with_work(&mine, "u");
        assert_refused!(press.records().save_progress(&work, at(4)).await, RecordsError::Changed);
        assert_refused!(press.records().release_import(&work, at(9), at(4)).await, RecordsError::Changed);
        assert_eq!(press.record(mine.id).await, before);
    }
}

#[tokio::test]
async fn progress_does_not_restore_a_deleted_file() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let mine = press.claimed(press.import(at(0)).await.id, at(0)).await;
    press.remove(&mine.clone().into(), at(1)).await.expect("removed");
    let work = with_work(&mine, "u");
    assert_refused!(press.records().save_progress(&work, at(2)).await, RecordsError::Changed);
    assert_refused!(press.records().release_import(&work, at(9), at(2)).await, RecordsError::Changed);
    assert_eq!(press.record(mine.id).await, None);
    assert_eq!(press.usage().await, usage(0, 0, 0));
}

/// Checks an import whose bytes are all stored: it has ended, although its worker still has the lease.
#[tokio::test]
async fn no_progress_is_saved_once_all_bytes_are_stored() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let mine = press.claimed(press.import(at(0)).await.id, at(0)).await;
    let after = mine.clone().imported(imported(7), at(1));
    press.records().save_file(&mine.clone().into(), &after).await.expect("saved");
    let before = press.record(mine.id).await;
    let work = with_work(&mine, "u");
    assert_refused!(press.records().save_progress(&work, at(2)).await, RecordsError::Changed);
    assert_refused!(press.records().release_import(&work, at(9), at(2)).await, RecordsError::Changed);
    assert_eq!(press.record(mine.id).await, before);
}
