//! The messages in SQS: imports to run, and stored objects to probe.

mod batch;
mod import;
mod queue;
mod stored;

pub use batch::{Delivered, only_failed};
pub use import::ImportMessage;
pub use queue::Queue;
pub use stored::StoredObject;
