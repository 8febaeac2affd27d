//! Access to the bytes of an object.

use std::error::Error;
use std::future::Future;

use bytes::Bytes;

/// Ranged access to the bytes of a stored object.
///
/// A probe reads one range at a time, and drops a read when the probe ends. An implementation should pin the object's version by
/// its `ETag`, retry transient failures, and time out after some seconds.
pub trait RangeSource: Send + Sync + 'static {
    /// Returns the object's size in bytes.
    fn size(&self) -> u64;

    /// Reads exactly the bytes `start..end` (end exclusive). The caller ensures `start < end <= size()`.
    ///
    /// # Errors
    /// [`ReadError`]: the bytes could not be read. It ends the probe with [`ProbeError::Source`](crate::ProbeError).
    fn read(&self, start: u64, end: u64) -> impl Future<Output = Result<Bytes, ReadError>> + Send;
}

/// The error of a range that could not be read.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ReadError(#[source] pub Box<dyn Error + Send + Sync>);

impl ReadError {
    /// Wraps an error of any type, or a text.
    pub fn new(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(error.into())
    }
}
