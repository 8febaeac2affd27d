//! The messages in SQS: imports to run, and stored objects to probe.

mod import;
mod message;
mod queue;
mod stored;

pub use import::ImportMessage;
pub use message::sqs_messages;
pub use queue::Queue;
pub use stored::StoredObject;
