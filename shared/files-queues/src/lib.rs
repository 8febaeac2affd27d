//! The messages in SQS: imports to run, stored objects to probe, and events to deliver.

mod delivery;
mod import;
mod message;
mod queue;
mod stored;

pub use delivery::DeliveryMessage;
pub use import::ImportMessage;
pub use message::{Grouped, QueueEvent, SqsMessages};
pub use queue::Queue;
pub use stored::{StoredObject, StoredObjects};
