//! `FileRecords`.

use std::time::Duration;

use files_domain::{
    Checksum, Due, DueKind, DurationSource, File, FileId, FileName, MediaType, Origin, PageClaims,
    ProbeSummary, Progress, Source, Status, limits,
};
use files_records::RecordsError;

use crate::dynamodb::{DynamoDb, Scheduled};
use crate::owner::{Owner, usage};
use crate::samples::fail_file;
use crate::samples::{at, millis};

#[tokio::test]
async fn what_is_written_is_read_again_whole() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let before = press.upload(7, at(0)).await;
    let full = File {
        name: FileName::clean("ü 🎬 \"quoted\".mov").expect("a name"),
        source: Source::Url,
        status: Status::Running,
        updated_at: at(9),
        size: Some(u64::MAX),
        reserved_bytes: u64::MAX,
        content_type: Some("video/quicktime".to_owned()),
        checksum: Some(Checksum::Sha256("ab".repeat(32))),
        announced_sha256: Some("cd".repeat(32)),
        progress: Some(Progress { received: 3, total: Some(9) }),
        expires_at: Some(at(10_000)),
        error: Some("none".to_owned()),
        media_type: Some(MediaType::Image),
        probe: Some(ProbeSummary {
            width: Some(1),
            height: Some(2),
            duration: Some(0.1),
            duration_source: Some(DurationSource::Derived),
            format_name: "mov".to_owned(),
            video_codec: Some("h264".to_owned()),
            audio_codec: Some("aac".to_owned()),
            frame_rate: Some(29.97),
            bit_rate: Some(5_000_000),
            rotation: Some(-90),
        }),
        ffprobe_error: Some("none".to_owned()),
        importing: true,
        name_from_source: true,
        generation: 3,
        lease_until: Some(at(4)),
        upload_id: Some("u".to_owned()),
        part_size: Some(u64::MAX),
        due: Some(Due { kind: DueKind::Expire, at: at(5), tries: 6 }),
        ..before.clone()
    };
    press.records().save_file(&before, &full).await.expect("saved");
    let full = File { version: 2, ..full };
    assert_eq!(press.record(before.id).await, Some(full.clone()));
    press.records().save_file(&full, &before).await.expect("saved");
    assert_eq!(
        press.record(before.id).await,
        Some(File { version: 3, ..before }),
        "and all of it goes again"
    );
}

#[tokio::test]
async fn what_is_not_there_and_what_is_anothers_is_not_found() {
    let store = &DynamoDb::start().await;
    let (press, radio) = (Owner::new(store, "press").await, Owner::new(store, "radio").await);
    let theirs = radio.upload(7, at(0)).await;
    for id in [theirs.id, FileId::new(at(0))] {
        assert_refused!(press.records().get_file(press.id(), id).await, RecordsError::NotFound);
        let changed = press.records().change_file(press.id(), id, |_| true).await.expect("read");
        assert_eq!(changed, None);
    }
    let absent = press.new_upload(7, at(0));
    assert_refused!(press.records().save_file(&absent, &absent).await, RecordsError::Changed);
    assert_eq!(press.record(absent.id).await, None);
}

#[tokio::test]
async fn only_the_record_that_was_read_is_replaced() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let before = press.upload(7, at(0)).await;
    let (one, other) =
        (File { reserved_bytes: 8, ..before.clone() }, File { reserved_bytes: 100, ..before.clone() });
    press.records().save_file(&before, &one).await.expect("saved");
    for _ in 0..2 {
        assert_refused!(press.records().save_file(&before, &other).await, RecordsError::Changed);
    }
    assert_eq!(press.record(before.id).await, Some(File { version: 2, ..one.clone() }));
    assert_eq!(press.usage().await, usage(1, 8, 0));
    // The version of a record that was never read is no better.
    let guessed = File { version: 3, ..one };
    assert_refused!(press.records().save_file(&guessed, &other).await, RecordsError::Changed);
}

#[tokio::test]
async fn a_deleted_record_does_not_come_back() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let file = press.upload(7, at(0)).await;
    press.remove(&file, at(1)).await.expect("removed");
    assert_refused!(press.records().save_file(&file, &file).await, RecordsError::Changed);
    assert_eq!(press.record(file.id).await, None);
    assert_eq!(press.usage().await, usage(0, 0, 0));
}

