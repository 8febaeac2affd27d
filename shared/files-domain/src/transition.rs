//! How a file changes. Each function here is one arrow of the state machine; the stores write what it makes of a
//! record only if the record is still the one it was made from.

use std::time::Duration;

use crate::{
    Checksum, Due, DueKind, File, FileName, MediaType, ProbeDone, ProbeSummary, Probed, Source, Status,
    Timestamp, limits,
};

/// What an import has put into an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedObject {
    /// Bytes.
    pub size: u64,
    /// Of the whole.
    pub checksum: Option<Checksum>,
    /// As the source named it.
    pub content_type: Option<String>,
    /// As the source named it.
    pub name: Option<FileName>,
    /// The multipart upload that is still to be completed.
    pub upload_id: Option<String>,
}

impl File {
    /// All bytes of the import are with S3: what remains is to complete the upload and to probe.
    pub fn imported(&mut self, object: ImportedObject, now: Timestamp) {
        debug_assert!(!self.status.is_terminal());
        self.status = Status::Running;
        self.size = Some(object.size);
        self.reserved_bytes = object.size;
        self.checksum = object.checksum;
        self.content_type = Some(self.imported_type(object.name.as_ref(), object.content_type.as_deref()));
        if self.name_from_source {
            self.name = object.name.unwrap_or_else(|| self.name.clone());
        }
        self.upload_id = object.upload_id;
        self.importing = false;
        self.progress = None;
        (self.resume, self.setbacks) = (None, 0);
        self.due = Some(Due { kind: DueKind::Probe, at: now.plus(limits::PROBE_GRACE), tries: 0 });
        self.updated_at = now;
    }

    /// Parts are asked for: the upload waits a whole window again, and is known by the id that S3 gave it, unless it has
    /// one already. Whether anything has changed.
    pub fn parts_asked_for(&mut self, upload_id: Option<&str>, now: Timestamp) -> bool {
        let before = (self.upload_id.is_some(), self.due);
        if !self.awaits_upload(now) || self.part_size.is_none() {
            return false;
        }
        if self.upload_id.is_none() {
            self.upload_id = upload_id.map(str::to_owned);
        }
        let last = self.created_at().plus(limits::MAX_UPLOAD_WINDOW);
        let last = self.expires_at.map_or(last, |at| at.min(last));
        let until = now.plus(limits::UPLOAD_WINDOW).min(last);
        if let Some(due) = &mut self.due
            && due.at.plus(limits::UPLOAD_WINDOW_STEP) <= until
        {
            due.at = until;
        }
        let changed = before != (self.upload_id.is_some(), self.due);
        if changed {
            self.updated_at = now;
        }
        changed
    }

    /// All parts are there, and are about to be put together: should whoever does it not get to the end, `sweep` does.
    /// `false`: it is no longer waiting for them, or not this upload.
    pub fn completing(&mut self, upload_id: &str, now: Timestamp) -> bool {
        let waiting = self.status == Status::Pending && self.part_size.is_some();
        if !waiting || self.upload_id.as_deref() != Some(upload_id) {
            return false;
        }
        self.status = Status::Running;
        let at = now.plus(limits::COMPLETION_GRACE);
        self.due = Some(Due { kind: DueKind::Probe, at, tries: 0 });
        self.updated_at = now;
        true
    }

    /// The media type that an import gets from what its source says of name and type.
    #[must_use]
    pub fn imported_type(&self, source_name: Option<&FileName>, source_type: Option<&str>) -> String {
        let name = source_name.filter(|_| self.name_from_source).unwrap_or(&self.name);
        name.content_type(source_type)
    }

    /// The bytes cannot be had, for the reason given in the user's words.
    pub fn fail(&mut self, error: impl Into<String>, now: Timestamp) {
        debug_assert!(!self.status.is_terminal());
        self.status = Status::Failed;
        self.error = Some(error.into());
        self.reserved_bytes = 0;
        self.settle(now);
    }

