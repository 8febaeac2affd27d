//! The harness of the end-to-end tests: the local cloud as a child process or a deployment that is there already, a client
//! that reads like a story, what stands behind the API, a server to import from, and media.

pub mod response;
mod backoff;
pub mod backend;
mod client;
pub mod cloud;
pub mod command;
mod control;
pub mod deployment;
pub mod faults;
pub mod form;
mod supervisor;
pub mod media;
pub mod owner;
pub mod parts;
mod passing_time;
pub mod process;
pub mod programs;
pub mod ranged_source;
pub mod raw_source;
pub mod ready;
pub mod retry;
pub mod log_secrets;
pub mod setup;
pub mod source;
mod wait;

pub use response::Response;
pub use backend::{Backend, LocalBackend, Usage};
pub use cloud::Cloud;
pub use form::Form;
pub use owner::{Owner, tampered};
pub use ranged_source::{Behavior, SourceRequest, Content, RangedSource};
pub use raw_source::{RawSource, Script};
pub use retry::retry;
pub use source::{Reply, SourceServer};
pub use wait::{WAIT_TIMEOUT, until};
