use super::*;
use crate::{FileId, NewFile, ObjectMeta, OwnerId, PartPlan, ProbeSummary, Status};

const NOW: u64 = 1_767_323_045_678;

fn new_file(size: Option<u64>, expires_at: Option<Timestamp>) -> NewFile {
    NewFile { name: FileName::fallback(), size, content_type: None, announced_sha256: None, expires_at }
}

fn import(expires_at: Option<Timestamp>) -> File<Import> {
    let now = Timestamp::from_millis(NOW);
    new_file(None, expires_at).awaiting_import(true, OwnerId::named("press"), FileId::new(now), now)
}

fn claimed(mut file: File<Import>) -> File<Import> {
    file.generation += 1;
    file
}

fn multipart_upload(expires_at: Option<Timestamp>) -> File {
    let now = Timestamp::from_millis(NOW);
    let plan = PartPlan::recorded(20, 10);
    new_file(Some(20), expires_at).awaiting_parts(plan, OwnerId::named("press"), FileId::new(now), now)
}

fn object(size: u64) -> ImportedObject {
    ImportedObject {
        size,
        checksum: Some(Checksum::Sha256("00".repeat(32))),
        content_type: Some("video/mp4".into()),
        name: FileName::clean("clip.mp4"),
        upload_id: Some("u1".into()),
    }
}

#[test]
fn an_import_reserves_its_stored_bytes_until_it_fails() {
    let now = Timestamp::from_millis(NOW + 1);
    let file = File::from(import(None));
    assert_eq!((file.status(), file.reserved_bytes()), (Status::Pending, 0));
    let file = File::from(claimed(import(None)));
    assert_eq!((file.status(), file.reserved_bytes()), (Status::Running, 0));
    let file = file.imported(object(7), now).unwrap();
    assert_eq!((file.status(), file.reserved_bytes(), file.import()), (Status::Running, 7, None));
    assert_eq!((file.name.as_str(), file.content_type.as_deref()), ("clip.mp4", Some("video/mp4")));
    assert_eq!(file.deadline, Some(Deadline::new(now.plus(limits::PROBE_GRACE))));
    assert_eq!(file.clone().imported(object(7), now), None, "once");
    let file = file.failed("source responded 404", now).unwrap();
    assert_eq!((file.status(), file.reserved_bytes(), file.deadline), (Status::Failed, 0, None));
    assert_eq!((file.error(), file.upload_ref()), (Some("source responded 404"), None));
}

#[test]
fn a_name_of_the_client_is_kept() {
    let mut file = import(None);
    file.state.name_from_source = false;
    assert_eq!(file.imported(object(7), Timestamp::from_millis(NOW)).name.as_str(), "file");
}

#[test]
fn an_import_whose_bytes_were_lost_restarts_under_its_lease() {
    let now = Timestamp::from_millis(NOW);
    let imported = claimed(import(None)).imported(object(7), now);
    let restarted = imported.restarted(now).unwrap();
    assert_eq!((restarted.generation, restarted.state.upload_id.as_deref()), (1, Some("u1")));
    let restarted = File::from(restarted);
    assert_eq!((restarted.status(), restarted.reserved_bytes()), (Status::Running, 0));
    let new = new_file(Some(1), None);
    let upload = new.being_stored(OwnerId::named("press"), FileId::new(now), now);
    assert_eq!(upload.restarted(now), None, "an upload has no source");
}

#[test]
fn signing_parts_extends_a_multipart_upload_for_at_most_a_week() {
    let at = |hours: u64| Timestamp::from_millis(NOW + hours * 3_600_000);
    let until = |file: &File| file.deadline.map(|deadline| deadline.at);
    let upload_id = |file: &File| file.state.upload_id().map(str::to_owned);
    let mut file = multipart_upload(None).parts_signed(Some("u1"), at(0)).unwrap();
    assert_eq!((upload_id(&file).as_deref(), until(&file)), (Some("u1"), Some(at(24))));
    assert_eq!(file.clone().parts_signed(Some("u2"), at(0)), None, "the upload id is set already");
    file = file.parts_signed(Some("u2"), at(1)).unwrap();
    assert_eq!((upload_id(&file).as_deref(), until(&file)), (Some("u1"), Some(at(25))));
    for hour in 2..167 {
        let asked = file.clone().parts_signed(None, at(hour));
        assert_eq!(asked.is_some(), hour <= 144, "hour {hour}");
        file = asked.unwrap_or(file);
    }
    assert_eq!(until(&file), Some(at(168)));
    assert_eq!(file.parts_signed(None, at(168)), None, "the window is over");

    let short = multipart_upload(Some(at(2))).parts_signed(Some("u1"), at(1)).unwrap();
    assert_eq!(until(&short), Some(at(2)), "not after the file expires");
}

