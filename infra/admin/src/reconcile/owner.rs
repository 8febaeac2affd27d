use anyhow::{Context, Result};
use files_domain::{File, FileId, FileState, OwnerId};
use files_objects::{ListedObject, ObjectKind, ObjectsError};

use super::finding::{Damage, Finding};
use super::stream::{FileStream, ObjectStream, next_pair, report_foreign};
use super::{Compared, Reconciliation};

/// A file as both sides show it.
#[derive(Clone, Debug)]
pub(super) struct Sides {
    pub(super) owner: OwnerId,
    pub(super) id: FileId,
    pub(super) file: Option<File>,
    pub(super) object: Option<ListedObject>,
}

impl Reconciliation<'_> {
    /// Compares an owner's records with the objects.
    pub(super) async fn compare_files(
        &self,
        owner: OwnerId,
        compared: &mut Compared,
        report: &mut impl FnMut(Finding) -> Result<()>,
    ) -> Result<()> {
        let mut files = FileStream::new(self.records, owner);
        let mut objects = ObjectStream::new(self.objects, ObjectKind::File, owner);
        loop {
            let pair = next_pair(&mut files, &mut objects).await?;
            report_foreign(&mut objects, report)?;
            let Some((id, file, object)) = pair else { return Ok(()) };
            compared.records += u64::from(file.is_some());
            compared.objects += u64::from(object.is_some());
            let sides = Sides { owner, id, file, object };
            if self.damage(&sides).is_some()
                && let Some(sides) = self.read_again(&sides).await?
                && let Some(damage) = self.damage(&sides)
            {
                let action = self.repair_file(&sides, &damage).await?;
                report(Finding { owner, file: Some(id), damage, action })?;
            }
        }
    }

    /// Returns the faults of a file. Skips files whose work may not have ended.
    fn damage(&self, sides: &Sides) -> Option<Damage> {
        let object = sides.object.as_ref();
        let old_object = object.filter(|object| object.modified <= self.older_than);
        let Some(file) = &sides.file else {
            return old_object.map(|object| Damage::BytesWithoutRecord { stored: object.size });
        };
        if file.updated_at > self.older_than {
            return None;
        }
        let recorded = file.size.unwrap_or(0);
        match (&file.state, object) {
            (FileState::Stored(_), None) => Some(Damage::RecordWithoutBytes { recorded }),
            (FileState::Stored(_), Some(object)) if object.size != recorded => {
                Some(Damage::OtherBytes { recorded, stored: object.size })
            }
            (FileState::Failed { .. }, _) => {
                old_object.map(|object| Damage::BytesOfFailedFile { stored: object.size })
            }
            _ => None, // sweep finishes it at its deadline
        }
    }

    /// Reads both sides of a file again, consistently, since the lists are of different moments. `None`: the file is being deleted.
    ///
    /// A deletion removes the record first, and its entry only after the object. So the object comes before a record that may still
    /// exist, and after one that does not.
    async fn read_again(&self, sides: &Sides) -> Result<Option<Sides>> {
        let (owner, id) = (sides.owner, sides.id);
        let mut object = self.head(sides).await?;
        let file = self.records.find_summary(owner, id).await.context("the record cannot be read")?;
        if file.is_none() {
            if self.records.is_being_removed(owner, id).await.context("the record cannot be read")? {
                return Ok(None);
            }
            object = self.head(sides).await?;
        }
        Ok(Some(Sides { owner, id, file, object }))
    }

    async fn head(&self, sides: &Sides) -> Result<Option<ListedObject>> {
        match self.objects.head_file(sides.owner, sides.id).await {
            Ok(meta) => Ok(Some(ListedObject {
                id: sides.id,
                size: meta.size,
                modified: sides.object.map_or(self.now, |object| object.modified),
            })),
            Err(ObjectsError::NotFound) => Ok(None),
            Err(error) => Err(error).context("the object cannot be read"),
        }
    }
}
