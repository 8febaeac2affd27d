use files_domain::{File, FileId, OwnerId};

use crate::save::Imported;
use crate::{Records, RecordsError};

/// Maximum number of attempts while the record changes concurrently.
const MAX_ATTEMPTS: u32 = 8;

impl Records {
    /// Reads a file, applies `change`, and writes the result if the record has not changed in between; otherwise repeats all of it.
    /// `change` returns `None` to write nothing. Returns the file as written; `None` if there is no such file, or nothing was
    /// written.
    ///
    /// # Errors
    /// [`RecordsError::Unavailable`], or [`RecordsError::Busy`] after 8 attempts.
    pub async fn change_file(
        &self,
        owner: OwnerId,
        id: FileId,
        change: impl FnMut(File) -> Option<File>,
    ) -> Result<Option<File>, RecordsError> {
        self.change_with(owner, id, &Imported::default(), change).await
    }

    /// Like [`change_file`](Self::change_file), and in the same transaction checks the limits and stores the origin of `with`.
    ///
    /// # Errors
    /// Those of [`change_file`](Self::change_file); [`RecordsError::Limit`].
    pub async fn change_with(
        &self,
        owner: OwnerId,
        id: FileId,
        with: &Imported<'_>,
        change: impl FnMut(File) -> Option<File>,
    ) -> Result<Option<File>, RecordsError> {
        match self.get_file(owner, id).await {
            Ok((file, _)) => self.change_from(file, with, change).await,
            Err(RecordsError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Like [`change_file`](Self::change_file), with a file that was just read. Reads it again only if the record has changed since.
    ///
    /// # Errors
    /// As [`change_file`](Self::change_file).
    pub async fn change_read_file(
        &self,
        file: File,
        change: impl FnMut(File) -> Option<File>,
    ) -> Result<Option<File>, RecordsError> {
        self.change_from(file, &Imported::default(), change).await
    }

    async fn change_from(
        &self,
        mut before: File,
        with: &Imported<'_>,
        mut change: impl FnMut(File) -> Option<File>,
    ) -> Result<Option<File>, RecordsError> {
        for _ in 0..MAX_ATTEMPTS {
            let Some(after) = change(before.clone()) else { return Ok(None) };
            match self.save_with(&before, &after, with).await {
                Ok(()) => return Ok(Some(after)),
                Err(RecordsError::Changed) => {}
                Err(error) => return Err(error),
            }
            before = match self.get_file(before.owner, before.id).await {
                Ok((file, _)) => file,
                Err(RecordsError::NotFound) => return Ok(None),
                Err(error) => return Err(error),
            };
        }
        Err(RecordsError::Busy("the record kept changing".into()))
    }
}
