//! `ClaimImport`: what a worker writes down while it works.

use files_domain::{ClaimImport, File, Progress, StoreError, limits};

use crate::owner::{Owner, usage};
use crate::samples::fail_file;
use crate::samples::{at, millis, video};
use crate::store::Store;

conformance! {
    a_worker_writes_down_what_it_has,
    an_earlier_worker_is_refused,
    nobody_writes_before_a_claim,
    nothing_is_written_once_the_file_has_ended,
    a_deleted_file_is_not_brought_back,
}

const HALF: Progress = Progress { received: 5, total: Some(10) };

async fn a_worker_writes_down_what_it_has<S: Store>(store: &S) {
    let press = Owner::new(store, "press").await;
    let mine = press.claimed(press.import(at(0)).await.id, at(0)).await;
    press.ports().save_progress(&mine, HALF, Some("u1"), at(1)).await.expect("saved");
    let expected = File {
        progress: Some(HALF),
        upload_id: Some("u1".to_owned()),
        updated_at: at(1),
        version: mine.version + 1,
        ..mine.clone()
    };
    assert_eq!(press.record(mine.id).await, Some(expected.clone()));
    // By its generation it knows itself, not by the version; an upload once known stays known.
    let unknown_total = Progress { received: 6, total: None };
    press.ports().save_progress(&mine, unknown_total, None, at(2)).await.expect("saved");
    let expected =
        File { progress: Some(unknown_total), updated_at: at(2), version: mine.version + 2, ..expected };
    assert_eq!(press.record(mine.id).await, Some(expected));
    assert_eq!(press.usage().await, usage(1, 0, 1));
}

async fn an_earlier_worker_is_refused<S: Store>(store: &S) {
    let press = Owner::new(store, "press").await;
    let file = press.import(at(0)).await;
    let first = press.claimed(file.id, at(0)).await;
    let second = press.claimed(file.id, at(millis(limits::IMPORT_LEASE))).await;
    let saved = press.ports().save_progress(&first, HALF, Some("u1"), at(1)).await;
    assert_refused!(saved, StoreError::Changed);
    assert_eq!(press.record(file.id).await, Some(second.clone()));
    press.ports().save_progress(&second, HALF, Some("u2"), at(1)).await.expect("saved");
}

async fn nobody_writes_before_a_claim<S: Store>(store: &S) {
    let press = Owner::new(store, "press").await;
    let file = press.import(at(0)).await;
    assert_refused!(press.ports().save_progress(&file, HALF, None, at(1)).await, StoreError::Changed);
    assert_eq!(press.record(file.id).await, Some(file));
}

async fn nothing_is_written_once_the_file_has_ended<S: Store>(store: &S) {
    let press = Owner::new(store, "press").await;
    let (one, other) = (press.import(at(0)).await, press.import(at(1)).await);
    let (one, other) = (press.claimed(one.id, at(2)).await, press.claimed(other.id, at(2)).await);
    fail_file(press.ports(), press.id(), one.id, "no", at(3)).await.expect("failed");
    press.probe(other.id, &video(7, at(3))).await;
    for mine in [one, other] {
        let before = press.record(mine.id).await;
        let saved = press.ports().save_progress(&mine, HALF, Some("u"), at(4)).await;
        assert_refused!(saved, StoreError::Changed);
        assert_eq!(press.record(mine.id).await, before);
    }
}

async fn a_deleted_file_is_not_brought_back<S: Store>(store: &S) {
    let press = Owner::new(store, "press").await;
    let mine = press.claimed(press.import(at(0)).await.id, at(0)).await;
    press.remove(&mine, at(1)).await.expect("removed");
    let saved = press.ports().save_progress(&mine, HALF, Some("u"), at(2)).await;
    assert_refused!(saved, StoreError::Changed);
    assert_eq!(press.record(mine.id).await, None);
    assert_eq!(press.usage().await, usage(0, 0, 0));
}
