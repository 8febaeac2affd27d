use crate::{File, FileId, FileRecords, Origin, OwnerId, StoreError};

/// Tries against a record that keeps changing.
const MAX_TRIES: u32 = 8;

/// Reads a file, lets `change` change it, and writes it if nobody else has in between; else all of it again. `change`
/// says by `false` that there is nothing to change. Gives the file as it then stands; `None` if there is none, or
/// nothing was changed.
///
/// # Errors
/// The records are unavailable, or busy for too long.
pub async fn change_file<R: FileRecords>(
    records: &R,
    owner: OwnerId,
    id: FileId,
    change: impl FnMut(&mut File) -> bool,
) -> Result<Option<File>, StoreError> {
    change_file_of_page(records, owner, id, None, change).await
}

/// The same, and in the same step what the page that the file comes from says of it; `None` leaves that as it is.
///
/// # Errors
/// As [`change_file`].
pub async fn change_file_of_page<R: FileRecords>(
    records: &R,
    owner: OwnerId,
    id: FileId,
    origin: Option<&Origin>,
    change: impl FnMut(&mut File) -> bool,
) -> Result<Option<File>, StoreError> {
    match records.get_file(owner, id).await {
        Ok((file, _)) => change_from(records, file, origin, change).await,
        Err(StoreError::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The same as [`change_file`] of a file that was just read: it is read again only if somebody else has changed it since.
///
/// # Errors
/// As [`change_file`].
pub async fn change_read_file<R: FileRecords>(
    records: &R,
    file: File,
    change: impl FnMut(&mut File) -> bool,
) -> Result<Option<File>, StoreError> {
    change_from(records, file, None, change).await
}

async fn change_from<R: FileRecords>(
    records: &R,
    mut before: File,
    origin: Option<&Origin>,
    mut change: impl FnMut(&mut File) -> bool,
) -> Result<Option<File>, StoreError> {
    for _ in 0..MAX_TRIES {
        let mut after = before.clone();
        if !change(&mut after) {
            return Ok(None);
        }
        match records.save_file_of_page(&before, &after, origin).await {
            Ok(()) => return Ok(Some(after)),
            Err(StoreError::Changed) => {}
            Err(error) => return Err(error),
        }
        before = match records.get_file(before.owner, before.id).await {
            Ok((file, _)) => file,
            Err(StoreError::NotFound) => return Ok(None),
            Err(error) => return Err(error),
        };
    }
    Err(StoreError::Busy("the record kept changing".into()))
}
