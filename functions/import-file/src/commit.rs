//! The last stage: saves the record and completes the object.

use files_domain::{Checksum, File, Import, ImportedObject};
use files_objects::{ObjectsError, Upload, Uploaded};
use files_records::{Imported, RecordsError};
use tracing::info;

use crate::error::ImportError;
use crate::fetched::{Fetched, SourceMetadata};
use crate::lease::Lease;
use crate::{BoxError, ImportFile};

/// Completes an import whose bytes an earlier run fetched before it crashed. If the bytes are lost, restarts the import and
/// returns the file, which must be imported again. Returns `None` if the import is complete or the file has changed.
pub(crate) async fn commit_or_restart(
    import: &ImportFile,
    file: File,
) -> Result<Option<File<Import>>, BoxError> {
    // Of the run that crashed, which has joined separate streams.
    import.objects.delete_streams(file.owner, file.id).await?;
    if is_committed(import, &file).await? {
        return Ok(None);
    }
    let Some(restarted) = file.clone().restarted(lambda_startup::now()) else { return Ok(None) };
    match import.records.save_file(&file, &restarted.clone().into()).await {
        Ok(()) => Ok(Some(File { version: restarted.version + 1, ..restarted })),
        Err(RecordsError::Changed) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Returns whether the object exists or could be completed from its parts.
async fn is_committed(import: &ImportFile, file: &File) -> Result<bool, BoxError> {
    match import.objects.head_file(file.owner, file.id).await {
        Ok(_) => return Ok(true),
        Err(ObjectsError::NotFound) => {}
        Err(error) => return Err(error.into()),
    }
    let Some(upload) = file.upload_ref() else { return Ok(false) };
    let completed = import.objects.complete_stored_parts(upload, file.size.unwrap_or(0)).await?;
    Ok(completed == Uploaded::Completed)
}

/// Saves the import as fetched, then creates the object. In this order, because the S3 event of the object may arrive immediately
/// and must find the record.
///
/// # Errors
/// [`ImportError::Refused`] if the bytes do not have the announced SHA-256, [`ImportError::Lost`] if the lease is lost,
/// [`ImportError::Ours`] if a call to DynamoDB or S3 failed.
pub(crate) async fn commit(
    lease: &Lease<'_>,
    fetched: Fetched,
    metadata: &SourceMetadata,
) -> Result<(), ImportError> {
    let announced = lease.file.announced_sha256.clone().map(Checksum::Sha256);
    if announced.is_some() && announced != fetched.checksum() {
        return Err(ImportError::Refused("the source's bytes do not have the announced SHA-256".to_owned()));
    }
    let object = ImportedObject {
        size: fetched.size(),
        checksum: fetched.checksum(),
        content_type: metadata.content_type.clone(),
        name: metadata.name.clone(),
        upload_id: lease.file.state.upload_id.clone(),
    };
    let content_type = save_imported(lease, object, metadata).await?;
    store(lease, fetched, content_type.as_deref()).await
}

/// Saves the record, and returns the file's media type.
async fn save_imported(
    lease: &Lease<'_>,
    object: ImportedObject,
    metadata: &SourceMetadata,
) -> Result<Option<String>, ImportError> {
    let now = lambda_startup::now();
    let (file, records) = (&lease.file, &lease.import.records);
    let with = Imported { origin: metadata.origin.as_ref(), limits: lease.limits(now).await? };
    let after = file.clone().imported(object.clone(), now);
    match records.save_with(&file.clone().into(), &after, &with).await {
        Ok(()) => return Ok(after.content_type),
        Err(RecordsError::Limit(exceeded)) => return Err(ImportError::over_limit(exceeded)),
        Err(RecordsError::Changed) => {} // for example by sweep, which moves deadlines
        Err(error) => return Err(ImportError::Ours(error.into())),
    }
    let changed = records.change_with(file.owner, file.id, &with, |found| {
        if lease.is_ours(&found) { found.imported(object.clone(), now) } else { None }
    });
    let saved = changed.await.map_err(|error| match error {
        RecordsError::Limit(exceeded) => ImportError::over_limit(exceeded),
        error => ImportError::Ours(error.into()),
    })?;
    saved.map(|file| file.content_type).ok_or(ImportError::Lost)
}

async fn store(lease: &Lease<'_>, fetched: Fetched, content_type: Option<&str>) -> Result<(), ImportError> {
    let (File { owner, id, .. }, objects) = (&lease.file, &lease.import.objects);
    let size = fetched.size();
    match (fetched, lease.file.upload_ref()) {
        (Fetched::Parts { parts, .. }, Some(upload)) => {
            objects.complete_upload(upload, &parts).await?;
        }
        (Fetched::Parts { .. }, None) => {
            return Err(ImportError::Ours("the parts have no multipart upload".into()));
        }
        (Fetched::Whole { bytes, sha256 }, _) => {
            let upload = Upload { size, sha256: &sha256, content_type };
            objects.put_file(*owner, *id, bytes.into(), upload).await?;
        }
    }
    // From the request for it, waiting included.
    let seconds = lambda_startup::now().seconds().saturating_sub(id.created_at().seconds());
    info!(file = %id, size_bytes = size, seconds, "imported");
    if lease.file.state.streams.is_some() {
        objects.delete_streams(*owner, *id).await?; // if it fails, SQS delivers the message again
    }
    Ok(())
}
