//! `save_file` and `change_file`.

use std::time::Duration;

use files_domain::{
    Announced, ChapterClaim, Checksum, Deadline, DurationSource, File, FileId, FileName, FileState, Hashed,
    Import, MediaType, MultipartUpload, Origin, PageClaims, ProbeSummary, Probing, Progress, Resume,
    Retrying, Source, Stored, Streams, SubtitleClaim, limits,
};
use files_records::{Imported, RecordsError};

use crate::dynamodb::{DynamoDb, Scheduled};
use crate::owner::{Owner, usage};
use crate::samples::fail_file;
use crate::samples::{at, millis};

#[tokio::test]
async fn a_record_round_trips() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let mut before = press.upload(7, at(0)).await;
    let (bare, first) = before.clone().split();
    let full = File {
        name: FileName::clean("ü 🎬 \"quoted\".mov").expect("a name"),
        source: Source::Url,
        updated_at: at(9),
        size: Some(u64::MAX),
        content_type: Some("video/quicktime".to_owned()),
        checksum: Some(Checksum::Sha256("ab".repeat(32))),
        announced_sha256: Some("cd".repeat(32)),
        expires_at: Some(at(10_000)),
        deadline: Some(Deadline { at: at(5), tries: 6 }),
        ..bare
    };
    let emptied = File { version: 1, ..full.clone() };
    let empty = File {
        size: None,
        content_type: None,
        checksum: None,
        announced_sha256: None,
        expires_at: None,
        deadline: None,
        ..emptied
    };
    for state in every_state().into_iter().chain([first]) {
        for file in [full.clone(), empty.clone()] {
            let after = file.with_state(state.clone());
            press.records().save_file(&before, &after).await.expect("saved");
            before = File { version: before.version + 1, ..after };
            assert_eq!(press.record(before.id).await, Some(before.clone()));
        }
    }
}

/// Returns every state, with all optional fields and without any.
fn every_state() -> Vec<FileState> {
    let upload_id = Some("u".to_owned());
    let lease_until = Some(at(4));
    let import = Import {
        name_from_source: true,
        lease_until,
        upload_id: upload_id.clone(),
        progress: Some(Progress { received: 3, total: Some(9) }),
        resume: Some(Resume {
            size: 10,
            part_size: 5,
            validator: "\"v1\"".to_owned(),
            restarts: 1,
            of_page: true,
            name: Some("clip ü.mp4".to_owned()),
            content_type: Some("video/mp4".to_owned()),
            hashed: Some(Hashed { parts: 1, state: "state".to_owned() }),
        }),
        streams: Some(Box::new(Streams {
            stored: Vec::new(),
            content_type: "video/mp4".to_owned(),
            name: Some("clip.mp4".to_owned()),
            origin: Some(long_origin()),
            choice: Some("0123456789abcdef".to_owned()),
        })),
        announced: Some(Announced { size: Some(9), content_type: Some("video/mp4".to_owned()) }),
        transient_failures: 2,
        retrying: Some(Retrying { reason: "the source responded 503".to_owned(), next_try_at: at(9) }),
    };
    let stored = Stored {
        media_type: MediaType::Image,
        probe: Some(ProbeSummary {
            width: Some(1),
            height: Some(2),
            duration: Some(12.0),
            duration_source: Some(DurationSource::Derived),
            format_name: "mov".to_owned(),
            video_codec: Some("h264".to_owned()),
            audio_codec: Some("aac".to_owned()),
            frame_rate: Some(29.97),
            bit_rate: Some(5_000_000),
            rotation: Some(-90),
        }),
        ffprobe_error: Some("none".to_owned()),
        poster: true,
        probed_by: Some("7 (a)".to_owned()),
        probe_again: true,
        multipart: true,
    };
    let bare = Stored {
        probe: None,
        ffprobe_error: None,
        poster: false,
        probed_by: None,
        probe_again: false,
        multipart: false,
        ..stored.clone()
    };
    vec![
        FileState::AwaitingUpload,
        FileState::AwaitingParts(MultipartUpload { part_size: u64::MAX, upload_id: upload_id.clone() }),
        FileState::AwaitingParts(MultipartUpload { part_size: 1, upload_id: None }),
        FileState::Importing(Import { streams: Some(Box::default()), ..import.clone() }),
        FileState::Importing(import),
        FileState::Importing(Import::default()),
        FileState::Probing(Probing { upload_id, multipart: true, lease_until }),
        FileState::Probing(Probing::default()),
        FileState::Stored(stored),
        FileState::Stored(bare),
        FileState::Failed { error: "none".to_owned() },
    ]
}

