use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use files_domain::{FileId, OwnerId, UploadRef};
use files_objects::Objects;
use safe_fetch::{ByteRange, FetchError, SafeClient, Source, Target, Version};

use crate::lease::Lease;

/// A source that supports range requests of one version, and the multipart upload for its ranges.
pub(crate) struct RangedSource {
    pub(crate) client: SafeClient,
    pub(crate) version: Version,
    pub(crate) objects: Objects,
    pub(crate) owner: OwnerId,
    pub(crate) id: FileId,
    pub(crate) upload_id: String,
    /// The requested URL and headers.
    pub(crate) target: Target,
    /// The URL and headers after the last redirect.
    pub(crate) location: Mutex<Target>,
    /// The number of bytes received in this run.
    pub(crate) fetched: AtomicU64,
    /// The number of received bytes in parts that are not stored yet.
    pub(crate) in_transit: AtomicU64,
}

/// Returns whether the error indicates that a URL has expired or no longer exists.
pub(crate) fn is_refusal(error: &FetchError) -> bool {
    matches!(error.status(), Some(401 | 403 | 404 | 410))
}

impl RangedSource {
    /// Creates a source from the requested target and the one after its redirects.
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
            objects: lease.objects(),
            owner: lease.file.owner,
            id: lease.file.id,
            upload_id,
            target,
            location: Mutex::new(location),
            fetched: AtomicU64::new(0),
            in_transit: AtomicU64::new(0),
        }
    }

    /// Requests a range from the URL that the last redirect led to. If that fails because a signed URL may have expired, requests
    /// it from the original URL and follows the redirects again.
    pub(crate) async fn request(&self, range: ByteRange) -> Result<Source, FetchError> {
        let location = self.location();
        let response = match self.client.range(&location, &self.version, range).await {
            Err(error) if is_refusal(&error) && location != self.target => {
                self.client.range(&self.target, &self.version, range).await
            }
            response => response,
        };
        if let Ok(source) = &response {
            *self.location.lock().unwrap_or_else(PoisonError::into_inner) = source.target.clone();
        }
        response
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
