//! Schedules.

use bytes::Bytes;
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::asynchronous::Asynchronous;
use crate::account::{ACCOUNT_ID, REGION};
use crate::clock::Clock;
use crate::runtime::{Invocation, Lambda, Outcome, Refused, WhenBusy};
use crate::template::{Function, Schedule};

/// The schedules of all functions. Cheap to clone.
#[derive(Clone)]
pub struct Schedules {
    entries: Vec<(Function, Schedule)>,
    lambda: Lambda,
    asynchronous: Asynchronous,
}

impl Schedules {
    /// Collects the schedules of these functions.
    #[must_use]
    pub fn new(functions: &[Function], lambda: Lambda, asynchronous: Asynchronous) -> Self {
        let entry = |function: &Function| {
            let function = function.clone();
            function.schedules.clone().into_iter().map(move |schedule| (function.clone(), schedule))
        };
        Self { entries: functions.iter().flat_map(entry).collect(), lambda, asynchronous }
    }

    /// Runs the schedules until the future is dropped. The first run of each comes after one period, as in AWS.
    pub async fn run(self) {
        let mut running = JoinSet::new();
        for (function, schedule) in self.entries {
            let asynchronous = self.asynchronous.clone();
            running.spawn(async move {
                let clock = asynchronous.clock();
                let mut due = clock.now() + schedule.period;
                loop {
                    clock.sleep_until(due).await;
                    // Skips missed runs, after the clock was advanced or this machine was suspended.
                    while due <= clock.now() {
                        due += schedule.period;
                    }
                    let (asynchronous, function, event) =
                        (asynchronous.clone(), function.clone(), event(&schedule, clock.now()));
                    // A run that exceeds the period does not delay the next one.
                    tokio::spawn(async move { asynchronous.invoke(&function, event).await });
                }
            });
        }
        running.join_all().await;
    }

    /// Returns the clock of the schedules.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        self.asynchronous.clock()
    }

    /// Runs a function's schedule now. Returns its outcome, or `None` if no schedule runs this function.
    pub async fn run_now(&self, function: &str) -> Option<Result<Outcome, Refused>> {
        let (function, schedule) = self.entries.iter().find(|(own, _)| own.binary == function)?;
        let invocation =
            Invocation::new(&function.binary, event(schedule, self.clock().now()), WhenBusy::Wait);
        Some(self.lambda.invoke(invocation).await)
    }
}

/// Returns the template's input, or the default event. EventBridge Scheduler sends a `Scheduled Event` from `aws.scheduler`
/// whose detail is the *string* `{}`; a rule's comes from `aws.events`, and its detail is an object.
fn event(schedule: &Schedule, now: OffsetDateTime) -> Bytes {
    if let Some(input) = &schedule.input {
        return Bytes::from(input.clone());
    }
    let now = now.replace_nanosecond(0).unwrap_or(now).format(&Rfc3339).unwrap_or_default();
    let (source, resource, detail) = if schedule.scheduler {
        (
            "aws.scheduler",
            format!("arn:aws:scheduler:{REGION}:{ACCOUNT_ID}:schedule/default/{}", schedule.name),
            json!("{}"),
        )
    } else {
        ("aws.events", format!("arn:aws:events:{REGION}:{ACCOUNT_ID}:rule/{}", schedule.name), json!({}))
    };
    let event = json!({
        "version": "0",
        "id": Uuid::new_v4().to_string(),
        "detail-type": "Scheduled Event",
        "source": source,
        "account": ACCOUNT_ID,
        "time": now,
        "region": REGION,
        "resources": [resource],
        "detail": detail,
    });
    Bytes::from(event.to_string())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_default_event_depends_on_the_kind_of_schedule() {
        let mut schedule =
            Schedule { name: "s".to_owned(), period: Duration::from_secs(60), scheduler: true, input: None };
        let read = |schedule: &Schedule| {
            serde_json::from_slice::<serde_json::Value>(&event(schedule, OffsetDateTime::UNIX_EPOCH)).unwrap()
        };
        assert_eq!(read(&schedule)["source"], "aws.scheduler");
        assert_eq!(read(&schedule)["detail"], "{}");
        assert_eq!(read(&schedule)["time"].as_str().unwrap().len(), "2026-01-02T03:04:05Z".len());
        schedule.scheduler = false;
        assert_eq!(read(&schedule)["detail"], json!({}));
        schedule.input = Some("{\"a\":1}".to_owned());
        assert_eq!(read(&schedule), json!({"a": 1}));
    }
}
