//! The harness of the end-to-end tests: a local cloud as a child process or an existing deployment, a client of the API, access
//! to the stores behind the API, servers to import from, and media.

mod advancing_clock;
pub mod backend;
mod backoff;
pub mod cli;
mod client;
pub mod cloud;
mod control;
pub mod deployment;
pub mod faults;
pub mod form;
pub mod generated;
pub mod log_secrets;
pub mod media;
pub mod memory;
pub mod owner;
pub mod parts;
mod plain_put;
pub mod process;
pub mod programs;
pub mod ranged_source;
pub mod raw_source;
pub mod ready;
pub mod response;
pub mod retry;
mod send;
pub mod separate;
pub mod setup;
pub mod source;
mod supervisor;
mod wait;
pub mod webhook_receiver;

pub use backend::{Backend, LocalBackend, Usage};
pub use cloud::Cloud;
pub use form::Form;
pub use owner::{Owner, tampered};
pub use plain_put::plain_put;
pub use ranged_source::{Behavior, Content, RangedSource, SourceRequest};
pub use raw_source::{RawSource, Script};
pub use response::Response;
pub use retry::retry;
pub use separate::SeparateStreams;
pub use source::{Reply, SourceServer};
pub use wait::{WAIT_TIMEOUT, until};
pub use webhook_receiver::WebhookReceiver;
