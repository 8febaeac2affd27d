//! What the service makes of files, and keeps beside them: ffprobe's outputs, posters, and the temporary streams of imports.

use std::time::Duration;

use anyhow::{Context, Result};
use files_domain::{File, FileId, FileState, OwnerId, Timestamp};
use files_objects::{ListedObject, ObjectKind};

use super::Reconciliation;
use super::finding::{Action, Damage, Finding};
use super::stream::{FileStream, ObjectStream, next_pair, report_foreign};

/// After this time no import joins temporary streams: the bucket's rule deletes them after two days, at the end of a day.
const MAX_STREAM_AGE: Duration = Duration::from_secs(3 * 24 * 3600);

impl Reconciliation<'_> {
    /// Finds outputs of ffprobe without a record. Few files have one, so each costs a read of its own.
    pub(super) async fn compare_probe_outputs(
        &self,
        owner: OwnerId,
        report: &mut impl FnMut(Finding) -> Result<()>,
    ) -> Result<()> {
        let mut outputs = ObjectStream::new(self.objects, ObjectKind::Probe, owner);
        while let Some(output) = outputs.next().await? {
            if self.has_no_record(owner, &output).await? {
                let damage = Damage::ProbeOutputWithoutRecord { stored: output.size };
                let action = self.repair_derived(ObjectKind::Probe, owner, output.id).await?;
                report(Finding { owner, file: Some(output.id), damage, action })?;
            }
        }
        report_foreign(&mut outputs, report)
    }

    /// Compares the posters with what the records say of them.
    pub(super) async fn compare_posters(
        &self,
        owner: OwnerId,
        report: &mut impl FnMut(Finding) -> Result<()>,
    ) -> Result<()> {
        let mut files = FileStream::new(self.records, owner);
        let mut posters = ObjectStream::new(self.objects, ObjectKind::Poster, owner);
        while let Some((id, file, poster)) = next_pair(&mut files, &mut posters).await? {
            let found = match (file, poster) {
                (None, Some(poster)) => self.poster_without_record(owner, &poster).await?,
                (Some(file), None) => self.record_without_poster(&file).await?,
                _ => None,
            };
            if let Some((damage, action)) = found {
                report(Finding { owner, file: Some(id), damage, action })?;
            }
        }
        report_foreign(&mut posters, report)
    }

    async fn poster_without_record(
        &self,
        owner: OwnerId,
        poster: &ListedObject,
    ) -> Result<Option<(Damage, Action)>> {
        if !self.has_no_record(owner, poster).await? {
            return Ok(None);
        }
        let action = self.repair_derived(ObjectKind::Poster, owner, poster.id).await?;
        Ok(Some((Damage::PosterWithoutRecord { stored: poster.size }, action)))
    }

    /// Reads both sides again, the object first: the service stores a poster before the record says so, and deletes it after the record.
    async fn record_without_poster(&self, listed: &File) -> Result<Option<(Damage, Action)>> {
        let (owner, id) = (listed.owner, listed.id);
        if !self.has_had_poster(listed) || self.has_object(ObjectKind::Poster, owner, id).await? {
            return Ok(None);
        }
        match self.find(owner, id).await? {
            Some(file) if self.has_had_poster(&file) => {
                Ok(Some((Damage::RecordWithoutPoster, self.forget_poster(file).await?)))
            }
            _ => Ok(None),
        }
    }

    fn has_had_poster(&self, file: &File) -> bool {
        file.has_poster() && file.updated_at <= self.older_than
    }

    /// Finds temporary streams that no import will join.
    pub(super) async fn compare_streams(
        &self,
        owner: OwnerId,
        report: &mut impl FnMut(Finding) -> Result<()>,
    ) -> Result<()> {
        let mut streams = ObjectStream::new(self.objects, ObjectKind::Stream, owner);
        while let Some(stored) = streams.next_file().await? {
            if self.has_no_import(owner, &stored).await? {
                let damage = Damage::StreamsWithoutImport { stored: stored.size };
                let action = self.delete_streams(owner, stored.id).await?;
                report(Finding { owner, file: Some(stored.id), damage, action })?;
            }
        }
        report_foreign(&mut streams, report)
    }

    async fn has_no_import(&self, owner: OwnerId, streams: &ListedObject) -> Result<bool> {
        if streams.modified > self.older_than {
            return Ok(false);
        }
        let too_old = streams.modified.plus(MAX_STREAM_AGE) <= self.now;
        match self.find(owner, streams.id).await? {
            Some(file) => Ok(too_old || self.is_settled(&file)),
            None => Ok(!self.is_being_removed(owner, streams.id).await?),
        }
    }

    /// Returns whether a file is no longer imported, for so long that the import's last run has ended.
    fn is_settled(&self, file: &File) -> bool {
        !matches!(file.state, FileState::Importing(_)) && file.updated_at <= self.older_than
    }

    /// Returns whether an old object's file has no record, nor an entry that has the service delete its objects.
    async fn has_no_record(&self, owner: OwnerId, object: &ListedObject) -> Result<bool> {
        Ok(object.modified <= self.older_than
            && self.find(owner, object.id).await?.is_none()
            && !self.is_being_removed(owner, object.id).await?)
    }

    async fn find(&self, owner: OwnerId, id: FileId) -> Result<Option<File>> {
        self.records.find_summary(owner, id).await.context("the record cannot be read")
    }

    async fn is_being_removed(&self, owner: OwnerId, id: FileId) -> Result<bool> {
        self.records.is_being_removed(owner, id).await.context("the record cannot be read")
    }

    async fn has_object(&self, kind: ObjectKind, owner: OwnerId, id: FileId) -> Result<bool> {
        self.objects.has_object(kind, owner, id).await.context("the object cannot be read")
    }
}

/// Returns the record of a file without its poster; `None`: it has none, or has changed since `seen`.
pub(super) fn without_poster(mut file: File, seen: u64, now: Timestamp) -> Option<File> {
    let FileState::Stored(stored) = &mut file.state else { return None };
    if file.version != seen || !std::mem::take(&mut stored.poster) {
        return None;
    }
    file.updated_at = now;
    Some(file)
}