#[test]
fn an_upload_is_completed_once_and_only_with_the_checked_upload_id() {
    let now = Timestamp::from_millis(NOW);
    let file = multipart_upload(None);
    assert_eq!(file.clone().completing("u1", now), None, "no part was signed");
    let file = file.parts_signed(Some("u1"), now).unwrap();
    assert_eq!(file.clone().completing("u2", now), None, "another upload");
    let file = file.completing("u1", now).unwrap();
    assert_eq!(
        (file.status(), file.reserved_bytes(), file.state.upload_id()),
        (Status::Running, 20, Some("u1"))
    );
    assert_eq!(file.deadline, Some(Deadline::new(now.plus(limits::COMPLETION_GRACE))));
    assert_eq!(file.clone().completing("u1", now), None, "once");
    assert_eq!(file.parts_signed(Some("u2"), now), None);
}

fn meta(content_type: Option<&str>) -> ObjectMeta {
    let content_type = content_type.map(str::to_owned);
    ObjectMeta { size: 9, checksum: None, content_type, etag: String::new() }
}

fn media() -> Probed {
    Probed::Media { media_type: MediaType::Audio, summary: ProbeSummary::default(), partial: None }
}

#[test]
fn a_probe_ends_in_success_whether_readable_or_not_and_keeps_the_expiry() {
    let at = Timestamp::from_millis(NOW + 60_000);
    for probed in [media(), Probed::Unreadable("not media".into())] {
        let done = ProbeDone::new(meta(Some("text/plain")), probed, Timestamp::from_millis(NOW));
        let file = File::from(import(Some(at))).probed(&done).unwrap();
        assert_eq!((file.status(), file.size, file.reserved_bytes()), (Status::Success, Some(9), 9));
        assert_eq!(file.probe().is_none(), file.ffprobe_error().is_some());
        assert_eq!(file.deadline, Some(Deadline::new(at)));
        assert_eq!((file.clone().probed(&done), file.failed("no", done.now)), (None, None), "it is terminal");
    }
}

#[test]
fn a_second_probe_may_improve_a_result_but_not_remove_it() {
    let probe = |probed: &Probed, by: Option<&str>, millis| ProbeDone {
        by: by.map(str::to_owned),
        ..ProbeDone::new(meta(None), probed.clone(), Timestamp::from_millis(NOW + millis))
    };
    let probe_again = |mut file: File| {
        let FileState::Stored(stored) = &mut file.state else { panic!("{file:?}") };
        stored.probe_again = true;
        file
    };
    let (media, unreadable) = (media(), Probed::Unreadable("not media".into()));
    assert_eq!(File::from(import(None)).reprobed(&probe(&media, Some("8"), 1)), None, "not stored yet");
    for first in [&media, &unreadable] {
        for second in [&media, &unreadable] {
            let file = File::from(import(None)).probed(&probe(first, Some("7"), 0)).unwrap();
            assert_eq!(file.clone().reprobed(&probe(second, Some("8"), 1)), None, "it was not requested");
            let asked = probe_again(file.clone());
            assert!(asked.awaits_probe());
            assert_eq!(asked.clone().reprobed(&probe(second, None, 1)), Some(file), "no ffprobe read it");
            let again = asked.reprobed(&probe(second, Some("8"), 1)).unwrap();
            assert!(!again.awaits_probe());
            let stored = again.stored().unwrap();
            assert_eq!((again.status(), stored.probed_by.as_deref()), (Status::Success, Some("8")));
            assert_eq!(stored.probe.is_some(), first == &media || second == &media);
            assert_eq!(stored.probe.is_none(), stored.ffprobe_error.is_some());
        }
    }
}

#[test]
fn a_message_counts_as_lost_a_day_after_the_last_change() {
    let (now, day) = (Timestamp::from_millis(NOW), limits::IMPORT_MESSAGE_WAIT);
    let file = File::from(import(None));
    assert_eq!(file.message_lost_at(), now.plus(day));
    let file = file.postponed(now).unwrap().awaiting_message();
    assert_eq!(file.deadline, Some(Deadline { at: now.plus(day), tries: 1 }));
    let later = File { updated_at: now.plus(day), ..file };
    assert_eq!(later.message_lost_at(), now.plus(day).plus(day));
}

#[test]
fn tries_back_off_and_end() {
    let now = Timestamp::from_millis(NOW);
    let mut waiting = File::from(import(None));
    for _ in 0..100 {
        waiting = waiting.postponed(now).expect("no worker has claimed it");
    }
    let mut file = File::from(claimed(import(None)));
    let mut last = now;
    for _ in 0..limits::MAX_DUE_TRIES {
        file = file.postponed(now).unwrap();
        let at = file.deadline.unwrap().at;
        assert!(at > last);
        last = at;
    }
    assert_eq!(file.postponed(now), None);
}
