//! EventBridge as far as an application that publishes needs it: `PutEvents` takes events, and keeps the latest so that a test can
//! read them. No rule matches them and no target gets them.
//!
//! <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html>

mod entry;
mod server;
mod store;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use tokio::net::TcpListener;

use crate::access::Access;
use crate::clock::Clock;
use crate::faults::Faults;
pub use entry::Event;
use store::Store;

/// The events of all buses. Clones share them.
#[derive(Clone)]
pub struct EventBridge {
    store: Arc<Mutex<Store>>,
    clock: Clock,
    faults: Faults,
}

impl EventBridge {
    /// Opens the events that a file keeps.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn open(file: &Path, clock: Clock, faults: Faults) -> Result<Self> {
        Ok(Self { store: Arc::new(Mutex::new(Store::open(file)?)), clock, faults })
    }

    /// Returns the latest events, the oldest first.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner).events()
    }

    fn keep(&self, events: &[Event]) -> Result<()> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner).append(events)
    }

    /// Serves `PutEvents` until the listener fails.
    ///
    /// # Errors
    /// The listener fails.
    pub async fn serve(self, listener: TcpListener, access: Access) -> Result<()> {
        server::serve(self, listener, access).await
    }
}
