use files_domain::{
    Authority, CreateFile, Created, Detail, File, FileId, FileRecords, Idempotency, Origin, OwnerId,
    RemoveFile, StoreError, Timestamp, limits,
};

use crate::Memory;
use crate::memory::{Removed, Request};

impl CreateFile for Memory {
    async fn create_file(
        &self,
        access: &Authority,
        file: &File,
        detail: &Detail,
        idempotency: Option<&Idempotency>,
    ) -> Result<Created, StoreError> {
        let mut state = self.lock();
        state.check(access)?;
        let owner = state.owner(file.owner);
        let before = idempotency.and_then(|asked| Some((asked, owner.requests.get(&asked.key)?)));
        if let Some((asked, before)) = before.filter(|(_, it)| it.until_seconds > access.now.seconds()) {
            return match owner.files.get(&before.id) {
                Some((file, detail))
                    if before.request_hash == asked.request_hash && !file.has_expired(access.now) =>
                {
                    Ok(Created::Before(file.clone(), detail.clone()))
                }
                _ => Err(StoreError::IdempotencyConflict),
            };
        }
        if owner.files.contains_key(&file.id) {
            return Err(StoreError::Changed);
        }
        if let Some(asked) = idempotency {
            let until_seconds = access.now.plus(limits::IDEMPOTENCY_WINDOW).seconds();
            let request = Request { id: file.id, request_hash: asked.request_hash.clone(), until_seconds };
            owner.requests.insert(asked.key.clone(), request);
        }
        owner.put(file.clone(), detail.clone());
        Ok(Created::New)
    }
}

impl RemoveFile for Memory {
    async fn remove_file(
        &self,
        access: Option<&Authority>,
        file: &File,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut state = self.lock();
        access.map_or(Ok(()), |access| state.check(access))?;
        let owner = state.owner(file.owner);
        owner.unchanged(file)?;
        owner.take(file.id);
        let removed = Removed { due_at: file.removal_due(now), upload_id: file.upload_id.clone() };
        owner.removed.insert(file.id, removed);
        Ok(())
    }

    async fn forget_removed(&self, owner: OwnerId, id: FileId) -> Result<(), StoreError> {
        self.lock().owner(owner).removed.remove(&id);
        Ok(())
    }
}

impl FileRecords for Memory {
    async fn get_file(&self, owner: OwnerId, id: FileId) -> Result<(File, Detail), StoreError> {
        self.lock().owner(owner).files.get(&id).cloned().ok_or(StoreError::NotFound)
    }

    async fn save_file_of_page(
        &self,
        before: &File,
        after: &File,
        origin: Option<&Origin>,
    ) -> Result<(), StoreError> {
        let mut state = self.lock();
        let owner = state.owner(before.owner);
        owner.unchanged(before)?;
        owner.replace(before, after.clone());
        if let (Some(origin), Some((_, detail))) = (origin, owner.files.get_mut(&before.id)) {
            detail.origin = Some(origin.clone());
        }
        Ok(())
    }
}
