use files_domain::{
    ClaimImport, Due, DueKind, File, FileId, FinishProbe, ImportClaim, OwnerId, ProbeDone, SavedProbe,
    Status, StoreError, Timestamp, limits,
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

    async fn save_progress(&self, file: &File, now: Timestamp) -> Result<(), StoreError> {
        self.change_mine(file, |before| with_work(before, file, now))
    }

    async fn release_import(
        &self,
        file: &File,
        again_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let tries = file.due.map_or(0, |due| due.tries);
        let due = Some(Due { kind: DueKind::Import, at: again_at, tries });
        self.change_mine(file, |before| File { lease_until: None, due, ..with_work(before, file, now) })
    }
}

/// The record with what its worker says of its work.
fn with_work(before: &File, work: &File, now: Timestamp) -> File {
    File {
        progress: work.progress,
        upload_id: work.upload_id.clone(),
        resume: work.resume.clone(),
        setbacks: work.setbacks,
        due: before.due.map(|due| Due { tries: work.due.map_or(0, |due| due.tries), ..due }),
        updated_at: now,
        ..before.clone()
    }
}

impl Memory {
    fn change_mine(&self, file: &File, change: impl FnOnce(&File) -> File) -> Result<(), StoreError> {
        let mut state = self.lock();
        let owner = state.owner(file.owner);
        let mine = |it: &&File| it.status == Status::Running && it.generation == file.generation;
        let before = owner.file(file.id).filter(mine).cloned().ok_or(StoreError::Changed)?;
        owner.replace(&before, change(&before));
        Ok(())
    }
}
