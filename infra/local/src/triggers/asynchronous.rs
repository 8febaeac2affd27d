//! Asynchronous invocations: retried on failure, then sent to the failure destination.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html>

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::timestamp;
use crate::account::function_arn;
use crate::clock::Clock;
use crate::faults::{Action, Faults, Service};
use crate::log::{Level, Log};
use crate::runtime::{Invocation, Lambda, Lineage, Outcome, Refused, WhenBusy, trace_header};
use crate::sqs::Sqs;
use crate::template::Function;

/// Lambda's delay before the first retry, and before later ones.
pub const RETRY_DELAYS: [Duration; 2] = [Duration::from_secs(60), Duration::from_secs(120)];

/// The reason for giving up an event, as in an invocation record.
const RETRIES_EXHAUSTED: &str = "RetriesExhausted";
const EVENT_AGE_EXCEEDED: &str = "EventAgeExceeded";

/// The delay after the destination has refused a record.
const DESTINATION_DELAY: Duration = Duration::from_secs(1);

/// The cloud is stopping, and the event must be delivered again.
#[derive(Clone, Copy, Debug)]
pub struct Stopping;

/// Invokes functions asynchronously. Cheap to clone.
#[derive(Clone)]
pub struct Asynchronous {
    lambda: Lambda,
    sqs: Sqs,
    delays: [Duration; 2],
    log: Log,
}

impl Asynchronous {
    /// Creates an invoker that retries after [`RETRY_DELAYS`], or after shorter delays in tests.
    #[must_use]
    pub fn new(lambda: Lambda, sqs: Sqs, delays: [Duration; 2], log: Log) -> Self {
        Self { lambda, sqs, delays, log }
    }

    /// Invokes a function. Returns once the function has succeeded or the destination has the event.
    ///
    /// # Errors
    /// The cloud stops before that.
    pub async fn invoke(&self, function: &Function, payload: Bytes) -> Result<(), Stopping> {
        self.invoke_after(function, payload, Lineage::default()).await
    }

    /// Invokes a function as [`Asynchronous::invoke`] does, as part of a chain of events.
    ///
    /// # Errors
    /// Those of [`Asynchronous::invoke`].
    pub async fn invoke_after(
        &self,
        function: &Function,
        payload: Bytes,
        lineage: Lineage,
    ) -> Result<(), Stopping> {
        let mut invocation = Invocation::new(&function.binary, payload, WhenBusy::Wait);
        invocation.lineage = lineage;
        let too_old = self.clock().now() + function.max_event_age;
        let mut outcome = self.attempt(&invocation).await?;
        let (mut retries, mut condition) = (0, RETRIES_EXHAUSTED);
        while outcome.failed && retries < function.max_retries {
            let delay = if retries == 0 { self.delays[0] } else { self.delays[1] };
            if self.clock().now() + delay > too_old {
                condition = EVENT_AGE_EXCEEDED;
                break;
            }
            let text = format!("an asynchronous invocation failed, retry in {} s", delay.as_secs());
            self.log.line(&function.binary, Level::Warn, &text);
            self.clock().sleep(delay).await;
            retries += 1;
            outcome = self.attempt(&invocation).await?;
        }
        if outcome.failed {
            let payload = std::mem::take(&mut invocation.payload);
            let attempts = (condition, retries + 1);
            let record = record(function, &invocation.request_id, &payload, &outcome, attempts);
            let trace = trace_header(&invocation.request_id, &invocation.lineage.then(&function.name));
            self.give_up(function, &record.to_string(), &trace).await;
        }
        Ok(())
    }

    /// Returns the clock of the delays.
    pub(super) fn clock(&self) -> &Clock {
        self.sqs.clock()
    }

    /// Returns the faults to inject.
    pub(super) fn faults(&self) -> &Faults {
        self.lambda.faults()
    }

    async fn attempt(&self, invocation: &Invocation) -> Result<Outcome, Stopping> {
        let action = self.faults().decide(&invocation.function, Service::Trigger, "Asynchronous");
        if let Some(Action::DelayMs(delay)) = action {
            self.clock().sleep(Duration::from_millis(delay)).await;
        }
        match self.lambda.invoke(invocation.clone()).await {
            Ok(outcome) if action == Some(Action::LoseResponse) && !outcome.failed => {
                let payload =
                    json!({"errorMessage": "the outcome is lost by an injected fault"}).to_string().into();
                Ok(Outcome { payload, failed: true })
            }
            Ok(outcome) => Ok(outcome),
            Err(Refused::Stopping) => Err(Stopping),
            Err(refused) => {
                let payload = json!({"errorMessage": format!("{refused:?}")}).to_string().into();
                Ok(Outcome { payload, failed: true })
            }
        }
    }

    async fn give_up(&self, function: &Function, record: &str, trace: &str) {
        let Some(queue) = &function.on_failure else {
            self.log.line(
                &function.binary,
                Level::Error,
                "gave up an event; there is no failure destination",
            );
            return;
        };
        while let Err(error) = self.sqs.send_traced(queue, record, trace) {
            self.log.line(
                &function.binary,
                Level::Error,
                &format!("{queue} does not accept a record: {error:#}"),
            );
            tokio::time::sleep(DESTINATION_DELAY).await;
        }
        self.log.line(&function.binary, Level::Error, &format!("gave up an event; it was sent to {queue}"));
    }
}

/// Returns the invocation record for a destination.
fn record(
    function: &Function,
    request_id: &str,
    request: &[u8],
    outcome: &Outcome,
    (condition, attempts): (&str, u32),
) -> Value {
    let parsed = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap_or_default();
    json!({
        "version": "1.0",
        "timestamp": timestamp(OffsetDateTime::now_utc()),
        "requestContext": {
            "requestId": request_id,
            "functionArn": format!("{}:$LATEST", function_arn(&function.name)),
            "condition": condition,
            "approximateInvokeCount": attempts,
        },
        "requestPayload": parsed(request),
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "responsePayload": parsed(&outcome.payload),
    })
}
