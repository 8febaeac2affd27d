//! From the source's last byte to a completed object.

use bytes::Bytes;
use files_domain::{Checksum, File, Import, ImportedObject};
use files_objects::{ObjectsError, Part, Upload, Uploaded};
use files_records::RecordsError;
use tracing::info;

use crate::incoming::Said;
use crate::stop::Stop;
use crate::worker::Worker;
use crate::{BoxError, ImportFile};

/// Bytes that have come: as parts of an upload, or, if they are few, here.
pub(crate) struct Fetched {
    pub(crate) size: u64,
    pub(crate) checksum: Option<Checksum>,
    pub(crate) said: Said,
    pub(crate) parts: Vec<Part>,
    pub(crate) whole: Bytes,
}

impl ImportFile {
    /// Completes an import whose bytes an earlier worker had all stored. `false`: they are not all there.
    pub(crate) async fn finish_stored(&self, file: &File) -> Result<bool, BoxError> {
        match self.objects.head_file(file.owner, file.id).await {
            Ok(_) => return Ok(true),
            Err(ObjectsError::NotFound) => {}
            Err(error) => return Err(error.into()),
        }
        let Some(upload) = file.upload_ref() else { return Ok(false) };
        let completed = self.objects.complete_stored_parts(upload, file.size.unwrap_or(0)).await?;
        Ok(completed == Uploaded::Completed)
    }

    /// Restarts an import whose bytes were lost before they became an object. `None`: its record has changed.
    pub(crate) async fn restart(&self, file: File) -> Result<Option<File<Import>>, BoxError> {
        let Some(restarted) = file.clone().restarted(lambda_startup::now()) else { return Ok(None) };
        match self.records.save_file(&file, &restarted.clone().into()).await {
            Ok(()) => Ok(Some(File { version: restarted.version + 1, ..restarted })),
            Err(RecordsError::Changed) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

impl Worker<'_> {
    /// All bytes are there, or the announced ones are others.
    pub(crate) async fn finish(&mut self, fetched: Fetched) -> Result<(), Stop> {
        let announced = self.file.announced_sha256.clone().map(Checksum::Sha256);
        if announced.is_some() && announced != fetched.checksum {
            return Err(Stop::Refused("the source's bytes do not have the announced SHA-256".to_owned()));
        }
        let object = ImportedObject {
            size: fetched.size,
            checksum: fetched.checksum.clone(),
            content_type: fetched.said.content_type.clone(),
            name: fetched.said.name.clone(),
            upload_id: self.file.state.upload_id.clone(),
        };
        let content_type = self.save_imported(object).await?;
        self.store(fetched, content_type.as_deref()).await
    }

    /// Writes down that all bytes are there, before they become an object: S3's event may come at once.
    /// Gives the media type that the file has.
    async fn save_imported(&mut self, object: ImportedObject) -> Result<Option<String>, Stop> {
        let now = lambda_startup::now();
        let records = &self.import.records;
        let after = self.file.clone().imported(object.clone(), now);
        let origin = self.shown.as_ref().and_then(|shown| shown.origin.as_ref());
        match records.save_file_with_origin(&self.file.clone().into(), &after, origin).await {
            Ok(()) => return Ok(after.content_type),
            Err(RecordsError::Changed) => {} // perhaps only sweep, which has put off what is due: look
            Err(error) => return Err(Stop::Ours(error.into())),
        }
        let changed = records.change_file_with_origin(self.file.owner, self.file.id, origin, |file| {
            if self.is_mine(&file) { file.imported(object.clone(), now) } else { None }
        });
        let saved = changed.await.map_err(|error| Stop::Ours(error.into()))?;
        saved.map(|file| file.content_type).ok_or(Stop::NotOurs)
    }

    /// Makes the bytes an object.
    async fn store(&self, fetched: Fetched, content_type: Option<&str>) -> Result<(), Stop> {
        let File { owner, id, .. } = self.file;
        let objects = &self.import.objects;
        match (self.file.upload_ref(), &fetched.checksum) {
            (Some(upload), _) => {
                objects.complete_upload(upload, &fetched.parts).await?;
            }
            (None, Some(Checksum::Sha256(sha256))) => {
                let upload = Upload { size: fetched.size, sha256, content_type };
                objects.put_file(owner, id, fetched.whole.into(), upload).await?;
            }
            (None, _) => return Err(Stop::Ours("bytes in one piece without their SHA-256".into())),
        }
        info!(file = %id, size_bytes = fetched.size, parts = fetched.parts.len(), "imported");
        Ok(())
    }
}