    /// The bytes are there and have been looked at.
    pub fn probed(&mut self, done: &ProbeDone) {
        let object = &done.object;
        debug_assert!(!self.status.is_terminal());
        self.status = Status::Success;
        self.size = Some(object.size);
        self.reserved_bytes = object.size;
        self.checksum = self.checksum.take().or_else(|| object.checksum.clone());
        let stated = self.content_type.take().or_else(|| object.content_type.clone());
        self.content_type = done.content_type.clone().or(stated);
        self.probed_by.clone_from(&done.by);
        match &done.probed {
            Probed::Media { media_type, summary, partial } => {
                self.seen(*media_type, summary, partial.as_ref())
            }
            Probed::Unreadable(reason) => {
                self.media_type = Some(MediaType::Other);
                self.ffprobe_error = Some(reason.clone());
            }
        }
        self.settle(done.now);
    }

    /// Another ffprobe has looked at it. What that one can read of it is what it is from now on; what it cannot read takes
    /// nothing away. Whether anything has changed: its status never does.
    pub fn probed_again(&mut self, done: &ProbeDone) -> bool {
        if self.status != Status::Success || !std::mem::take(&mut self.probe_again) {
            return false;
        }
        if done.by.is_none() {
            return true; // given up: what is known of it stays
        }
        self.probed_by.clone_from(&done.by);
        self.content_type = done.content_type.clone().or_else(|| self.content_type.take());
        match &done.probed {
            Probed::Media { media_type, summary, partial } => {
                self.seen(*media_type, summary, partial.as_ref())
            }
            Probed::Unreadable(reason) if self.probe.is_none() => self.ffprobe_error = Some(reason.clone()),
            Probed::Unreadable(_) => {}
        }
        self.updated_at = done.now;
        true
    }

    /// What ffprobe says of it; `partial`: why that is not all there is to say.
    fn seen(&mut self, media_type: MediaType, summary: &ProbeSummary, partial: Option<&String>) {
        self.media_type = Some(media_type);
        self.probe = Some(summary.clone());
        self.ffprobe_error = partial.cloned();
    }

    /// From when on `sweep` deletes what is left of this file after it is removed at `now`. What may still bring bytes
    /// (a presigned URL until it expires, a worker until its lease is over) is waited for.
    #[must_use]
    pub fn removal_due(&self, now: Timestamp) -> Timestamp {
        let grace = Duration::from_secs(300);
        match self.status {
            Status::Pending if self.source == Source::Upload => now.plus(limits::UPLOAD_URL_LIFETIME + grace),
            Status::Pending | Status::Running => now.plus(limits::IMPORT_LEASE + grace),
            Status::Success | Status::Failed => now.plus(grace),
        }
    }

    /// Whether bytes may still come after it is removed.
    #[must_use]
    pub fn may_still_receive_bytes(&self) -> bool {
        !self.status.is_terminal()
    }

    /// From when on the message of an unfinished import counts as lost, should nobody take it up before.
    #[must_use]
    pub fn message_lost_at(&self) -> Timestamp {
        self.updated_at.plus(limits::IMPORT_MESSAGE_WAIT)
    }

    /// Nothing can be done before the import's message comes, or is lost: `sweep` looks again then.
    pub fn await_message(&mut self) {
        let lost = self.message_lost_at();
        let at = self.expires_at.map_or(lost, |at| at.min(lost));
        self.due = self.due.map(|due| Due { at, ..due });
    }

    /// Leaves to time only what a terminal file still has to expect of it.
    fn settle(&mut self, now: Timestamp) {
        self.importing = false;
        self.progress = None;
        self.lease_until = None;
        self.upload_id = None;
        (self.resume, self.setbacks) = (None, 0);
        self.due = self.expires_at.map(|at| Due { kind: DueKind::Expire, at, tries: 0 });
        self.updated_at = now;
    }