#[tokio::test]
async fn the_usage_follows_every_change() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let (upload, import) = (press.upload(7, at(0)).await, press.import(at(1)).await);
    assert_eq!(press.usage().await, usage(2, 7, 1));
    let larger = File { reserved_bytes: 10, importing: false, ..import.clone() };
    press.records().save_file(&import, &larger).await.expect("saved");
    assert_eq!(press.usage().await, usage(2, 17, 0));
    fail_file(press.records(), press.id(), upload.id, "no", at(2)).await.expect("failed");
    assert_eq!(press.usage().await, usage(2, 10, 0));
    fail_file(press.records(), press.id(), import.id, "no", at(2)).await.expect("failed");
    assert_eq!(press.usage().await, usage(2, 0, 0));
}

#[tokio::test]
async fn what_is_due_follows_every_change() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let file = press.expiring(7, at(0), at(millis(limits::MAX_EXPIRES_IN))).await;
    press.assert_due(Scheduled::File(file.id), at(millis(limits::UPLOAD_WINDOW))).await;
    let later = press.records().change_file(press.id(), file.id, |file| file.postpone_due(at(1000))).await;
    let later = later.expect("saved").expect("changed").due.expect("still due");
    assert_eq!((later.at, later.tries), (at(1000 + millis(Duration::from_secs(300))), 1));
    press.assert_due(Scheduled::File(file.id), later.at).await;
    fail_file(press.records(), press.id(), file.id, "no", at(2000)).await.expect("failed");
    press.assert_due(Scheduled::File(file.id), at(millis(limits::MAX_EXPIRES_IN))).await;

    let radio = Owner::new(store, "radio").await;
    let file = radio.upload(7, at(0)).await;
    fail_file(radio.records(), radio.id(), file.id, "no", at(1)).await.expect("failed");
    radio.assert_nothing_due().await;
}

#[tokio::test]
async fn changes_at_once_all_count() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let file = press.upload(7, at(0)).await;
    let more = async || {
        let changed = press.records().change_file(press.id(), file.id, |file| {
            file.reserved_bytes += 1;
            true
        });
        changed.await.expect("saved").expect("changed");
    };
    tokio::join!(more(), more(), more());
    let now = press.record(file.id).await.expect("a record");
    assert_eq!((now.reserved_bytes, now.version), (10, 4));
    assert_eq!(press.usage().await, usage(1, 10, 0));
}

#[tokio::test]
async fn a_file_that_has_ended_does_not_fail() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let file = press.success(7, MediaType::Audio, at(0)).await;
    let failed = fail_file(press.records(), press.id(), file.id, "no", at(1)).await.expect("read");
    assert_eq!(failed, None);
    assert_eq!(press.record(file.id).await, Some(file));
}

fn origin(title: &str) -> Origin {
    let (title, duration) = (Some(title.to_owned()), Some(12.5));
    let page_url = Some("https://video.example/1".to_owned());
    Origin::clean(&PageClaims { title, duration, page_url, ..PageClaims::default() }).expect("an origin")
}

#[tokio::test]
async fn what_a_page_says_is_written_with_the_file_or_not_at_all() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let before = press.import(at(0)).await;
    let found = async || press.records().get_file(press.id(), before.id).await.expect("a record");
    let after = File { updated_at: at(1), ..before.clone() };
    press.records().save_file_with_origin(&before, &after, Some(&origin("one"))).await.expect("saved");
    assert_eq!(found().await.1.origin, Some(origin("one")));

    let late = press.records().save_file_with_origin(&before, &after, Some(&origin("two"))).await;
    assert!(matches!(late, Err(RecordsError::Changed)), "{late:?}");
    assert_eq!(found().await.1.origin, Some(origin("one")));

    let next = found().await.0;
    press.records().save_file(&next, &next).await.expect("saved");
    assert_eq!(found().await.1.origin, Some(origin("one")), "it stays");
    let three = origin("three");
    press
        .records()
        .change_file_with_origin(press.id(), before.id, Some(&three), |_| true)
        .await
        .expect("changed");
    assert_eq!((found().await.1.origin, found().await.0.version), (Some(three), 4));
}
