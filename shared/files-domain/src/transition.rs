//! The transitions between the states of a file.
//!
//! Each takes a file in one state and returns it in the next; `None`: the file's state has no such transition, or nothing changes.
//! The records write the result only if the record has not changed in the meantime.

use std::time::Duration;

use crate::{
    Checksum, Deadline, File, FileName, FileState, Import, MediaType, ProbeDone, Probed, Probing, Source,
    Stored, Timestamp, limits,
};

/// The object that an import has stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedObject {
    /// Size in bytes.
    pub size: u64,
    /// Checksum of the whole object.
    pub checksum: Option<Checksum>,
    /// Media type from the source.
    pub content_type: Option<String>,
    /// Name from the source.
    pub name: Option<FileName>,
    /// The multipart upload to complete.
    pub upload_id: Option<String>,
}

impl File<Import> {
    /// Ends an import whose bytes are all in S3. The upload remains to be completed, and the object to be probed.
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

    /// Returns the media type of an import by the name and the type from its source.
    #[must_use]
    pub fn imported_type(&self, source_name: Option<&FileName>, source_type: Option<&str>) -> String {
        let name = source_name.filter(|_| self.state.name_from_source).unwrap_or(&self.name);
        name.content_type(source_type)
    }
}

impl File {
    /// Ends an import. See the method of `File<Import>`.
    #[must_use]
    pub fn imported(self, object: ImportedObject, now: Timestamp) -> Option<Self> {
        let (file, FileState::Importing(import)) = self.split() else { return None };
        Some(file.with_state(import).imported(object, now))
    }

    /// Restarts an import whose parts were lost before they became an object.
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

    /// Extends the deadline of a multipart upload by [`limits::UPLOAD_WINDOW`], and sets the upload id unless it is set.
    #[must_use]
    pub fn parts_signed(self, upload_id: Option<&str>, now: Timestamp) -> Option<Self> {
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

    /// Marks a multipart upload, whose parts are all stored, as being completed. If the completion fails, `sweep` repeats it. `None`
    /// also if the file has another upload id.
    #[must_use]
    pub fn completing(self, upload_id: &str, now: Timestamp) -> Option<Self> {
        let (file, FileState::AwaitingParts(upload)) = self.split() else { return None };
        let upload_id = upload.upload_id.filter(|known| known == upload_id)?;
        let deadline = Some(Deadline::new(now.plus(limits::COMPLETION_GRACE)));
        let state = Probing { upload_id: Some(upload_id), multipart: true, ..Probing::default() };
        Some(File { deadline, updated_at: now, ..file }.with_state(FileState::Probing(state)))
    }

    /// Fails a file whose bytes are unavailable, with a reason for clients.
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

    /// Stores the result of another probe that the operator requested. A failed probe does not replace the result of a successful one.
    #[must_use]
    pub fn reprobed(self, done: &ProbeDone) -> Option<Self> {
        let (file, FileState::Stored(mut stored)) = self.split() else { return None };
        if !std::mem::take(&mut stored.probe_again) {
            return None;
        }
        if done.by.is_none() {
            return Some(file.with_state(FileState::Stored(stored))); // the request for another probe ends
        }
        stored.probed_by.clone_from(&done.by);
        if stored.probe.is_none() || matches!(done.probed, Probed::Media { .. }) {
            stored.set(done);
        }
        let content_type = done.content_type.clone().or_else(|| file.content_type.clone());
        let file = File { content_type, updated_at: done.now, ..file };
        Some(file.with_state(FileState::Stored(stored)))
    }

    /// Postpones the deadline after a try, with exponential backoff. `None`: there were enough tries.
    #[must_use]
    pub fn postponed(mut self, now: Timestamp) -> Option<Self> {
        let unlimited = match &self.state {
            FileState::Importing(_) => self.generation == 0, // it still waits in the queue
            FileState::Stored(_) | FileState::Failed { .. } => true, // the deletion of an expired file must not end
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

    /// Postpones the deadline until the import's message counts as lost.
    #[must_use]
    pub fn awaiting_message(self) -> Self {
        let lost = self.message_lost_at();
        let at = self.expires_at.map_or(lost, |at| at.min(lost));
        Self { deadline: self.deadline.map(|deadline| Deadline { at, ..deadline }), ..self }
    }

    /// Returns when the message of an unfinished import counts as lost.
    #[must_use]
    pub fn message_lost_at(&self) -> Timestamp {
        self.updated_at.plus(limits::IMPORT_MESSAGE_WAIT)
    }

    /// Returns the deadline for the deletion of the bytes if the file is removed at `now`: when no presigned URL and no worker can
    /// store bytes any longer.
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

    /// Returns whether bytes may still arrive after the file is removed at `now`.
    #[must_use]
    pub fn may_still_receive_bytes(&self, now: Timestamp) -> bool {
        !self.state.is_terminal() || self.presigned_put_end(now).is_some()
    }

    /// Returns when the last presigned PUT of the file expires if the file is removed at `now`; `None` if there is none. URLs are signed
    /// only while the file awaits its upload, and none is valid after the upload window.
    #[must_use]
    pub fn presigned_put_end(&self, now: Timestamp) -> Option<Timestamp> {
        let window = self.created_at().plus(limits::UPLOAD_WINDOW);
        let end = window.min(now.plus(limits::UPLOAD_URL_LIFETIME));
        (self.presigned_put && now < end).then_some(end)
    }
}

impl File<()> {
    /// Sets the deadline of a terminal file: its expiry, if any.
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
