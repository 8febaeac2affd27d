//! Where the bytes come from.

use std::error::Error;
use std::future::Future;

use bytes::Bytes;

/// The bytes of one stored object, by range.
///
/// One probe reads from it one range at a time, and drops a read when the probe ends. An implementation should pin
/// the object's version (its `ETag`), retry what is worth retrying, and give up on its own after some seconds.
pub trait RangeSource: Send + Sync + 'static {
    /// The object's size in bytes.
    fn size(&self) -> u64;

    /// Exactly the bytes `start..end` (end exclusive); `start < end <= size()` always holds.
    ///
    /// # Errors
    /// Whatever kept the bytes from being read; it ends the probe with [`ProbeError::Source`](crate::ProbeError).
    fn read(&self, start: u64, end: u64) -> impl Future<Output = Result<Bytes, ReadError>> + Send;
}

/// Why a range could not be read.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ReadError(#[source] pub Box<dyn Error + Send + Sync>);

impl ReadError {
    /// An error of any type, or a text.
    pub fn new(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(error.into())
    }
}
