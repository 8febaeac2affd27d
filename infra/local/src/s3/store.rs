//! Index and files together: a change of both is one transaction.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use s3s::S3ErrorCode;
use time::OffsetDateTime;
use tokio::sync::Notify;

use super::ObjectCreated;
use super::fault::{Fault, Outcome};
use super::files::{Held, ObjectFiles, Stored};
use super::index::objects::{self, Object, Segment};
use super::index::uploads::{self, Overtaken};
use super::index::{self, events};

/// The storage of one bucket.
pub(super) struct Store {
    /// The only bucket's name.
    pub(super) bucket: String,
    /// The region that signatures must name.
    pub(super) region: String,
    pub(super) files: Arc<ObjectFiles>,
    index: Mutex<Connection>,
    created: Arc<Notify>,
}

impl Store {
    /// Opens the storage, and removes staged bodies and unnamed files that a crash left.
    pub(super) fn open(folder: &Path, bucket: String, region: String) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder)?;
        // The index first: its lock also protects the files.
        let index = index::open(&folder.join("index.sqlite"))?;
        let files = ObjectFiles::open(folder)?;
        files.sweep::<anyhow::Error>(|file| Ok(index::names_file(&index, file)?))?;
        uploads::forget_completed(&index, OffsetDateTime::now_utc())?;
        let created = Arc::new(Notify::new());
        Ok(Self { bucket, region, files: Arc::new(files), index: Mutex::new(index), created })
    }

    /// Refuses any other bucket.
    pub(super) fn check_bucket(&self, name: &str) -> Outcome<()> {
        if name == self.bucket {
            return Ok(());
        }
        Err(Fault::new(S3ErrorCode::NoSuchBucket, "The specified bucket does not exist"))
    }

    /// Reads the index on a blocking thread.
    pub(super) async fn read<T, F>(self: &Arc<Self>, read: F) -> Outcome<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Outcome<T> + Send + 'static,
    {
        let store = Arc::clone(self);
        tokio::task::spawn_blocking(move || read(&store.index())).await?
    }

    /// Changes index and files on a blocking thread. The change completes even if the caller is dropped.
    pub(super) async fn change<T, F>(self: &Arc<Self>, change: F) -> Outcome<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Change<'_>) -> Outcome<T> + Send + 'static,
    {
        let store = Arc::clone(self);
        tokio::task::spawn_blocking(move || store.change_now(change)).await?
    }

    fn change_now<T>(&self, work: impl FnOnce(&mut Change<'_>) -> Outcome<T>) -> Outcome<T> {
        let (value, created) = self.commit(work)?;
        if created {
            self.created.notify_one();
        }
        Ok(value)
    }

    fn commit<T>(&self, work: impl FnOnce(&mut Change<'_>) -> Outcome<T>) -> Outcome<(T, bool)> {
        let mut index = self.index();
        let transaction = index.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut change =
            Change { index: transaction, stored: Vec::new(), removed: Vec::new(), created: false };
        let value = work(&mut change)?;
        let Change { index: transaction, stored, removed, created } = change;
        transaction.commit()?;
        stored.into_iter().for_each(Stored::indexed);
        // Under the lock, so that no reader finds a row whose file is removed before the reader holds it.
        self.files.remove(&removed);
        Ok((value, created))
    }

    /// Finds an object, and holds its files for reading.
    pub(super) async fn find(self: &Arc<Self>, key: String) -> Outcome<Option<Found>> {
        let files = Arc::clone(&self.files);
        self.read(move |index| {
            let Some(object) = objects::find(index, &key)? else {
                return Ok(None);
            };
            let segments = objects::segments(index, &object.version)?;
            let held = files.hold(segments.iter().map(|segment| segment.file.clone()).collect());
            Ok(Some(Found { object, held, segments }))
        })
        .await
    }

    /// Returns the oldest unfinished events; see [`super::S3::pending_events`].
    pub(super) fn pending_events(&self, limit: usize) -> rusqlite::Result<Vec<ObjectCreated>> {
        events::pending(&self.index(), limit)
    }

    /// Deletes an event; see [`super::S3::finish_event`].
    pub(super) fn finish_event(&self, id: i64) -> rusqlite::Result<()> {
        events::finish(&self.index(), id)
    }

    /// Returns the notification of new events; see [`super::S3::events_changed`].
    pub(super) fn events_changed(&self) -> Arc<Notify> {
        Arc::clone(&self.created)
    }

    fn index(&self) -> MutexGuard<'_, Connection> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An object that stays readable when it is replaced or deleted.
pub(super) struct Found {
    pub(super) object: Object,
    pub(super) held: Held,
    /// The object's segments, in the order of the held files.
    pub(super) segments: Vec<Segment>,
}

/// A transaction. It changes files only after it is committed.
pub(super) struct Change<'index> {
    pub(super) index: Transaction<'index>,
    stored: Vec<Stored>,
    removed: Vec<String>,
    created: bool,
}

impl Change<'_> {
    /// Keeps the file if the transaction commits.
    pub(super) fn keep(&mut self, file: Stored) {
        self.stored.push(file);
    }

    /// Removes the files if the transaction commits.
    pub(super) fn remove_files(&mut self, files: impl IntoIterator<Item = String>) {
        self.removed.extend(files);
    }

    /// Replaces the object of a key, and adds the event.
    pub(super) fn put_object(&mut self, event: &str, object: &Object, segments: &[Segment]) -> Outcome<()> {
        if let Some(old) = objects::find(&self.index, &object.key)? {
            let files = objects::remove(&self.index, &old)?;
            self.remove_files(files);
        }
        uploads::overtake(&self.index, &object.key, Overtaken::Written)?;
        objects::insert(&self.index, object, segments)?;
        events::add(&self.index, event, object)?;
        self.created = true;
        Ok(())
    }
}
