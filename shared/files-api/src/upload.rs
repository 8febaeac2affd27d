use files_domain::{File, PartPlan, Timestamp};

use crate::{ApiError, Reason};

/// The upload that a file waits for comes in one PUT.
///
/// # Errors
/// It waits for none, or for one in parts.
pub fn awaits_put(file: &File, now: Timestamp) -> Result<(), ApiError> {
    awaits_upload(file, now)?;
    if file.part_plan().is_some() { Err(Reason::ByParts.into()) } else { Ok(()) }
}

/// How the upload that a file waits for is cut into parts.
///
/// # Errors
/// It waits for none, or for one in one PUT.
pub fn awaited_parts(file: &File, now: Timestamp) -> Result<PartPlan, ApiError> {
    awaits_upload(file, now)?;
    file.part_plan().ok_or_else(|| Reason::NotByParts.into())
}

fn awaits_upload(file: &File, now: Timestamp) -> Result<(), ApiError> {
    if file.awaits_upload(now) {
        return Ok(());
    }
    let message = format!("The file does not wait for an upload: it is {}", file.status());
    Err(ApiError::from(Reason::UploadOver).with_message(message))
}
