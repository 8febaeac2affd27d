use std::collections::HashMap;

use files_domain::{Caller, Detail, File, FileId, OwnerId, Scope, UploadToken};

use crate::attribute::Item;
use crate::batch::{self, ByTable, by_sort_key};
use crate::error::unavailable;
use crate::item::{detail_from_item, file_from_item};
use crate::keys::{detail_sk, file_sk, owner_pk, primary_key};
use crate::{ClientRecords, Records, RecordsError};

impl ClientRecords {
    /// Reads one of the caller's files. With the scope `read`, one consistent read has the key and the file.
    ///
    /// # Errors
    /// [`RecordsError::Key`]; [`RecordsError::NotFound`]: there is no such file, it is another owner's, or it has expired;
    /// [`RecordsError::Busy`], [`RecordsError::Unavailable`].
    pub async fn find_file(&self, caller: &Caller, id: FileId) -> Result<File, RecordsError> {
        Ok(self.find(caller, id, false).await?.0)
    }

    /// Like [`find_file`](Self::find_file), with the detail item.
    ///
    /// # Errors
    /// As [`find_file`](Self::find_file).
    pub async fn find_file_with_detail(
        &self,
        caller: &Caller,
        id: FileId,
    ) -> Result<(File, Detail), RecordsError> {
        self.find(caller, id, true).await
    }

    /// Reads a file whose upload the caller may continue: one of the owner of the API key, or one that the upload token has
    /// created.
    ///
    /// # Errors
    /// As [`find_file`](Self::find_file).
    pub async fn find_upload(&self, caller: &Caller, id: FileId) -> Result<File, RecordsError> {
        Ok(match caller.upload_token() {
            None => self.find(caller, id, false).await?.0,
            Some(token) => self.find_of_token(caller, token, id).await?.0,
        })
    }

    /// Like [`find_upload`](Self::find_upload), with the detail item.
    ///
    /// # Errors
    /// As [`find_file`](Self::find_file).
    pub async fn find_upload_with_detail(
        &self,
        caller: &Caller,
        id: FileId,
    ) -> Result<(File, Detail), RecordsError> {
        match caller.upload_token() {
            None => self.find(caller, id, true).await,
            Some(token) => self.find_of_token(caller, token, id).await,
        }
    }

    /// Reads the token, the summary and the detail by one consistent `BatchGetItem`.
    async fn find_of_token(
        &self,
        caller: &Caller,
        token: &UploadToken,
        id: FileId,
    ) -> Result<(File, Detail), RecordsError> {
        let pk = owner_pk(token.owner());
        let keys = vec![primary_key(&pk, file_sk(id)), primary_key(&pk, detail_sk(id))];
        let (_, found) = self.read_with_token(caller, token, keys).await?;
        let (file, detail) = from_found(found, id, caller)?;
        if file.is_of_token(token) { Ok((file, detail)) } else { Err(RecordsError::NotFound) }
    }

    /// Reads the summary, the detail if `detail` is set, and the key unless it is checked already, by one consistent `BatchGetItem`.
    async fn find(&self, caller: &Caller, id: FileId, detail: bool) -> Result<(File, Detail), RecordsError> {
        let records = self.unchecked();
        let with_key = self.has_key_to_check(caller).await?;
        let owner_pk = owner_pk(caller.owner());
        let mut keys = vec![primary_key(&owner_pk, file_sk(id))];
        if detail {
            keys.push(primary_key(&owner_pk, detail_sk(id)));
        }
        let mut wanted = ByTable::from([(records.table.clone(), keys)]);
        if with_key {
            let (table, keys) = self.keys().place(caller);
            wanted.insert(table.to_owned(), keys);
        }
        let mut read = batch::read(&records.client, wanted).await?;
        if with_key {
            let (table, _) = self.keys().place(caller);
            self.keys().judge_items(caller, read.remove(table))?;
            self.keys().note_use(caller).await;
        }
        from_found(by_sort_key(read.remove(&records.table))?, id, caller)
    }

    /// Returns whether the key has to be read together with the file. With the scope `read`, a key is read unless it is cached. With
    /// another scope, a key that is not cached is checked here by a separate read, so that an invalid key reads no item of the owner
    /// that it names; a cached one is read again, since it may be revoked.
    async fn has_key_to_check(&self, caller: &Caller) -> Result<bool, RecordsError> {
        let keys = self.keys();
        match (keys.is_cached(caller)?, caller.scope) {
            (is_cached, Scope::Read) => Ok(!is_cached),
            (true, _) => Ok(true),
            (false, _) => keys.read(caller).await.map(|()| false),
        }
    }
}

impl Records {
    /// Reads a file and its detail consistently, for work without a caller.
    ///
    /// # Errors
    /// [`RecordsError::NotFound`], [`RecordsError::Busy`], [`RecordsError::Unavailable`].
    pub async fn get_file(&self, owner: OwnerId, id: FileId) -> Result<(File, Detail), RecordsError> {
        let pk = owner_pk(owner);
        let keys = vec![primary_key(&pk, file_sk(id)), primary_key(&pk, detail_sk(id))];
        let mut found = self.read_all(keys).await?;
        let file = found.remove(&file_sk(id)).ok_or(RecordsError::NotFound)?;
        Ok((file_from_item(file)?, detail_from_item(found.remove(&detail_sk(id)))?))
    }

    /// Reads a file's summary by one consistent read. `None`: there is no such file.
    ///
    /// # Errors
    /// [`RecordsError::Busy`], [`RecordsError::Unavailable`].
    pub async fn find_summary(&self, owner: OwnerId, id: FileId) -> Result<Option<File>, RecordsError> {
        let get = self.client.get_item().table_name(&self.table).consistent_read(true);
        let key = primary_key(owner_pk(owner), file_sk(id));
        let found = get.set_key(Some(key)).send().await.map_err(unavailable)?;
        found.item.map(file_from_item).transpose()
    }

    /// Reads items of the files table consistently, and returns them by sort key.
    async fn read_all(&self, keys: Vec<Item>) -> Result<HashMap<String, Item>, RecordsError> {
        let mut read = batch::read(&self.client, ByTable::from([(self.table.clone(), keys)])).await?;
        by_sort_key(read.remove(&self.table))
    }
}

/// Returns the file from the items that were found, unless it has expired.
fn from_found(
    mut found: HashMap<String, Item>,
    id: FileId,
    caller: &Caller,
) -> Result<(File, Detail), RecordsError> {
    let file = found.remove(&file_sk(id)).map(file_from_item).transpose()?;
    let file = file.filter(|file| !file.has_expired(caller.now)).ok_or(RecordsError::NotFound)?;
    Ok((file, detail_from_item(found.remove(&detail_sk(id)))?))
}
