//! Stores parts with presigned PUTs.

use std::sync::Arc;

use bytes::Bytes;
use http::{StatusCode, Uri};
use lambda_startup::{DownloadError, Downloads};

/// The reason why a part could not be stored. A later invocation with other URLs may succeed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The connection failed.
    #[error("a part could not be sent")]
    Connection(#[from] DownloadError),
    /// 403: the URL, or the session that signed it, has expired. 404: the upload is aborted.
    #[error("S3 responded {0} to a part")]
    Status(StatusCode),
    /// The task ended.
    #[error("the task of a part ended")]
    Task(#[from] tokio::task::JoinError),
}

/// Stores the parts of one object.
pub trait PartStore: Clone + Send + Sync + 'static {
    /// Returns how many parts it accepts.
    fn max_parts(&self) -> u64;

    /// Stores a part, numbered from 1.
    fn put(&self, number: u64, bytes: Bytes) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// The presigned PUTs of the parts of a multipart upload.
#[derive(Clone, Debug)]
pub struct PresignedParts {
    client: Downloads,
    urls: Arc<[Uri]>,
}

impl PresignedParts {
    /// Creates a store of parts from their URLs, from part 1 on.
    #[must_use]
    pub fn new(client: Downloads, urls: Vec<Uri>) -> Self {
        Self { client, urls: urls.into() }
    }
}

impl PartStore for PresignedParts {
    fn max_parts(&self) -> u64 {
        self.urls.len() as u64
    }

    async fn put(&self, number: u64, bytes: Bytes) -> Result<(), StoreError> {
        let url = number.checked_sub(1).and_then(|index| self.urls.get(usize::try_from(index).ok()?));
        let Some(url) = url else { return Err(StoreError::Status(StatusCode::NOT_FOUND)) };
        match self.client.put(url, bytes).await?.status() {
            StatusCode::OK => Ok(()),
            other => Err(StoreError::Status(other)),
        }
    }
}
