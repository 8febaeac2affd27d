//! `finish_probe`.

use files_domain::{
    Detail, File, FileId, FullProbe, MediaType, Metadata, ObjectMeta, ProbeDone, Probed, Scope, Status,
    limits,
};
use files_records::{Created, SavedProbe};

use crate::dynamodb::{DynamoDb, Scheduled};
use crate::owner::{Owner, usage};
use crate::samples::fail_file;
use crate::samples::{at, imported, media, millis, object, video};

/// Finishes a probe, and compares the record with the state machine's result.
async fn assert_probed(owner: &Owner<'_>, id: FileId, done: &ProbeDone) -> File {
    let before = owner.record(id).await.expect("a record");
    let mut expected = before.clone().probed(done).expect("an open file");
    expected.version += 1;
    assert_eq!(owner.probe(id, done).await, SavedProbe::Saved);
    assert_eq!(owner.record(id).await, Some(expected.clone()));
    expected
}

#[tokio::test]
async fn a_probe_ends_a_stored_file_with_success() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    for media_type in MediaType::ALL {
        let file = press.upload(7, at(0)).await;
        let done = ProbeDone { probed: media(media_type), ..video(7, at(1)) };
        let probed = assert_probed(&press, file.id, &done).await;
        assert_eq!((probed.media_type(), probed.checksum), (Some(media_type), object(7).checksum));
        assert_eq!(probed.content_type, object(7).content_type);
    }
    assert_eq!(press.usage().await, usage(4, 28, 0));
    press.assert_nothing_due().await;
}

#[tokio::test]
async fn unreadable_bytes_end_with_success() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    for (held, size) in [(7, 7), (7, 8)] {
        let file = press.upload(held, at(0)).await;
        let probed = Probed::Unreadable("not media ü".to_owned());
        let probed = assert_probed(&press, file.id, &ProbeDone { probed, ..video(size, at(1)) }).await;
        assert_eq!((probed.media_type(), probed.probe()), (Some(MediaType::Other), None));
    }
}

#[tokio::test]
async fn the_stored_size_replaces_the_announced_one() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    for (size, sum) in [(9, 9), (5, 14), (0, 14), (u64::from(u32::MAX), 4_294_967_309)] {
        let file = press.upload(7, at(0)).await;
        assert_probed(&press, file.id, &video(size, at(1))).await;
        assert_eq!(press.usage().await.bytes, sum);
    }
    press.assert_nothing_due().await;
}

#[tokio::test]
async fn a_probe_ends_an_import() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let file = press.import(at(0)).await;
    press.claimed(file.id, at(1)).await;
    press
        .records()
        .change_file(press.id(), file.id, |file| file.imported(imported(7), at(2)))
        .await
        .expect("saved");
    let probed = assert_probed(&press, file.id, &video(7, at(3))).await;
    let item = store.item(press.id(), &format!("file#{}", file.id)).await;
    for left in ["lease_until", "upload_id", "due_at", "due_shard", "owner_status"] {
        assert!(!item.contains_key(left), "{left}: {item:?}");
    }
    assert_eq!(probed.checksum, imported(7).checksum, "the import's checksum, not the object's");
    assert_eq!(probed.content_type.as_deref(), Some("video/webm"));
    assert_eq!(press.usage().await, usage(1, 7, 0));
    press.assert_nothing_due().await;
}

/// Checks an object that was stored before the end of its import was recorded.
#[tokio::test]
async fn an_import_that_is_probed_early_is_no_longer_in_flight() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    for size in [0, 7] {
        let file = press.import(at(0)).await;
        assert_eq!(press.usage().await.imports, 1);
        press.claimed(file.id, at(1)).await;
        assert_probed(&press, file.id, &video(size, at(2))).await;
        assert_eq!(press.usage().await.imports, 0);
    }
    assert_eq!(press.usage().await, usage(2, 7, 0));
    press.assert_nothing_due().await;
}

#[tokio::test]
async fn an_expiring_file_keeps_its_deadline() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let expires_at = at(2 * millis(limits::UPLOAD_WINDOW));
    let file = press.expiring(7, at(0), expires_at).await;
    assert_probed(&press, file.id, &video(7, at(1))).await;
    press.assert_due(Scheduled::File(file.id), expires_at).await;
    assert_eq!(press.usage().await, usage(1, 7, 0));
}

#[tokio::test]
async fn the_same_probe_twice_changes_nothing() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let expiring = press.expiring(7, at(0), at(millis(limits::UPLOAD_WINDOW))).await;
    for file in [press.upload(7, at(0)).await, expiring] {
        let first = assert_probed(&press, file.id, &video(7, at(1))).await;
        for size in [7, 9] {
            assert_eq!(
                press.probe(file.id, &video(size, at(2))).await,
                SavedProbe::AlreadyTerminal(Status::Success)
            );
        }
        assert_eq!(press.record(file.id).await, Some(first));
    }
    assert_eq!(press.usage().await, usage(2, 14, 0));
}

#[tokio::test]
async fn a_failed_file_stays_failed() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let file = press.upload(7, at(0)).await;
    let failed = fail_file(press.records(), press.id(), file.id, "no", at(1)).await.expect("saved");
    assert!(failed.is_some());
    let failed = press.record(file.id).await;
    let full = Some(FullProbe::InObject);
    let probed = press.probe(file.id, &ProbeDone { full, ..video(7, at(2)) }).await;
    assert_eq!(probed, SavedProbe::AlreadyTerminal(Status::Failed));
    assert_eq!(press.record(file.id).await, failed);
    let (_, detail) = press.records().get_file(press.id(), file.id).await.expect("a record");
    assert_eq!(detail, Detail::default());
    assert_eq!(press.usage().await, usage(1, 0, 0));
}

