//! Ends a probe when the server or the source fails.

use std::io;
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use crate::source::ReadError;

/// Why the server stopped. ffprobe's result after that is discarded, since ffprobe saw a truncated file.
#[derive(Debug)]
pub(crate) enum Reason {
    Source(ReadError),
    Server(io::Error),
}

/// Holds the first reason and wakes the probe.
#[derive(Debug, Default)]
pub(crate) struct Halt {
    reason: Mutex<Option<Reason>>,
    raised: Notify,
}

impl Halt {
    /// Ends the probe. Only the first reason is kept.
    pub(crate) fn raise(&self, reason: Reason) {
        self.reason.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(reason);
        self.raised.notify_one();
    }

    /// Waits until a reason is raised. Supports one waiter.
    pub(crate) async fn raised(&self) {
        self.raised.notified().await;
    }

    pub(crate) fn take(&self) -> Option<Reason> {
        self.reason.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
