//! Event sources besides the API: objects, queues and schedules.

mod asynchronous;
mod objects;
mod queues;
mod schedules;

pub use asynchronous::{Asynchronous, RETRY_DELAYS};
pub use objects::ObjectTrigger;
pub use queues::{QueueTrigger, queue_event};
pub use schedules::Schedules;

use time::OffsetDateTime;
use time::macros::format_description;

/// Formats a time as RFC 3339 in UTC with milliseconds, as in AWS's events.
fn timestamp(time: OffsetDateTime) -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    time.to_offset(time::UtcOffset::UTC).format(&format).unwrap_or_default()
}