#[tokio::test]
async fn without_a_record_nothing_is_written() {
    let store = &DynamoDb::start().await;
    let (press, radio) = (Owner::new(store, "press").await, Owner::new(store, "radio").await);
    let (gone, theirs) = (press.upload(7, at(0)).await, radio.upload(7, at(0)).await);
    press.remove(&gone, at(1)).await.expect("removed");
    let due = press.due(crate::samples::far_future()).await;
    for id in [gone.id, theirs.id, FileId::new(at(0))] {
        for full in [None, Some(FullProbe::InObject)] {
            assert_eq!(press.probe(id, &ProbeDone { full, ..video(7, at(2)) }).await, SavedProbe::NoRecord);
        }
        assert_eq!(press.record(id).await, None);
    }
    assert_eq!(press.usage().await, usage(0, 0, 0));
    assert_eq!(press.due(crate::samples::far_future()).await, due);
    assert_eq!(radio.record(theirs.id).await, Some(theirs));
}

#[tokio::test]
async fn the_full_output_is_stored_with_the_metadata() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let packed = (0..=255).collect();
    for full in [None, Some(FullProbe::InObject), Some(FullProbe::Inline(packed))] {
        for (size, key) in [(7, "announced"), (8, "not announced")] {
            let file = press.new_upload(7, at(0));
            let metadata = Metadata::new([(key.to_owned(), "v".to_owned())].into()).expect("metadata");
            let detail = Detail { metadata, ..Detail::default() };
            let caller = press.caller(Scope::Write, at(0));
            let created = press.client().create_file(&caller, &file, &detail, None).await.expect("created");
            assert_eq!(created, Created::New);
            let done = ProbeDone { full: full.clone(), ..video(size, at(1)) };
            assert_probed(&press, file.id, &done).await;
            let (_, found) = press.records().get_file(press.id(), file.id).await.expect("a record");
            assert_eq!(found, Detail { full_probe: full.clone(), ..detail });
        }
    }
}

#[tokio::test]
async fn one_of_two_concurrent_probes_is_saved() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    for size in [7, 9] {
        let file = press.upload(7, at(0)).await;
        let done = video(size, at(1));
        let (one, other) = tokio::join!(press.probe(file.id, &done), press.probe(file.id, &done));
        let mut both = [one, other].map(|saved| format!("{saved:?}"));
        both.sort();
        assert_eq!(both, ["AlreadyTerminal(Success)", "Saved"]);
        assert_eq!(press.record(file.id).await.expect("a record").version, 2);
    }
    assert_eq!(press.usage().await, usage(2, 16, 0));
}

#[tokio::test]
async fn an_object_without_metadata_removes_nothing() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    for size in [7, 9] {
        let object = ObjectMeta { checksum: None, content_type: None, ..object(size) };
        let before = File { content_type: Some("audio/flac".to_owned()), ..press.new_upload(7, at(0)) };
        press.create(&before).await.expect("created");
        let probed = assert_probed(&press, before.id, &ProbeDone { object, ..video(size, at(1)) }).await;
        assert_eq!((probed.checksum, probed.content_type), (None, before.content_type));
    }
}

#[tokio::test]
async fn a_repeated_probe_is_saved_once() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let file = press.upload(7, at(0)).await;
    let by = |by: &str, full: FullProbe, millis| ProbeDone {
        by: Some(by.to_owned()),
        full: Some(full),
        ..video(7, at(millis))
    };
    let first = by("7 (a)", FullProbe::InObject, 1);
    assert_eq!(press.probe(file.id, &first).await, SavedProbe::Saved);
    let second = ProbeDone { probed: media(MediaType::Audio), ..by("8 (a)", FullProbe::Inline(vec![1]), 2) };
    for late in [&first, &second] {
        assert_eq!(press.probe(file.id, late).await, SavedProbe::AlreadyTerminal(Status::Success));
    }
    let before = press.request_reprobe(file.id).await;
    assert_eq!(before.stored().and_then(|stored| stored.probed_by.as_deref()), Some("7 (a)"));

    assert_eq!(press.probe(file.id, &second).await, SavedProbe::SavedAgain);
    let mut expected = before.clone().reprobed(&second).expect("another probe was requested");
    expected.version += 1;
    assert_eq!(press.record(file.id).await, Some(expected.clone()));
    let (_, detail) = press.records().get_file(press.id(), file.id).await.expect("a file");
    assert_eq!(detail.full_probe, second.full, "the location of the first output is replaced");

    let blind = ProbeDone {
        probed: Probed::Unreadable("what?".into()),
        full: None,
        ..by("9 (a)", FullProbe::InObject, 3)
    };
    assert_eq!(press.probe(file.id, &blind).await, SavedProbe::AlreadyTerminal(Status::Success));
    press.request_reprobe(file.id).await;
    assert_eq!(press.probe(file.id, &blind).await, SavedProbe::SavedAgain);
    let after = press.record(file.id).await.expect("a record");
    let by = after.stored().and_then(|stored| stored.probed_by.as_deref());
    assert_eq!((after.probe(), by), (expected.probe(), Some("9 (a)")));
    let (_, detail) = press.records().get_file(press.id(), file.id).await.expect("a file");
    assert_eq!(detail.full_probe, second.full);
    press.assert_nothing_due().await;
    assert_eq!(press.usage().await, usage(1, 7, 0));
}
