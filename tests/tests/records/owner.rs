//! An owner of files, with short methods for the tests.

use std::collections::BTreeSet;

use files_domain::{
    ApiKey, Caller, Detail, File, FileId, FileState, Import, KeyProblem, MediaType, NewKey, OwnerId,
    ProbeDone, Scope, Timestamp,
};
use files_records::{ClientRecords, Created, ImportClaim, Records, RecordsError, SavedProbe};

use crate::dynamodb::{DynamoDb, Scheduled, Usage};
use crate::samples::{at, far_future, media, new_file, object};

/// An owner with a key that has all scopes.
pub(crate) struct Owner<'s> {
    pub(crate) store: &'s DynamoDb,
    pub(crate) key: ApiKey,
}

pub(crate) fn key_of(owner: &str, scopes: BTreeSet<Scope>, expires_at: Option<Timestamp>) -> NewKey {
    NewKey { owner_name: owner.to_owned(), name: "test".to_owned(), scopes, expires_at }
}

impl<'s> Owner<'s> {
    pub(crate) async fn new(store: &'s DynamoDb, name: &str) -> Self {
        let key = store.new_key(&key_of(name, Scope::ALL.into(), None), at(0)).await;
        Self { store, key }
    }

    /// Returns the records as clients access them.
    pub(crate) fn client(&self) -> &'s ClientRecords {
        self.store.client()
    }

    /// Returns the records as background work accesses them.
    pub(crate) fn records(&self) -> &'s Records {
        self.store.records()
    }

    pub(crate) fn id(&self) -> OwnerId {
        self.key.owner()
    }

    pub(crate) fn caller(&self, scope: Scope, now: Timestamp) -> Caller {
        Caller { principal: self.key.clone().into(), scope, now }
    }

    /// Returns callers with an invalid key for `scope` at `now`, and the problem. The revoked key was valid a minute ago.
    pub(crate) async fn bad(&self, name: &str, scope: Scope, now: Timestamp) -> Vec<(Caller, KeyProblem)> {
        let new = |scopes: BTreeSet<Scope>, expires_at| key_of(name, scopes, expires_at);
        let expired = self.store.new_key(&new(Scope::ALL.into(), Some(now)), at(0)).await;
        let revoked = self.store.new_key(&new(Scope::ALL.into(), None), at(0)).await;
        self.store.revoke(revoked.hash(), at(0)).await;
        let others = Scope::ALL.into_iter().filter(|other| *other != scope).collect();
        let lacking = self.store.new_key(&new(others, None), at(0)).await;
        let unknown = ApiKey::generate(self.id()).expect("randomness");
        let caller = |key: ApiKey| Caller { principal: key.into(), scope, now };
        vec![
            (caller(unknown), KeyProblem::Invalid),
            (caller(expired), KeyProblem::Invalid),
            (caller(revoked), KeyProblem::Invalid),
            (caller(lacking), KeyProblem::MissingScope(scope)),
        ]
    }

    pub(crate) async fn create(&self, file: &File) -> Result<Created, RecordsError> {
        let caller = self.caller(Scope::Write, file.created_at());
        self.client().create_file(&caller, file, &Detail::default(), None).await
    }

    /// Returns the record of an upload of `size` bytes, not yet written.
    pub(crate) fn new_upload(&self, size: u64, now: Timestamp) -> File {
        new_file(Some(size), None).awaiting_upload(self.id(), FileId::new(now), now)
    }

    /// Creates an upload that waits for its bytes.
    pub(crate) async fn upload(&self, size: u64, now: Timestamp) -> File {
        self.written(self.new_upload(size, now)).await
    }

    /// Creates an upload that waits for its bytes, with an expiry.
    pub(crate) async fn expiring(&self, size: u64, now: Timestamp, expires_at: Timestamp) -> File {
        let file = new_file(Some(size), Some(expires_at));
        self.written(file.awaiting_upload(self.id(), FileId::new(now), now)).await
    }

    /// Creates an import that is not queued yet.
    pub(crate) async fn import(&self, now: Timestamp) -> File {
        let import = new_file(None, None).awaiting_import(true, self.id(), FileId::new(now), now);
        self.written(import.into()).await
    }

    /// Creates a finished upload.
    pub(crate) async fn success(&self, size: u64, media_type: MediaType, now: Timestamp) -> File {
        let file = self.upload(size, now).await;
        let done = ProbeDone::new(object(size), media(media_type), now);
        assert_eq!(self.probe(file.id, &done).await, SavedProbe::Saved);
        self.record(file.id).await.expect("a record")
    }

    async fn written(&self, file: File) -> File {
        assert_eq!(self.create(&file).await.expect("created"), Created::New);
        file
    }

    /// Returns the current record.
    pub(crate) async fn record(&self, id: FileId) -> Option<File> {
        match self.records().get_file(self.id(), id).await {
            Ok((file, _)) => Some(file),
            Err(RecordsError::NotFound) => None,
            Err(error) => panic!("{error:?}"),
        }
    }

    pub(crate) async fn probe(&self, id: FileId, done: &ProbeDone) -> SavedProbe {
        self.records().finish_probe(self.id(), id, done).await.expect("the probe can be written")
    }

    /// Requests another probe of a `success` file. Returns its record.
    pub(crate) async fn request_reprobe(&self, id: FileId) -> File {
        let before = self.record(id).await.expect("a record");
        let mut after = before.clone();
        let FileState::Stored(stored) = &mut after.state else { panic!("{before:?}") };
        stored.probe_again = true;
        self.records().save_file(&before, &after).await.expect("no concurrent write");
        self.record(id).await.expect("a record")
    }

    pub(crate) async fn claim(&self, id: FileId, now: Timestamp) -> ImportClaim {
        self.records().claim_import(self.id(), id, now).await.expect("the claim can be written")
    }

    /// Claims an import for this test's worker.
    pub(crate) async fn claimed(&self, id: FileId, now: Timestamp) -> File<Import> {
        match self.claim(id, now).await {
            ImportClaim::Claimed(file) => file,
            other => panic!("{other:?}"),
        }
    }

    /// Removes a file for a client.
    pub(crate) async fn remove(&self, file: &File, now: Timestamp) -> Result<(), RecordsError> {
        self.client().remove_file(&self.caller(Scope::Delete, now), file).await
    }

    pub(crate) async fn usage(&self) -> Usage {
        self.store.usage_of(self.id()).await
    }

    pub(crate) async fn due(&self, now: Timestamp) -> BTreeSet<Scheduled> {
        self.store.due_of(self.id(), now).await
    }

    /// Asserts that `work` is the only scheduled work, due from `from` on.
    pub(crate) async fn assert_due(&self, work: Scheduled, from: Timestamp) {
        assert_eq!(self.due(Timestamp::from_millis(from.millis() - 1)).await, [].into(), "not yet");
        assert_eq!(self.due(from).await, [work].into());
        assert_eq!(self.due(far_future()).await, [work].into());
    }

    /// Asserts that no work is scheduled.
    pub(crate) async fn assert_nothing_due(&self) {
        assert_eq!(self.due(far_future()).await, [].into());
    }
}

pub(crate) fn usage(files: i128, bytes: i128, imports: i128) -> Usage {
    Usage { files, bytes, imports }
}
