//! `?wait=`: delays the response until the file's status is terminal, or until the time is over.

use std::time::Duration;

use files_api::{ApiError, Reason, query_parameter};
use files_domain::{Caller, Detail, File, limits};
use files_records::Slot;
use lambda_http::Request;
use tokio::time::Instant;
use tracing::warn;

use crate::GetFile;

/// Interval before the first read of the record. Each further interval is 1.5 times as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Longest interval between two reads, so that a response comes within 300 ms after the end of the work.
const MAX_PAUSE: Duration = Duration::from_millis(250);
/// How much longer than the wait a slot is leased, in case its process crashes.
const SLOT_MARGIN: Duration = Duration::from_secs(5);

/// Reads the parameter `wait`.
///
/// # Errors
/// [`Reason::MalformedParameter`]: it is not an integer from 1 to 20.
pub(crate) fn read(request: &Request) -> Result<Option<Duration>, ApiError> {
    let Some(text) = query_parameter(request, "wait") else { return Ok(None) };
    let seconds = text.parse().ok().filter(|seconds| (1..=limits::MAX_WAIT.as_secs()).contains(seconds));
    seconds.map(|seconds| Some(Duration::from_secs(seconds))).ok_or_else(|| {
        let message = "wait must be a whole number of seconds from 1 to 20";
        ApiError::from(Reason::MalformedParameter)
            .with_message(message)
            .on_field("wait", Some(message.to_owned()))
    })
}

impl GetFile {
    /// Waits for the end of a file's work: until its status is terminal, but at most for `wait`. Returns the file as it then
    /// is. Returns at once if too many requests wait.
    pub(crate) async fn wait_for_end(
        &self,
        caller: &Caller,
        found: (File, Detail),
        wait: Option<Duration>,
    ) -> Result<(File, Detail), ApiError> {
        let Some(wait) = wait.filter(|_| !found.0.status().is_terminal()) else { return Ok(found) };
        let started = Instant::now();
        let Some(slot) = self.take_slot(caller, wait).await else { return Ok(found) };
        self.poll(&found.0, started + wait).await;
        if let Err(error) = self.records.unchecked().release_slot(&slot).await {
            warn!(error = &error as &dyn std::error::Error, "releasing the slot failed");
        }
        let caller = Caller { now: caller.now.plus(started.elapsed()), ..caller.clone() };
        Ok(self.records.find_file_with_detail(&caller, found.0.id).await?)
    }

    /// Takes a slot; `None`: too many requests wait, or the call failed.
    async fn take_slot(&self, caller: &Caller, wait: Duration) -> Option<Slot> {
        let (owner, lease) = (caller.owner(), wait + SLOT_MARGIN);
        match self.records.unchecked().take_wait_slot(owner, self.slots, caller.now, lease).await {
            Ok(slot) => slot,
            Err(error) => {
                warn!(error = &error as &dyn std::error::Error, "taking a slot failed");
                None
            }
        }
    }

    /// Reads the summary until its status is terminal, it is gone, or the time is over. A read that fails is repeated after
    /// the next interval.
    async fn poll(&self, file: &File, end: Instant) {
        let mut pause = FIRST_PAUSE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(pause.min(left)).await; // the interval of the poll
            pause = (pause * 3 / 2).min(MAX_PAUSE);
            match self.records.unchecked().find_summary(file.owner, file.id).await {
                Ok(Some(file)) if !file.status().is_terminal() => {}
                Ok(_) => return,
                Err(error) => warn!(error = &error as &dyn std::error::Error, "polling failed"),
            }
        }
    }
}
