//! `claim_import`.

use files_domain::{Deadline, File, FileId, FileState, Import, Probing, limits};
use files_records::{ImportClaim, RecordsError};

use crate::dynamodb::{DynamoDb, Scheduled};
use crate::owner::{Owner, usage};
use crate::samples::fail_file;
use crate::samples::{at, imported, millis, new_file, video};

#[tokio::test]
async fn an_unclaimed_import_is_leased_to_the_worker() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let file = press.import(at(0)).await;
    let lease = at(1000 + millis(limits::IMPORT_LEASE));
    let import = Import { name_from_source: true, lease_until: Some(lease), ..Import::default() };
    let (unclaimed, _) = file.clone().split();
    let expected = File {
        updated_at: at(1000),
        version: 2,
        generation: 1,
        deadline: Some(Deadline::new(lease)),
        ..unclaimed
    };
    let expected = expected.with_state(import);
    assert_eq!(press.claim(file.id, at(1000)).await, ImportClaim::Claimed(expected.clone()));
    assert_eq!(press.record(file.id).await, Some(expected.into()));
    assert_eq!(press.usage().await, usage(1, 0, 1));
    press.assert_due(Scheduled::File(file.id), lease).await;
}

#[tokio::test]
async fn a_leased_import_can_be_claimed_after_the_lease() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let file = press.import(at(0)).await;
    let first = press.claimed(file.id, at(0)).await;
    let lease = millis(limits::IMPORT_LEASE);
    for moment in [0, 1, lease - 1] {
        assert_eq!(press.claim(file.id, at(moment)).await, ImportClaim::HeldUntil(at(lease)));
    }
    assert_eq!(press.record(file.id).await, Some(first.clone().into()), "a failed claim changes nothing");
    let second = press.claimed(file.id, at(lease)).await;
    assert_eq!((second.generation, second.version), (2, first.version + 1));
    assert_eq!(second.state.lease_until, Some(at(2 * lease)));
    press.assert_due(Scheduled::File(file.id), at(2 * lease)).await;
}

#[tokio::test]
async fn terminal_and_deleted_files_cannot_be_claimed() {
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
async fn one_of_two_concurrent_claims_succeeds() {
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
    let after = first.clone().imported(imported(7), at(1));
    assert_refused!(press.records().save_file(&first.into(), &after).await, RecordsError::Changed);
    assert_eq!(press.record(file.id).await, Some(second.into()));
    assert_eq!(press.usage().await, usage(1, 0, 1));
}

#[tokio::test]
async fn an_imported_file_keeps_its_deadline_for_the_probe() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let file = press.import(at(0)).await;
    press.claimed(file.id, at(0)).await;
    let import = |file: File| file.imported(imported(7), at(1000));
    let saved = press.records().change_file(press.id(), file.id, import);
    saved.await.expect("saved");
    assert_eq!(press.usage().await, usage(1, 7, 0));
    press.assert_due(Scheduled::File(file.id), at(1000 + millis(limits::PROBE_GRACE))).await;
    // SQS repeats the message after the lease: for the next worker, all bytes are stored.
    let lease = millis(limits::IMPORT_LEASE);
    let again = match press.claim(file.id, at(lease)).await {
        ImportClaim::Fetched(file) => file,
        other => panic!("{other:?}"),
    };
    let expected =
        Probing { upload_id: imported(7).upload_id, multipart: false, lease_until: Some(at(2 * lease)) };
    assert_eq!((&again.state, again.generation), (&FileState::Probing(expected), 2));
    assert_eq!(press.record(file.id).await, Some(again.clone()));
    assert_eq!(press.usage().await, usage(1, 7, 0));

    // The bytes are missing after all.
    let restarted = again.clone().restarted(at(lease + 1)).expect("an import");
    press.records().save_file(&again, &restarted.clone().into()).await.expect("saved");
    let restarted = File { version: again.version + 1, ..restarted };
    assert_eq!(press.record(file.id).await, Some(restarted.clone().into()));
    assert_eq!(press.usage().await, usage(1, 0, 1));
    press.records().save_progress(&restarted, at(lease + 2)).await.expect("the worker has the lease");
}

#[tokio::test]
async fn an_upload_cannot_be_claimed() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let waiting = press.upload(7, at(0)).await;
    let probing = new_file(Some(7), None).being_stored(press.id(), FileId::new(at(1)), at(1));
    press.create(&probing).await.expect("created");
    for file in [waiting, probing] {
        assert_eq!(press.claim(file.id, at(2)).await, ImportClaim::Over);
        assert_eq!(press.record(file.id).await, Some(file));
    }
}
