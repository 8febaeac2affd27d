//! `ClaimImport`: the claim.

use files_domain::{Due, DueKind, File, FileId, Status, limits};
use files_records::{ImportClaim, RecordsError};

use crate::dynamodb::{DynamoDb, Scheduled};
use crate::owner::{Owner, usage};
use crate::samples::fail_file;
use crate::samples::{at, imported, millis, video};

#[tokio::test]
async fn a_free_import_is_the_workers() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let file = press.import(at(0)).await;
    let lease = at(1000 + millis(limits::IMPORT_LEASE));
    let expected = File {
        status: Status::Running,
        updated_at: at(1000),
        generation: 1,
        version: 2,
        lease_until: Some(lease),
        due: Some(Due { kind: DueKind::Import, at: lease, tries: 0 }),
        ..file.clone()
    };
    assert_eq!(press.claim(file.id, at(1000)).await, ImportClaim::Claimed(expected.clone()));
    assert_eq!(press.record(file.id).await, Some(expected));
    assert_eq!(press.usage().await, usage(1, 0, 1));
    press.assert_due(Scheduled::File(file.id), lease).await;
}

#[tokio::test]
async fn a_held_import_is_free_again_when_its_lease_is_over() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let file = press.import(at(0)).await;
    let first = press.claimed(file.id, at(0)).await;
    let lease = millis(limits::IMPORT_LEASE);
    for moment in [0, 1, lease - 1] {
        assert_eq!(press.claim(file.id, at(moment)).await, ImportClaim::HeldUntil(at(lease)));
    }
    assert_eq!(press.record(file.id).await, Some(first.clone()), "asking changes nothing");
    let second = press.claimed(file.id, at(lease)).await;
    assert_eq!((second.generation, second.version), (2, first.version + 1));
    assert_eq!(second.lease_until, Some(at(2 * lease)));
    press.assert_due(Scheduled::File(file.id), at(2 * lease)).await;
}

#[tokio::test]
async fn what_has_ended_or_is_gone_is_over() {
    let store = &DynamoDb::start().await;
    let (press, radio) = (Owner::new(store, "press").await, Owner::new(store, "radio").await);
    let (done, failed, gone) =
        (press.import(at(0)).await, press.import(at(1)).await, press.import(at(2)).await);
    press.claimed(done.id, at(3)).await;
    press.probe(done.id, &video(7, at(4))).await;
    fail_file(press.records(), press.id(), failed.id, "no", at(4)).await.expect("failed");
    press.remove(&gone, at(4)).await.expect("removed");
    let theirs = radio.import(at(0)).await;
    let before = (press.record(done.id).await, press.record(failed.id).await);
    for id in [done.id, failed.id, gone.id, theirs.id, FileId::new(at(0))] {
        let much_later = at(10 * millis(limits::IMPORT_LEASE));
        for now in [at(5), much_later] {
            assert_eq!(press.claim(id, now).await, ImportClaim::Over);
        }
    }
    assert_eq!((press.record(done.id).await, press.record(failed.id).await), before);
    assert_eq!(press.record(gone.id).await, None);
    assert_eq!(radio.record(theirs.id).await, Some(theirs));
}

#[tokio::test]
async fn of_two_workers_at_once_one_has_it() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let file = press.import(at(0)).await;
    let claims = tokio::join!(press.claim(file.id, at(1)), press.claim(file.id, at(1)));
    let held = ImportClaim::HeldUntil(at(1 + millis(limits::IMPORT_LEASE)));
    match claims {
        (ImportClaim::Claimed(mine), other) | (other, ImportClaim::Claimed(mine)) => {
            assert_eq!((mine.generation, other), (1, held));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_earlier_worker_cannot_save() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let file = press.import(at(0)).await;
    let first = press.claimed(file.id, at(0)).await;
    let second = press.claimed(file.id, at(millis(limits::IMPORT_LEASE))).await;
    let mut after = first.clone();
    after.imported(imported(7), at(1));
    assert_refused!(press.records().save_file(&first, &after).await, RecordsError::Changed);
    assert_eq!(press.record(file.id).await, Some(second));
    assert_eq!(press.usage().await, usage(1, 0, 1));
}

#[tokio::test]
async fn what_is_imported_remains_due_to_be_probed() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let file = press.import(at(0)).await;
    press.claimed(file.id, at(0)).await;
    let saved = press.records().change_file(press.id(), file.id, |file| {
        file.imported(imported(7), at(1000));
        true
    });
    saved.await.expect("saved");
    assert_eq!(press.usage().await, usage(1, 7, 0));
    press.assert_due(Scheduled::File(file.id), at(1000 + millis(limits::PROBE_GRACE))).await;
    // The message comes again when the lease is over: whoever takes it sees that all bytes are there.
    let again = press.claimed(file.id, at(millis(limits::IMPORT_LEASE))).await;
    assert!(!again.importing);
    assert_eq!(again.due.map(|due| due.kind), Some(DueKind::Probe));
    assert_eq!(again.upload_id, imported(7).upload_id);
    assert_eq!(press.usage().await, usage(1, 7, 0));
}