#[tokio::test]
async fn missing_files_and_those_of_others_are_not_found() {
    let store = &DynamoDb::start().await;
    let (press, radio) = (Owner::new(store, "press").await, Owner::new(store, "radio").await);
    let theirs = radio.upload(7, at(0)).await;
    for id in [theirs.id, FileId::new(at(0))] {
        assert_refused!(press.records().get_file(press.id(), id).await, RecordsError::NotFound);
        let changed = press.records().change_file(press.id(), id, Some).await.expect("read");
        assert_eq!(changed, None);
    }
    let absent = press.new_upload(7, at(0));
    assert_refused!(press.records().save_file(&absent, &absent).await, RecordsError::Changed);
    assert_eq!(press.record(absent.id).await, None);
}

#[tokio::test]
async fn only_an_unchanged_record_is_replaced() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let before = press.upload(7, at(0)).await;
    let (one, other) = (File { size: Some(8), ..before.clone() }, File { size: Some(100), ..before.clone() });
    press.records().save_file(&before, &one).await.expect("saved");
    for _ in 0..2 {
        assert_refused!(press.records().save_file(&before, &other).await, RecordsError::Changed);
    }
    assert_eq!(press.record(before.id).await, Some(File { version: 2, ..one.clone() }));
    assert_eq!(press.usage().await, usage(1, 8, 0));
    // A guessed version of an unread record is refused as well.
    let guessed = File { version: 3, ..one };
    assert_refused!(press.records().save_file(&guessed, &other).await, RecordsError::Changed);
}

#[tokio::test]
async fn a_save_does_not_restore_a_deleted_record() {
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
    let (bare, _) = import.clone().split();
    let larger = File { size: Some(10), ..bare }.with_state(FileState::Probing(Probing::default()));
    press.records().save_file(&import, &larger).await.expect("saved");
    assert_eq!(press.usage().await, usage(2, 17, 0));
    fail_file(press.records(), press.id(), upload.id, "no", at(2)).await.expect("failed");
    assert_eq!(press.usage().await, usage(2, 10, 0));
    fail_file(press.records(), press.id(), import.id, "no", at(2)).await.expect("failed");
    assert_eq!(press.usage().await, usage(2, 0, 0));
}

#[tokio::test]
async fn the_deadline_follows_every_change() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let file = press.expiring(7, at(0), at(millis(limits::MAX_EXPIRES_IN))).await;
    press.assert_due(Scheduled::File(file.id), at(millis(limits::UPLOAD_WINDOW))).await;
    let later = press.records().change_file(press.id(), file.id, |file| file.postponed(at(1000))).await;
    let later = later.expect("saved").expect("changed").deadline.expect("still due");
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
async fn concurrent_changes_are_all_applied() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let file = press.upload(7, at(0)).await;
    let more = async || {
        let changed = press.records().change_file(press.id(), file.id, |file| {
            let size = file.size.map(|size| size + 1);
            Some(File { size, ..file })
        });
        changed.await.expect("saved").expect("changed");
    };
    tokio::join!(more(), more(), more());
    let now = press.record(file.id).await.expect("a record");
    assert_eq!((now.size, now.version), (Some(10), 4));
    assert_eq!(press.usage().await, usage(1, 10, 0));
}

#[tokio::test]
async fn a_terminal_file_does_not_fail() {
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

/// Returns an origin of the greatest length.
fn long_origin() -> Origin {
    let chapter = |n: u32| ChapterClaim { start: Some(f64::from(n) * 1.5), ..ChapterClaim::default() };
    let subtitle = |n: u32| SubtitleClaim {
        format: Some("vtt".to_owned()),
        url: Some(format!("https://video.example/{n}?signature={}", "x".repeat(1000))),
        ..SubtitleClaim::default()
    };
    let chapters = (0..200).map(chapter).collect();
    let subtitles = (0..100).map(subtitle).collect();
    let title = Some("long".to_owned());
    Origin::clean(&PageClaims { title, chapters, subtitles, ..PageClaims::default() }).expect("an origin")
}

#[tokio::test]
async fn an_origin_is_stored_together_with_the_file() {
    let store = &DynamoDb::start().await;
    let press = Owner::new(store, "press").await;
    let before = press.import(at(0)).await;
    let found = async || press.records().get_file(press.id(), before.id).await.expect("a record");
    let after = File { updated_at: at(1), ..before.clone() };
    let (one, two, three) = (origin("one"), origin("two"), long_origin());
    let with = |origin| Imported { origin: Some(origin), ..Imported::default() };
    press.records().save_with(&before, &after, &with(&one)).await.expect("saved");
    assert_eq!(found().await.1.origin, Some(origin("one")));

    let late = press.records().save_with(&before, &after, &with(&two)).await;
    assert!(matches!(late, Err(RecordsError::Changed)), "{late:?}");
    assert_eq!(found().await.1.origin, Some(origin("one")));

    let next = found().await.0;
    press.records().save_file(&next, &next).await.expect("saved");
    assert_eq!(found().await.1.origin, Some(origin("one")), "it stays");
    let changed = press.records().change_with(press.id(), before.id, &with(&three), Some).await;
    changed.expect("changed");
    assert_eq!((found().await.1.origin, found().await.0.version), (Some(three), 4));
}
