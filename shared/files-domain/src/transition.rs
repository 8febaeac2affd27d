//! The transitions between the states of a file.
//!
//! Each takes a file in one state and returns it in the next; `None`: the file is in no state that has this transition, or
//! nothing changes. The records write the result only if the record is still the one from which it was made.

use std::time::Duration;

use crate::{
    Checksum, Deadline, File, FileName, FileState, Import, MediaType, ProbeDone, Probed, Probing, Source,
    Stored, Timestamp, limits,
};

/// What an import has stored with S3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedObject {
    /// Size in bytes.
    pub size: u64,
    /// Checksum of the whole object.
    pub checksum: Option<Checksum>,
    /// Media type by the source.
    pub content_type: Option<String>,
    /// Name by the source.
    pub name: Option<FileName>,
    /// The multipart upload that is still to be completed.
    pub upload_id: Option<String>,
}

impl File<Import> {
    /// Ends an import: all bytes are with S3. The upload is still to be completed, and the object to be probed.
    #[must_use]
    pub fn imported(self, object: ImportedObject, now: Timestamp) -> File {
        let content_type = self.imported_type(object.name.as_ref(), object.content_type.as_deref());
        let (file, import) = self.split();
        let name = object.name.filter(|_| import.name_from_source).unwrap_or_else(|| file.name.clone());
        let state =
            Probing { upload_id: object.upload_id, multipart: false, lease_until: import.lease_until };
        File {
            name,
            size: Some(object.size),
            checksum: object.checksum,
            content_type: Some(content_type),
            deadline: Some(Deadline::new(now.plus(limits::PROBE_GRACE))),
            updated_at: now,
            ..file
        }
        .with_state(FileState::Probing(state))
    }

    /// Returns the media type of an import by the name and the type that its source gives.
    #[must_use]
    pub fn imported_type(&self, source_name: Option<&FileName>, source_type: Option<&str>) -> String {
        let name = source_name.filter(|_| self.state.name_from_source).unwrap_or(&self.name);
        name.content_type(source_type)
    }
}

impl File {
    /// Ends an import, as the method of `File<Import>` does.
    #[must_use]
    pub fn imported(self, object: ImportedObject, now: Timestamp) -> Option<Self> {
        let (file, FileState::Importing(import)) = self.split() else { return None };
        Some(file.with_state(import).imported(object, now))
    }

    /// Restarts an import whose bytes were lost before they became an object.
    #[must_use]
    pub fn restarted(self, now: Timestamp) -> Option<File<Import>> {
        if self.source != Source::Url {
            return None;
        }
        let (file, FileState::Probing(probing)) = self.split() else { return None };
        let import =
            Import { lease_until: probing.lease_until, upload_id: probing.upload_id, ..Import::default() };
        Some(File { updated_at: now, ..file }.with_state(import))
    }

    /// Extends the wait for parts by a whole window, and records the id that S3 gave the upload unless it has one.
    #[must_use]
    pub fn parts_asked_for(self, upload_id: Option<&str>, now: Timestamp) -> Option<Self> {
        if !self.awaits_upload(now) {
            return None;
        }
        let (mut file, FileState::AwaitingParts(mut upload)) = self.split() else { return None };
        let before = (upload.upload_id.is_some(), file.deadline);
        upload.upload_id = upload.upload_id.or_else(|| upload_id.map(str::to_owned));
        let last = file.created_at().plus(limits::MAX_UPLOAD_WINDOW);
        let last = file.expires_at.map_or(last, |at| at.min(last));
        let until = now.plus(limits::UPLOAD_WINDOW).min(last);
        if let Some(deadline) = &mut file.deadline
            && deadline.at.plus(limits::UPLOAD_WINDOW_STEP) <= until
        {
            deadline.at = until;
        }
        let changed = before != (upload.upload_id.is_some(), file.deadline);
        let file = File { updated_at: now, ..file };
        changed.then(|| file.with_state(FileState::AwaitingParts(upload)))
    }

    /// Ends a multipart upload of which all parts are stored and which is about to be completed. If the completion fails,
    /// `sweep` repeats it. `None` also if the file waits for the parts of another upload.
    #[must_use]
    pub fn completing(self, upload_id: &str, now: Timestamp) -> Option<Self> {
        let (file, FileState::AwaitingParts(upload)) = self.split() else { return None };
        let upload_id = upload.upload_id.filter(|known| known == upload_id)?;
        let deadline = Some(Deadline::new(now.plus(limits::COMPLETION_GRACE)));
        let state = Probing { upload_id: Some(upload_id), multipart: true, ..Probing::default() };
        Some(File { deadline, updated_at: now, ..file }.with_state(FileState::Probing(state)))
    }

    /// Fails a file whose bytes are unavailable, for a reason in the user's words.
    #[must_use]
    pub fn failed(self, error: impl Into<String>, now: Timestamp) -> Option<Self> {
        let open = !self.state.is_terminal();
        let (file, _) = self.split();
        open.then(|| file.settled(now).with_state(FileState::Failed { error: error.into() }))
    }

