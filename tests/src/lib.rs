//! The harness of the end-to-end tests: the local cloud as a child process or a deployment that is there already, a client
//! that reads like a story, what stands behind the API, a server to import from, and media.

pub mod answer;
mod bad_day;
pub mod behind;
pub mod cloud;
pub mod command;
pub mod deployment;
pub mod form;
pub mod hostile;
mod keeper;
pub mod media;
pub mod owner;
pub mod parts;
pub mod patience;
pub mod process;
pub mod ranged_source;
pub mod raw_source;
mod resting;
pub mod secrecy;
pub mod setup;
pub mod source;
mod wait;

pub use answer::Answer;
pub use behind::{Behind, Inside, Usage};
pub use cloud::Cloud;
pub use form::Form;
pub use owner::{Owner, tampered};
pub use patience::persist;
pub use ranged_source::{Act, Asked, Content, RangedSource};
pub use raw_source::{RawSource, Script};
pub use source::{Reply, SourceServer};
pub use wait::{PATIENCE, until};
