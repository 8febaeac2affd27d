use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use files_domain::{
    ApiKey, Authority, Detail, File, FileId, KeyHash, KeyRecord, NewKey, OwnerId, StoreError, Timestamp,
};

/// The records, in memory. Each call of a port is one step that nothing comes between.
#[derive(Debug, Default)]
pub struct Memory {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    keys: HashMap<KeyHash, KeyRecord>,
    owners: HashMap<OwnerId, Owner>,
}

/// All that is kept of one owner.
#[derive(Debug, Default)]
pub(crate) struct Owner {
    pub(crate) files: BTreeMap<FileId, (File, Detail)>,
    pub(crate) requests: HashMap<String, Request>,
    pub(crate) removed: BTreeMap<FileId, Removed>,
    usage: Usage,
}

/// What an idempotency key stands for, until `until_seconds` since the epoch.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) id: FileId,
    pub(crate) request_hash: String,
    pub(crate) until_seconds: u64,
}

/// What remains of a removed file until its bytes are deleted.
#[derive(Debug)]
pub(crate) struct Removed {
    pub(crate) due_at: Timestamp,
    pub(crate) upload_id: Option<String>,
}

/// What is kept for an owner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Files.
    pub files: i128,
    /// Bytes held for them.
    pub bytes: i128,
    /// Imports in flight.
    pub imports: i128,
}

/// Something that time must finish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Duty {
    /// What the file's record says.
    File(FileId),
    /// The deletion of a removed file's bytes.
    Removed(FileId),
}

impl Memory {
    /// Makes an API key.
    ///
    /// # Errors
    /// The system has no randomness to give.
    pub fn create_key(&self, new: &NewKey, now: Timestamp) -> Result<ApiKey, StoreError> {
        let owner = OwnerId::named(&new.owner_name);
        let key = ApiKey::generate(owner).map_err(|error| StoreError::Unavailable(error.into()))?;
        let record = KeyRecord {
            owner,
            owner_name: new.owner_name.clone(),
            name: new.name.clone(),
            scopes: new.scopes.clone(),
            created_at: now,
            expires_at: new.expires_at,
            revoked_at: None,
        };
        self.lock().keys.insert(key.hash(), record);
        Ok(key)
    }

    /// Revokes an API key.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]: there is no such key.
    pub fn revoke_key(&self, hash: KeyHash, now: Timestamp) -> Result<(), StoreError> {
        let mut state = self.lock();
        let record = state.keys.get_mut(&hash).ok_or(StoreError::NotFound)?;
        record.revoked_at.get_or_insert(now);
        Ok(())
    }

    /// What is kept for an owner.
    #[must_use]
    pub fn usage(&self, owner: OwnerId) -> Usage {
        self.lock().owner(owner).usage
    }

    /// What is due of an owner's files at `now`.
    #[must_use]
    pub fn due(&self, owner: OwnerId, now: Timestamp) -> Vec<Duty> {
        let mut state = self.lock();
        let owner = state.owner(owner);
        let files = owner.files.values().filter(|(file, _)| file.due.is_some_and(|due| due.at <= now));
        let removed = owner.removed.iter().filter(|(_, removed)| removed.due_at <= now);
        files.map(|(file, _)| Duty::File(file.id)).chain(removed.map(|(id, _)| Duty::Removed(*id))).collect()
    }

    /// The unfinished upload of a removed file, if it is still to be cleaned up.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]: nothing is left to do.
    pub fn removed_upload(&self, owner: OwnerId, id: FileId) -> Result<Option<String>, StoreError> {
        let mut state = self.lock();
        let removed = state.owner(owner).removed.get(&id).ok_or(StoreError::NotFound)?;
        Ok(removed.upload_id.clone())
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    pub(crate) fn owner(&mut self, owner: OwnerId) -> &mut Owner {
        self.owners.entry(owner).or_default()
    }

    /// The key is good for what is asked.
    pub(crate) fn check(&self, access: &Authority) -> Result<(), StoreError> {
        Ok(access.check(self.keys.get(&access.key.hash()))?)
    }
}

impl Owner {
    /// The record, if there is one.
    pub(crate) fn file(&self, id: FileId) -> Option<&File> {
        self.files.get(&id).map(|(file, _)| file)
    }

    /// The record, if it is still the one that was read.
    pub(crate) fn unchanged(&self, seen: &File) -> Result<(), StoreError> {
        match self.file(seen.id) {
            Some(file) if file.version == seen.version => Ok(()),
            _ => Err(StoreError::Changed),
        }
    }

    /// Writes a record and its detail, new or in the place of the one before, and the difference to the usage.
    pub(crate) fn put(&mut self, file: File, detail: Detail) {
        self.usage.add(&file);
        if let Some((before, _)) = self.files.insert(file.id, (file, detail)) {
            self.usage.subtract(&before);
        }
    }

    /// Writes what a change makes of a record; its detail stays.
    pub(crate) fn replace(&mut self, before: &File, after: File) {
        let detail = self.files.get(&before.id).map(|(_, detail)| detail.clone()).unwrap_or_default();
        self.put(File { version: before.version + 1, ..after }, detail);
    }

    pub(crate) fn take(&mut self, id: FileId) {
        if let Some((before, _)) = self.files.remove(&id) {
            self.usage.subtract(&before);
        }
    }
}

impl Usage {
    /// What one file counts for.
    #[must_use]
    pub fn of(file: &File) -> Self {
        Self { files: 1, bytes: file.held.into(), imports: file.importing.into() }
    }

    fn add(&mut self, file: &File) {
        let one = Self::of(file);
        *self = Self {
            files: self.files + one.files,
            bytes: self.bytes + one.bytes,
            imports: self.imports + one.imports,
        };
    }

    fn subtract(&mut self, file: &File) {
        let one = Self::of(file);
        *self = Self {
            files: self.files - one.files,
            bytes: self.bytes - one.bytes,
            imports: self.imports - one.imports,
        };
    }
}
