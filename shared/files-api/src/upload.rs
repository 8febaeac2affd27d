use files_domain::{File, PartPlan, Timestamp};

use crate::{ApiError, Reason};

/// Checks that a file awaits a single PUT.
///
/// # Errors
/// [`Reason::UploadOver`], [`Reason::IsMultipart`].
pub fn awaits_put(file: &File, now: Timestamp) -> Result<(), ApiError> {
    awaits_upload(file, now)?;
    if file.part_plan().is_some() { Err(Reason::IsMultipart.into()) } else { Ok(()) }
}

/// Returns the part sizes of the multipart upload that a file awaits.
///
/// # Errors
/// [`Reason::UploadOver`], [`Reason::NotMultipart`].
pub fn awaited_parts(file: &File, now: Timestamp) -> Result<PartPlan, ApiError> {
    awaits_upload(file, now)?;
    file.part_plan().ok_or_else(|| Reason::NotMultipart.into())
}

fn awaits_upload(file: &File, now: Timestamp) -> Result<(), ApiError> {
    if file.awaits_upload(now) {
        return Ok(());
    }
    let message = format!("The file does not wait for an upload: it is {}", file.status());
    Err(ApiError::from(Reason::UploadOver).with_message(message))
}
