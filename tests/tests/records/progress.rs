//! `ClaimImport`: what a worker writes down while it works.

use files_domain::{Due, DueKind, File, Hashed, Progress, Resume, limits};
use files_records::RecordsError;

use crate::dynamodb::{DynamoDb, Scheduled};
use crate::owner::{Owner, usage};
use crate::samples::fail_file;
use crate::samples::{at, imported, millis, video};

const HALF: Progress = Progress { received: 5, total: Some(10) };

/// The worker's file, with what it has got.
fn with_work(mine: &File, upload_id: &str) -> File {
    File { progress: Some(HALF), upload_id: Some(upload_id.to_owned()), ..mine.clone() }
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
async fn a_worker_writes_down_what_it_has() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let mine = press.claimed(press.import(at(0)).await.id, at(0)).await;
    let work = File { resume: Some(resume()), setbacks: 2, ..with_work(&mine, "u1") };
    press.records().save_progress(&work, at(1)).await.expect("saved");
    let expected = File { updated_at: at(1), version: mine.version + 1, ..work.clone() };
    assert_eq!(press.record(mine.id).await, Some(expected));
    // By its generation it knows itself, not by the version; and what it has no more is gone.
    let unknown_total = Some(Progress { received: 6, total: None });
    let work = File { progress: unknown_total, resume: None, upload_id: None, setbacks: 0, ..work };
    press.records().save_progress(&work, at(2)).await.expect("saved");
    let expected = File { updated_at: at(2), version: mine.version + 2, ..work };
    assert_eq!(press.record(mine.id).await, Some(expected));
    assert_eq!(press.usage().await, usage(1, 0, 1));
}

#[tokio::test]
async fn an_import_that_is_let_go_is_anybodys_and_due_again() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let mine = press.claimed(press.import(at(0)).await.id, at(0)).await;
    let work = File { resume: Some(resume()), setbacks: 1, ..with_work(&mine, "u1") };
    press.records().release_import(&work, at(9_000), at(1)).await.expect("let go");
    let due = Some(Due { kind: DueKind::Import, at: at(9_000), tries: 0 });
    let expected =
        File { updated_at: at(1), version: mine.version + 1, lease_until: None, due, ..work.clone() };
    assert_eq!(press.record(mine.id).await, Some(expected));
    press.assert_due(Scheduled::File(mine.id), at(9_000)).await;
    let next = press.claimed(mine.id, at(2)).await;
    assert_eq!((next.generation, &next.resume, &next.upload_id), (2, &work.resume, &work.upload_id));
    assert_refused!(press.records().release_import(&work, at(9_000), at(3)).await, RecordsError::Changed);
    assert_refused!(press.records().save_progress(&work, at(3)).await, RecordsError::Changed);
    assert_eq!(press.record(mine.id).await, Some(next));
    assert_eq!(press.usage().await, usage(1, 0, 1));
}

#[tokio::test]
async fn what_is_needed_to_go_on_goes_when_it_has_ended() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    for fails in [true, false] {
        let mine = press.claimed(press.import(at(0)).await.id, at(0)).await;
        let work = File { resume: Some(resume()), setbacks: 1, ..with_work(&mine, "u1") };
        press.records().save_progress(&work, at(1)).await.expect("saved");
        if fails {
            fail_file(press.records(), press.id(), mine.id, "no", at(2)).await.expect("failed");
        } else {
            let saved = press.records().change_file(press.id(), mine.id, |file| {
                file.imported(imported(7), at(2));
                true
            });
            saved.await.expect("saved");
        }
        let now = press.record(mine.id).await.expect("a record");
        assert_eq!((now.resume, now.setbacks, now.progress), (None, 0, None));
    }
}

#[tokio::test]
async fn an_earlier_worker_is_refused() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let file = press.import(at(0)).await;
    let first = press.claimed(file.id, at(0)).await;
    let second = press.claimed(file.id, at(millis(limits::IMPORT_LEASE))).await;
    let saved = press.records().save_progress(&with_work(&first, "u1"), at(1)).await;
    assert_refused!(saved, RecordsError::Changed);
    assert_eq!(press.record(file.id).await, Some(second.clone()));
    press.records().save_progress(&with_work(&second, "u2"), at(1)).await.expect("saved");
}

#[tokio::test]
async fn nobody_writes_before_a_claim() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let file = press.import(at(0)).await;
    let saved = press.records().save_progress(&with_work(&file, "u1"), at(1)).await;
    assert_refused!(saved, RecordsError::Changed);
    assert_eq!(press.record(file.id).await, Some(file));
}

#[tokio::test]
async fn nothing_is_written_once_the_file_has_ended() {
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
async fn a_deleted_file_is_not_brought_back() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let mine = press.claimed(press.import(at(0)).await.id, at(0)).await;
    press.remove(&mine, at(1)).await.expect("removed");
    let work = with_work(&mine, "u");
    assert_refused!(press.records().save_progress(&work, at(2)).await, RecordsError::Changed);
    assert_refused!(press.records().release_import(&work, at(9), at(2)).await, RecordsError::Changed);
    assert_eq!(press.record(mine.id).await, None);
    assert_eq!(press.usage().await, usage(0, 0, 0));
}
