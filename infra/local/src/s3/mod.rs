//! S3 for functions, presigned URLs and browsers. The crate `s3s` handles the protocol (signatures, expiry, chunked bodies,
//! XML); this module adds the storage, the rules of each operation, CORS and events.
//!
//! Bytes are in files with opaque names, everything else in an SQLite index beside them. A body is staged, renamed into place
//! and then indexed, so that a crash at any point leaves either the whole object or nothing.

mod authorization;
mod canonical;
mod checksums;
mod cors;
mod credentials;
mod drain;
mod errors;
mod extensions;
mod fault;
mod files;
mod index;
mod operations;
mod read;
mod receive;
mod request_head;
mod route;
mod server;
mod store;
mod verified;

use std::path::PathBuf;
use std::sync::Arc;

use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::calls::Calls;
use crate::faults::Faults;
use crate::iam::Policies;
use crate::identity::Identities;
use crate::server::{Clients, serve};

use self::server::Server;
use self::store::Store;

/// The settings of a bucket.
pub struct Settings {
    /// Its own folder; created if missing.
    pub data: PathBuf,
    /// Name of the only bucket.
    pub bucket: String,
    /// The region that signatures must name.
    pub region: String,
    /// The bucket's CORS rules; the first that matches applies.
    pub cors: Vec<CorsRule>,
    /// The callers' keys.
    pub identities: Identities,
    /// The permissions of each caller.
    pub policies: Policies,
    /// The counts of all calls.
    pub calls: Arc<Calls>,
}

/// One `CorsRule` of a bucket's `CorsConfiguration`.
#[derive(Clone, Debug, Default)]
pub struct CorsRule {
    /// Origins, each with at most one `*`.
    pub allowed_origins: Vec<String>,
    /// `GET`, `HEAD`, `PUT`, `POST`, `DELETE`.
    pub allowed_methods: Vec<String>,
    /// Request headers, each with at most one `*`; matched without regard to case.
    pub allowed_headers: Vec<String>,
    /// Response headers that web pages may read.
    pub exposed_headers: Vec<String>,
    /// How long a browser may cache the preflight's response, in seconds.
    pub max_age_seconds: Option<u32>,
}

/// The event of a created object; kept in the index until [`S3::finish_event`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectCreated {
    /// Ascending in the order of creation.
    pub id: i64,
    /// `ObjectCreated:Put`, `ObjectCreated:CompleteMultipartUpload` or `ObjectCreated:Copy`.
    pub event_name: String,
    /// The object's key, not encoded.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// Without quotes.
    pub etag: String,
    /// Hexadecimal; the later of two events of one key has the greater value.
    pub sequencer: String,
    /// The time of creation.
    pub time: OffsetDateTime,
}

/// A bucket. Clones share it.
#[derive(Clone)]
pub struct S3 {
    store: Arc<Store>,
    server: Arc<Server>,
    faults: Faults,
}

impl S3 {
    /// Opens the bucket in `settings.data`, and removes incomplete writes that a crash left.
    ///
    /// # Errors
    /// The folder or the index cannot be used, or another process uses it.
    pub fn open(settings: Settings) -> anyhow::Result<Self> {
        let store = Arc::new(Store::open(&settings.data, settings.bucket.clone(), settings.region.clone())?);
        let server = Arc::new(Server::new(Arc::clone(&store), settings));
        Ok(Self { store, server, faults: Faults::default() })
    }

    /// Sets the faults to inject into calls.
    #[must_use]
    pub fn with_faults(self, faults: Faults) -> Self {
        Self { faults, ..self }
    }

    /// Serves requests until the future is dropped, which closes all connections.
    ///
    /// # Errors
    /// The listener fails permanently.
    pub async fn serve(self, listener: TcpListener) -> anyhow::Result<()> {
        let Self { server, faults, .. } = self;
        let in_force = faults.clone();
        serve(listener, Clients::Browsers, &faults, move |request, connection| {
            let (server, faults) = (Arc::clone(&server), in_force.clone());
            async move { server.handle(request, &connection, &faults).await }
        })
        .await
    }

    /// Returns the oldest unfinished events, at most `limit`, in the order of creation.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn pending_events(&self, limit: usize) -> anyhow::Result<Vec<ObjectCreated>> {
        Ok(self.store.pending_events(limit)?)
    }

    /// Deletes a delivered event. Ignores unknown ids.
    ///
    /// # Errors
    /// The index cannot be written.
    pub fn finish_event(&self, id: i64) -> anyhow::Result<()> {
        Ok(self.store.finish_event(id)?)
    }

    /// Returns the notification of created objects. It wakes one waiter, or the next one to wait.
    #[must_use]
    pub fn events_changed(&self) -> Arc<Notify> {
        self.store.events_changed()
    }
}