    /// One more try of what is due was made: the next one comes later each time. `false`: there were enough.
    pub fn postpone_due(&mut self, now: Timestamp) -> bool {
        let Some(due) = &mut self.due else { return false };
        // An import that no worker has begun on is not failing: its queue is long.
        let unlimited = due.kind == DueKind::Expire || (due.kind == DueKind::Import && self.generation == 0);
        if due.tries >= limits::MAX_DUE_TRIES && !unlimited {
            return false;
        }
        let minutes = 2_u64.saturating_pow(due.tries.min(7)) * 5;
        due.tries = due.tries.saturating_add(1);
        due.at = now.plus(Duration::from_secs(minutes * 60));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FileId, NewFile, ObjectMeta, OwnerId, ProbeSummary};

    const NOW: u64 = 1_767_323_045_678;

    fn import(expires_at: Option<Timestamp>) -> File {
        let now = Timestamp::from_millis(NOW);
        let new = NewFile {
            name: FileName::fallback(),
            source: Source::Url,
            size: None,
            content_type: None,
            announced_sha256: None,
            expires_at,
            name_from_source: true,
        };
        new.awaiting_import(OwnerId::named("press"), FileId::new(now), now)
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
    fn an_import_holds_its_bytes_once_it_has_them_and_gives_them_back_when_it_fails() {
        let now = Timestamp::from_millis(NOW + 1);
        let mut file = import(None);
        assert_eq!((file.status, file.reserved_bytes, file.importing), (Status::Pending, 0, true));
        file.imported(object(7), now);
        assert_eq!((file.status, file.reserved_bytes, file.importing), (Status::Running, 7, false));
        assert_eq!(file.name.as_str(), "clip.mp4");
        assert_eq!(file.due.map(|due| due.kind), Some(DueKind::Probe));
        file.fail("source answered 404", now);
        assert_eq!((file.status, file.reserved_bytes, file.due), (Status::Failed, 0, None));
    }

    #[test]
    fn a_name_the_client_gave_stays() {
        let mut file = File { name_from_source: false, ..import(None) };
        file.imported(object(7), Timestamp::from_millis(NOW));
        assert_eq!(file.name.as_str(), "file");
    }

    fn upload_by_parts(expires_at: Option<Timestamp>) -> File {
        let now = Timestamp::from_millis(NOW);
        let new = NewFile {
            name: FileName::fallback(),
            source: Source::Upload,
            size: Some(20),
            content_type: None,
            announced_sha256: None,
            expires_at,
            name_from_source: false,
        };
        let plan = crate::PartPlan::recorded(20, 10);
        new.awaiting_parts(plan, OwnerId::named("press"), FileId::new(now), now)
    }

    #[test]
    fn an_upload_by_parts_waits_while_parts_are_asked_for_but_not_for_ever() {
        let at = |hours: u64| Timestamp::from_millis(NOW + hours * 3_600_000);
        let until = |file: &File| file.due.map(|due| due.at);
        let mut file = upload_by_parts(None);
        assert!(file.parts_asked_for(Some("u1"), at(0)));
        assert_eq!((file.upload_id.as_deref(), until(&file)), (Some("u1"), Some(at(24))));
        assert!(!file.parts_asked_for(Some("u2"), at(0)), "it has one already");
        assert_eq!(file.upload_id.as_deref(), Some("u1"));
        assert!(file.parts_asked_for(None, at(1)));
        assert_eq!(until(&file), Some(at(25)));
        for hour in 2..167 {
            assert_eq!(file.parts_asked_for(None, at(hour)), hour <= 144, "hour {hour}");
        }
        assert_eq!(until(&file), Some(at(168)));
        assert!(!file.parts_asked_for(None, at(168)), "its time is over");

        let mut short = upload_by_parts(Some(at(2)));
        assert!(short.parts_asked_for(Some("u1"), at(1)));
        assert_eq!(until(&short), Some(at(2)), "not longer than the file lives");
    }

    #[test]
    fn an_upload_is_completed_once_and_only_as_the_one_that_was_looked_at() {
        let now = Timestamp::from_millis(NOW);
        let mut file = upload_by_parts(None);
        assert!(!file.completing("u1", now), "not begun");
        file.parts_asked_for(Some("u1"), now);
        assert!(!file.completing("u2", now), "another one");
        assert!(file.completing("u1", now));
        assert_eq!(
            (file.status, file.reserved_bytes, file.upload_id.as_deref()),
            (Status::Running, 20, Some("u1"))
        );
        assert_eq!(file.due.map(|due| due.kind), Some(DueKind::Probe));
        assert!(!file.completing("u1", now), "once");
        assert!(!file.parts_asked_for(Some("u2"), now));
    }

    #[test]
    fn probing_ends_in_success_readable_or_not_and_expiry_remains_due() {
        let at = Timestamp::from_millis(NOW + 60_000);
        let meta = ObjectMeta {
            size: 9,
            checksum: None,
            content_type: Some("text/plain".into()),
            etag: String::new(),
        };
        let media =
            Probed::Media { media_type: MediaType::Audio, summary: ProbeSummary::default(), partial: None };
        for probed in [media, Probed::Unreadable("not media".into())] {
            let mut file = import(Some(at));
            let now = Timestamp::from_millis(NOW);
            file.probed(&ProbeDone::new(meta.clone(), probed, now));
            assert_eq!((file.status, file.size, file.reserved_bytes), (Status::Success, Some(9), 9));
            assert_eq!(file.probe.is_none(), file.ffprobe_error.is_some());
            assert_eq!(file.due, Some(Due { kind: DueKind::Expire, at, tries: 0 }));
        }
    }

    #[test]
    fn another_ffprobe_may_say_more_and_takes_nothing_away() {
        let meta = ObjectMeta { size: 9, checksum: None, content_type: None, etag: String::new() };
        let probe = |probed: &Probed, by: Option<&str>, millis| ProbeDone {
            by: by.map(str::to_owned),
            ..ProbeDone::new(meta.clone(), probed.clone(), Timestamp::from_millis(NOW + millis))
        };
        let media =
            Probed::Media { media_type: MediaType::Audio, summary: ProbeSummary::default(), partial: None };
        let unreadable = Probed::Unreadable("not media".into());
        assert!(!import(None).probed_again(&probe(&media, Some("8"), 1)), "not over yet");
        for first in [&media, &unreadable] {
            for second in [&media, &unreadable] {
                let mut file = import(None);
                file.probed(&probe(first, Some("7"), 0));
                let before = file.clone();
                assert!(!file.probed_again(&probe(second, Some("8"), 1)), "nobody asked for it");
                assert_eq!(file, before);
                file.probe_again = true;
                assert!(file.awaits_probe() && file.probed_again(&probe(second, None, 1)));
                assert_eq!(file, before, "none has looked at it, and none is waited for any more");
                file.probe_again = true;
                assert!(file.probed_again(&probe(second, Some("8"), 1)) && !file.awaits_probe());
                assert_eq!((file.status, file.probed_by.as_deref()), (Status::Success, Some("8")));
                assert_eq!(file.probe.is_some(), first == &media || second == &media);
                assert_eq!(file.probe.is_none(), file.ffprobe_error.is_some());
            }
        }
    }

    #[test]
    fn a_message_is_waited_for_a_day_from_the_last_that_was_heard_of_the_import() {
        let (now, day) = (Timestamp::from_millis(NOW), limits::IMPORT_MESSAGE_WAIT);
        let mut file = import(None);
        assert_eq!(file.message_lost_at(), now.plus(day));
        assert!(file.postpone_due(now));
        file.await_message();
        assert_eq!(file.due.map(|due| (due.at, due.tries)), Some((now.plus(day), 1)));
        let later = File { updated_at: now.plus(day), ..file };
        assert_eq!(later.message_lost_at(), now.plus(day).plus(day));
    }

    #[test]
    fn tries_come_later_each_time_and_end() {
        let now = Timestamp::from_millis(NOW);
        let mut waiting = import(None);
        assert!((0..100).all(|_| waiting.postpone_due(now)), "no worker has begun on it");
        let mut file = File { generation: 1, ..import(None) };
        let mut last = now;
        for _ in 0..limits::MAX_DUE_TRIES {
            assert!(file.postpone_due(now));
            let at = file.due.unwrap().at;
            assert!(at > last);
            last = at;
        }
        assert!(!file.postpone_due(now));
    }
}
