use anyhow::{Context, Result};
use clap::ValueEnum;
use files_domain::{Deadline, File, FileId, FileName, NewFile, OwnerId};
use files_objects::ObjectKind;
use files_records::RecordsError;

use super::Reconciliation;
use super::derived::without_poster;
use super::finding::{Action, Damage};
use super::owner::Sides;

/// The repair of bytes without a record. Only the operator can tell whether their file was deleted, or its record lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum BytesWithoutRecord {
    /// Only reports them.
    #[default]
    Keep,
    /// Deletes them.
    Delete,
    /// Gives them a record again: of the same id, named by it, to be probed. An empty object, which takes the place of deleted bytes,
    /// is deleted.
    Adopt,
}

impl Reconciliation<'_> {
    /// Repairs a file, if repairs are wanted.
    pub(super) async fn repair_file(&self, sides: &Sides, damage: &Damage) -> Result<Action> {
        let Some(bytes) = self.repair else { return Ok(Action::Reported) };
        match damage {
            // An empty object takes the place of deleted bytes.
            Damage::RecordWithoutBytes { .. } | Damage::OtherBytes { stored: 0, .. } => {
                self.delete_record(sides).await
            }
            Damage::BytesOfFailedFile { .. } => self.delete_bytes(sides.owner, sides.id).await,
            Damage::BytesWithoutRecord { stored } => match bytes {
                BytesWithoutRecord::Keep => Ok(Action::Kept),
                BytesWithoutRecord::Adopt if *stored > 0 => self.adopt(sides).await,
                BytesWithoutRecord::Delete | BytesWithoutRecord::Adopt => {
                    self.delete_bytes(sides.owner, sides.id).await
                }
            },
            _ => Ok(Action::Kept),
        }
    }

    /// Deletes ffprobe's output or a poster without a record, unless the operator keeps bytes without a record.
    pub(super) async fn repair_derived(
        &self,
        kind: ObjectKind,
        owner: OwnerId,
        id: FileId,
    ) -> Result<Action> {
        match self.repair {
            None => Ok(Action::Reported),
            Some(BytesWithoutRecord::Keep) => Ok(Action::Kept),
            Some(_) => {
                let deleted = self.objects.delete_object(kind, owner, id).await;
                deleted.context("the object cannot be deleted")?;
                Ok(Action::BytesDeleted)
            }
        }
    }

    /// Clears the poster flag of a record. Another probe of the file makes a poster.
    pub(super) async fn forget_poster(&self, file: File) -> Result<Action> {
        if self.repair.is_none() {
            return Ok(Action::Reported);
        }
        let seen = file.version;
        let changed = self.records.change_read_file(file, |file| without_poster(file, seen, self.now)).await;
        let changed = changed.context("the record cannot be written")?;
        Ok(if changed.is_some() { Action::Corrected } else { Action::Changed })
    }

    /// Deletes the temporary streams of a file. Only the import uses them.
    pub(super) async fn delete_streams(&self, owner: OwnerId, id: FileId) -> Result<Action> {
        if self.repair.is_none() {
            return Ok(Action::Reported);
        }
        self.objects.delete_streams(owner, id).await.context("the streams cannot be deleted")?;
        Ok(Action::BytesDeleted)
    }

    /// Deletes a record as its owner would. `sweep` then deletes the rest of the file.
    async fn delete_record(&self, sides: &Sides) -> Result<Action> {
        let Some(file) = &sides.file else { return Ok(Action::Changed) };
        match self.records.remove_file(file, self.now).await {
            Ok(()) => Ok(Action::RecordDeleted),
            Err(RecordsError::Changed) => Ok(Action::Changed),
            Err(error) => Err(error).context("the record cannot be deleted"),
        }
    }

    /// Deletes the objects of a file. Its id is never used again, so no record can come in between.
    async fn delete_bytes(&self, owner: OwnerId, id: FileId) -> Result<Action> {
        self.objects.delete_file(owner, id).await.context("the bytes cannot be deleted")?;
        Ok(Action::BytesDeleted)
    }

    /// Writes a new record for bytes. `sweep` requests their probe at once.
    async fn adopt(&self, sides: &Sides) -> Result<Action> {
        let file = self.adopted(sides.owner, sides.id).await?;
        match self.records.adopt_file(&file).await {
            Ok(()) => Ok(Action::Adopted),
            Err(RecordsError::Changed) => Ok(Action::Changed),
            Err(error) => Err(error).context("the record cannot be written"),
        }
    }

    async fn adopted(&self, owner: OwnerId, id: FileId) -> Result<File> {
        let object = self.objects.head_file(owner, id).await.context("the object cannot be read")?;
        let new = NewFile {
            name: FileName::clean(&id.to_string()).context("an id is a name")?,
            size: Some(object.size),
            content_type: object.content_type,
            announced_sha256: None,
            expires_at: None,
        };
        let file = new.being_stored(owner, id, self.now);
        Ok(File { checksum: object.checksum, deadline: Some(Deadline::new(self.now)), ..file })
    }
}
