//! The last stage: from the source's last byte to a completed object.

use files_domain::{Checksum, File, ImportedObject};
use files_objects::{ObjectsError, Upload, Uploaded};
use files_records::RecordsError;
use tracing::info;

use crate::BoxError;
use crate::error::ImportError;
use crate::fetched::{Fetched, SourceMetadata};
use crate::lease::Lease;

/// Completes what an earlier run fetched before it crashed. Returns whether all bytes were there.
pub(crate) async fn commit_stored(lease: &Lease<'_>) -> Result<bool, BoxError> {
    let (File { owner, id, .. }, objects) = (&lease.file, &lease.import.objects);
    match objects.head_file(*owner, *id).await {
        Ok(_) => return Ok(true),
        Err(ObjectsError::NotFound) => {}
        Err(error) => return Err(error.into()),
    }
    let Some(upload) = lease.file.upload_ref() else { return Ok(false) };
    let size = lease.file.size.unwrap_or(0);
    Ok(objects.complete_stored_parts(upload, size).await? == Uploaded::Completed)
}

/// Records that all bytes are there, then makes them an object. The record comes first: S3's event may arrive at once.
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
        upload_id: lease.file.upload_id.clone(),
    };
    let content_type = save_imported(lease, object, metadata).await?;
    store(lease, fetched, content_type.as_deref()).await
}

/// Saves the record and returns the file's media type.
async fn save_imported(
    lease: &Lease<'_>,
    object: ImportedObject,
    metadata: &SourceMetadata,
) -> Result<Option<String>, ImportError> {
    let now = lambda_startup::now();
    let (file, records, origin) = (&lease.file, &lease.import.records, metadata.origin.as_ref());
    let mut after = file.clone();
    after.imported(object.clone(), now);
    match records.save_file_with_origin(file, &after, origin).await {
        Ok(()) => return Ok(after.content_type),
        Err(RecordsError::Changed) => {} // perhaps by sweep, which put off a deadline
        Err(error) => return Err(ImportError::Ours(error.into())),
    }
    let changed = records.change_file_with_origin(file.owner, file.id, origin, |found| {
        let is_ours = found.generation == file.generation && !found.status.is_terminal();
        if is_ours {
            found.imported(object.clone(), now);
        }
        is_ours
    });
    let saved = changed.await.map_err(|error| ImportError::Ours(error.into()))?;
    saved.map(|file| file.content_type).ok_or(ImportError::Lost)
}

async fn store(lease: &Lease<'_>, fetched: Fetched, content_type: Option<&str>) -> Result<(), ImportError> {
    let (File { owner, id, .. }, objects) = (&lease.file, &lease.import.objects);
    let size = fetched.size();
    match (fetched, lease.file.upload_ref()) {
        (Fetched::Parts { parts, .. }, Some(upload)) => {
            objects.complete_upload(upload, &parts).await?;
        }
        (Fetched::Parts { .. }, None) => return Err(ImportError::Ours("parts without an upload".into())),
        (Fetched::Whole { bytes, sha256 }, _) => {
            let upload = Upload { size, sha256: &sha256, content_type };
            objects.put_file(*owner, *id, bytes.into(), upload).await?;
        }
    }
    info!(file = %id, size_bytes = size, "imported");
    Ok(())
}
