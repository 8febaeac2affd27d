//! What a suite runs on: the ports, and a look behind them.

use std::collections::BTreeSet;

use files_domain::{
    ApiKey, CheckKey, ClaimImport, CreateFile, FileId, FileRecords, FindFile, FinishProbe, KeyHash,
    ListFiles, NewKey, OwnerId, RemoveFile, StoreError, Timestamp,
};
use files_doubles::{Duty, Memory, Usage};

/// Every port of the records.
pub(crate) trait Ports:
    CheckKey + FindFile + ListFiles + CreateFile + RemoveFile + FinishProbe + FileRecords + ClaimImport
{
}

impl<P: CheckKey + FindFile + ListFiles + CreateFile + RemoveFile + FinishProbe + FileRecords + ClaimImport>
    Ports for P
{
}

/// Records under test.
pub(crate) trait Store {
    type Ports: Ports;

    fn ports(&self) -> &Self::Ports;

    async fn new_key(&self, new: &NewKey, now: Timestamp) -> ApiKey;

    async fn revoke(&self, key: KeyHash, now: Timestamp);

    /// What is written down as kept for an owner.
    async fn usage_of(&self, owner: OwnerId) -> Usage;

    /// What the index shows as due of an owner at `now`.
    async fn due_of(&self, owner: OwnerId, now: Timestamp) -> BTreeSet<Duty>;

    /// The unfinished upload that a removed file has left; `None` if nothing is left to do.
    async fn left_of(&self, owner: OwnerId, id: FileId) -> Option<Option<String>>;
}

impl Store for Memory {
    type Ports = Self;

    fn ports(&self) -> &Self {
        self
    }

    async fn new_key(&self, new: &NewKey, now: Timestamp) -> ApiKey {
        self.create_key(new, now).expect("a key")
    }

    async fn revoke(&self, key: KeyHash, now: Timestamp) {
        self.revoke_key(key, now).expect("the key is there");
    }

    async fn usage_of(&self, owner: OwnerId) -> Usage {
        self.usage(owner)
    }

    async fn due_of(&self, owner: OwnerId, now: Timestamp) -> BTreeSet<Duty> {
        self.due(owner, now).into_iter().collect()
    }

    async fn left_of(&self, owner: OwnerId, id: FileId) -> Option<Option<String>> {
        left(self.removed_upload(owner, id))
    }
}

/// What [`Store::left_of`] says by the answer of the records.
pub(crate) fn left(answer: Result<Option<String>, StoreError>) -> Option<Option<String>> {
    match answer {
        Ok(upload_id) => Some(upload_id),
        Err(StoreError::NotFound) => None,
        Err(error) => panic!("{error:?}"),
    }
}
