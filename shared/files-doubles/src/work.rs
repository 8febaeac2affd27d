use files_domain::{
    ClaimImport, Due, DueKind, File, FileId, FinishProbe, ImportClaim, OwnerId, ProbeDone, Progress,
    SavedProbe, Status, StoreError, Timestamp, limits,
};

use crate::Memory;

impl FinishProbe for Memory {
    async fn finish_probe(
        &self,
        owner: OwnerId,
        id: FileId,
        done: &ProbeDone,
    ) -> Result<SavedProbe, StoreError> {
        let mut state = self.lock();
        let owner = state.owner(owner);
        let Some((mut file, mut detail)) = owner.files.get(&id).cloned() else {
            return Ok(SavedProbe::NoRecord);
        };
        let saved = if !file.status.is_terminal() {
            file.probed(done);
            SavedProbe::Saved
        } else if file.probed_again(done) {
            SavedProbe::SavedAgain
        } else {
            return Ok(SavedProbe::AlreadyTerminal(file.status));
        };
        file.version += 1;
        detail.full_probe = done.full.clone().or(detail.full_probe);
        owner.put(file, detail);
        Ok(saved)
    }
}

impl ClaimImport for Memory {
    async fn claim_import(
        &self,
        owner: OwnerId,
        id: FileId,
        now: Timestamp,
    ) -> Result<ImportClaim, StoreError> {
        let mut state = self.lock();
        let owner = state.owner(owner);
        let Some(before) = owner.file(id).filter(|file| !file.status.is_terminal()).cloned() else {
            return Ok(ImportClaim::Over);
        };
        if let Some(until) = before.lease_until.filter(|until| *until > now) {
            return Ok(ImportClaim::HeldUntil(until));
        }
        let lease_until = now.plus(limits::IMPORT_LEASE);
        let (kind, tries) = before.due.map_or((DueKind::Import, 0), |due| (due.kind, due.tries));
        let claimed = File {
            status: Status::Running,
            updated_at: now,
            lease_until: Some(lease_until),
            generation: before.generation + 1,
            version: before.version + 1,
            due: Some(Due { kind, at: lease_until, tries }),
            ..before.clone()
        };
        owner.replace(&before, claimed.clone());
        Ok(ImportClaim::Claimed(claimed))
    }

    async fn save_progress(
        &self,
        file: &File,
        progress: Progress,
        upload_id: Option<&str>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut state = self.lock();
        let owner = state.owner(file.owner);
        let mine = |it: &&File| it.status == Status::Running && it.generation == file.generation;
        let before = owner.file(file.id).filter(mine).cloned().ok_or(StoreError::Changed)?;
        let mut after = File { progress: Some(progress), updated_at: now, ..before.clone() };
        after.upload_id = upload_id.map(str::to_owned).or(after.upload_id);
        owner.replace(&before, after);
        Ok(())
    }
}
