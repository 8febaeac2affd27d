use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use files_domain::{FileId, OwnerId, UploadRef};
use files_objects::Objects;
use safe_fetch::{ByteRange, FetchError, SafeClient, Source, Target, Version};

use crate::lease::Lease;

/// A source that gives ranges of one version, and the upload whose parts they become.
pub(crate) struct RangedSource {
    pub(crate) client: SafeClient,
    pub(crate) version: Version,
    pub(crate) objects: Objects,
    pub(crate) owner: OwnerId,
    pub(crate) id: FileId,
    pub(crate) upload_id: String,
    /// The requested location.
    pub(crate) target: Target,
    /// Where its redirects led last.
    pub(crate) location: Mutex<Target>,
    /// All bytes that arrived in this run.
    pub(crate) fetched: AtomicU64,
    /// Those of parts that are not stored yet.
    pub(crate) in_transit: AtomicU64,
}

/// Returns whether a location no longer leads to the file.
pub(crate) fn is_refusal(error: &FetchError) -> bool {
    matches!(error.status(), Some(401 | 403 | 404 | 410))
}

impl RangedSource {
    /// `locations`: the requested one, and where its redirects led last.
    pub(crate) fn new(
        lease: &Lease<'_>,
        client: SafeClient,
        version: Version,
        upload_id: String,
        (target, location): (Target, Target),
    ) -> Self {
        Self {
            client,
            version,
            objects: lease.import.objects.clone(),
            owner: lease.file.owner,
            id: lease.file.id,
            upload_id,
            target,
            location: Mutex::new(location),
            fetched: AtomicU64::new(0),
            in_transit: AtomicU64::new(0),
        }
    }

    /// Asks for a range. The location that redirects led to may have been signed for a while only: if it refuses, the redirects
    /// are followed again.
    pub(crate) async fn ask(&self, wanted: ByteRange) -> Result<Source, FetchError> {
        let location = self.location();
        let asked = match self.client.range(&location, &self.version, wanted).await {
            Err(error) if is_refusal(&error) && location != self.target => {
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