    /// Stores the result of a probe.
    #[must_use]
    pub fn probed(self, done: &ProbeDone) -> Option<Self> {
        if self.state.is_terminal() {
            return None;
        }
        let (file, state) = self.split();
        let multipart = match state {
            FileState::AwaitingParts(_) => true,
            FileState::Probing(probing) => probing.multipart,
            _ => false,
        };
        let object = &done.object;
        let declared = file.content_type.clone().or_else(|| object.content_type.clone());
        let mut stored = Stored {
            media_type: MediaType::Other,
            probe: None,
            ffprobe_error: None,
            poster: false,
            probed_by: done.by.clone(),
            probe_again: false,
            multipart,
        };
        stored.set(done);
        let file = File {
            size: Some(object.size),
            checksum: file.checksum.clone().or_else(|| object.checksum.clone()),
            content_type: done.content_type.clone().or(declared),
            ..file
        };
        Some(file.settled(done.now).with_state(FileState::Stored(stored)))
    }

    /// Stores the result of another probe that the operator asked for. A result that ffprobe could not read replaces none
    /// that it could.
    #[must_use]
    pub fn probed_again(self, done: &ProbeDone) -> Option<Self> {
        let (file, FileState::Stored(mut stored)) = self.split() else { return None };
        if !std::mem::take(&mut stored.probe_again) {
            return None;
        }
        if done.by.is_none() {
            return Some(file.with_state(FileState::Stored(stored))); // given up
        }
        stored.probed_by.clone_from(&done.by);
        if stored.probe.is_none() || matches!(done.probed, Probed::Media { .. }) {
            stored.set(done);
        }
        let content_type = done.content_type.clone().or_else(|| file.content_type.clone());
        let file = File { content_type, updated_at: done.now, ..file };
        Some(file.with_state(FileState::Stored(stored)))
    }

    /// Postpones the deadline after one more try, each time by longer. `None`: there were enough tries.
    #[must_use]
    pub fn postponed(mut self, now: Timestamp) -> Option<Self> {
        let unlimited = match &self.state {
            FileState::Importing(_) => self.generation == 0, // its queue is long
            FileState::Stored(_) | FileState::Failed { .. } => true, // it is to be deleted
            _ => false,
        };
        let deadline = self.deadline.as_mut()?;
        if deadline.tries >= limits::MAX_DUE_TRIES && !unlimited {
            return None;
        }
        let minutes = 2_u64.saturating_pow(deadline.tries.min(7)) * 5;
        deadline.tries = deadline.tries.saturating_add(1);
        deadline.at = now.plus(Duration::from_secs(minutes * 60));
        Some(self)
    }

    /// Postpones the deadline until the import's message counts as lost: nothing can be done before.
    #[must_use]
    pub fn awaiting_message(self) -> Self {
        let lost = self.message_lost_at();
        let at = self.expires_at.map_or(lost, |at| at.min(lost));
        Self { deadline: self.deadline.map(|deadline| Deadline { at, ..deadline }), ..self }
    }

    /// Returns from when on the message of an unfinished import counts as lost.
    #[must_use]
    pub fn message_lost_at(&self) -> Timestamp {
        self.updated_at.plus(limits::IMPORT_MESSAGE_WAIT)
    }

    /// Returns from when on `sweep` deletes the bytes of this file if it is removed at `now`: once no presigned URL and no
    /// worker can bring bytes any more.
    #[must_use]
    pub fn removal_due(&self, now: Timestamp) -> Timestamp {
        let grace = Duration::from_secs(300);
        if let Some(end) = self.presigned_put_end(now) {
            return end.plus(grace);
        }
        match self.state {
            FileState::AwaitingUpload | FileState::AwaitingParts(_) => {
                now.plus(limits::UPLOAD_URL_LIFETIME + grace)
            }
            FileState::Importing(_) | FileState::Probing(_) => now.plus(limits::IMPORT_LEASE + grace),
            FileState::Stored(_) | FileState::Failed { .. } => now.plus(grace),
        }
    }

    /// Returns whether bytes may still come after the file is removed at `now`.
    #[must_use]
    pub fn may_still_receive_bytes(&self, now: Timestamp) -> bool {
        !self.state.is_terminal() || self.presigned_put_end(now).is_some()
    }

    /// Returns until when a presigned PUT of the file may be valid if the file is removed at `now`; `None` if none is. URLs
    /// are signed only while the file awaits its upload, and none outlives the upload window.
    #[must_use]
    pub fn presigned_put_end(&self, now: Timestamp) -> Option<Timestamp> {
        let window = self.created_at().plus(limits::UPLOAD_WINDOW);
        let end = window.min(now.plus(limits::UPLOAD_URL_LIFETIME));
        (self.presigned_put && now < end).then_some(end)
    }
}

impl File<()> {
    /// Leaves the deadline of a file whose status is terminal: its expiry.
    fn settled(self, now: Timestamp) -> Self {
        Self { deadline: self.expires_at.map(Deadline::new), updated_at: now, ..self }
    }
}

impl Stored {
    fn set(&mut self, done: &ProbeDone) {
        self.media_type = done.media_type();
        self.poster |= done.poster;
        match &done.probed {
            Probed::Media { summary, partial, .. } => {
                self.probe = Some(summary.clone());
                self.ffprobe_error.clone_from(partial);
            }
            Probed::Unreadable(reason) => self.ffprobe_error = Some(reason.clone()),
        }
    }
}

#[cfg(test)]
#[path = "transition_tests.rs"]
mod tests;
