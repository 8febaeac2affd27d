use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use files_domain::{FileId, OwnerId, UploadRef};
use files_objects::Objects;
use safe_fetch::{ByteRange, FetchError, SafeClient, Source, Target, Version};

/// What all parts of one import share.
pub(crate) struct Job {
    pub(crate) client: SafeClient,
    pub(crate) version: Version,
    pub(crate) objects: Objects,
    pub(crate) owner: OwnerId,
    pub(crate) id: FileId,
    pub(crate) upload_id: String,
    /// As the user gave it.
    pub(crate) target: Target,
    /// Where its redirects led to last.
    pub(crate) location: Mutex<Target>,
    /// All bytes that have come in this run.
    pub(crate) fetched: AtomicU64,
    /// Those of parts that are on their way.
    pub(crate) on_their_way: AtomicU64,
}

impl Job {
    /// Some bytes of the source. Where its redirects led to may have been signed for a while only: if it is refused there,
    /// it is looked up once more.
    pub(crate) async fn ask(&self, wanted: ByteRange) -> Result<Source, FetchError> {
        let location = self.location();
        let asked = match self.client.range(&location, &self.version, wanted).await {
            Err(FetchError::Status(401 | 403 | 404 | 410)) if location != self.target => {
                self.client.range(&self.target, &self.version, wanted).await
            }
            asked => asked,
        };
        if let Ok(source) = &asked {
            *self.location.lock().unwrap_or_else(PoisonError::into_inner) = source.target.clone();
        }
        asked
    }

    fn location(&self) -> Target {
        self.location.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn upload(&self) -> UploadRef<'_> {
        UploadRef { owner: self.owner, id: self.id, upload_id: &self.upload_id }
    }

    pub(crate) fn fetched(&self) -> u64 {
        self.fetched.load(Ordering::Relaxed)
    }
}
