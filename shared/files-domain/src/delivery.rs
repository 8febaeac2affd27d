use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{EndpointId, EventKind, FileId, ParseIdError, Timestamp, limits};

/// The id of a delivery, which is the `webhook-id` of its attempts: the file, the kind of the event, and the endpoint. An event has
/// therefore at most one delivery to each endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DeliveryId {
    /// The file.
    pub file: FileId,
    /// The kind of the event.
    pub kind: EventKind,
    /// The endpoint.
    pub endpoint: EndpointId,
}

impl fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without full stops, by which the signature joins id, time and body.
        let kind = self.kind.as_str().trim_start_matches("file.");
        write!(f, "{}_{kind}_{}", self.file, self.endpoint)
    }
}

impl FromStr for DeliveryId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let (file, rest) = text.split_once('_').ok_or(ParseIdError)?;
        let (kind, endpoint) = rest.split_once('_').ok_or(ParseIdError)?;
        let kind = format!("file.{kind}").parse()?;
        Ok(Self { file: file.parse()?, kind, endpoint: endpoint.parse()? })
    }
}

/// The status of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    /// Another attempt is scheduled.
    Pending,
    /// The receiver responded with 2xx.
    Delivered,
    /// The delivery has failed. No further attempt is made.
    Undelivered,
}

impl DeliveryStatus {
    /// Every status.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Delivered, Self::Undelivered];

    /// Returns the status's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Undelivered => "undelivered",
        }
    }
}

impl fmt::Display for DeliveryStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One attempt of a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When the attempt began.
    pub at: Timestamp,
    /// Duration in milliseconds.
    pub duration_ms: u64,
    /// The HTTP status of the response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The reason why there was no response, as a sentence for the owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Attempt {
    /// Returns whether the receiver accepted the event.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }

    /// Returns whether the receiver rejects all further events: 410.
    #[must_use]
    pub fn is_refused_for_ever(&self) -> bool {
        self.status == Some(410)
    }

    /// Returns whether the receiver is overloaded: 429, 502 or 504.
    #[must_use]
    pub fn is_overload(&self) -> bool {
        matches!(self.status, Some(429 | 502 | 504))
    }
}

/// The delivery of an event to one endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The URL.
    pub url: String,
    /// The body, which is the same in each attempt.
    pub body: String,
    /// The status.
    pub status: DeliveryStatus,
    /// The latest attempts, newest last.
    #[serde(default)]
    pub attempts: Vec<Attempt>,
    /// Number of attempts since the delivery was created or restarted.
    #[serde(default)]
    pub tries: u32,
    /// When the event happened.
    pub created_at: Timestamp,
    /// When the next attempt is due, if any.
    pub next_at: Timestamp,
    /// Number of claims: the fencing token of the workers.
    #[serde(default)]
    pub generation: u64,
    /// Why no further attempt is made, if the reason is not the last response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_because: Option<String>,
}

impl Delivery {
    /// Returns a new delivery, whose first attempt is due immediately.
    #[must_use]
    pub fn new(url: String, body: String, now: Timestamp) -> Self {
        Self {
            url,
            body,
            status: DeliveryStatus::Pending,
            attempts: Vec::new(),
            tries: 0,
            created_at: now,
            next_at: now,
            generation: 0,
            ended_because: None,
        }
    }

    /// Adds an attempt that ended at `now`, and schedules the next one, unless the attempt succeeded, the receiver responded 410, or it
    /// was the last one. `jitter` from 0 to 1 extends the delay by up to a tenth. `retry_after` is the delay that the receiver requests.
    #[must_use]
    pub fn attempted(
        mut self,
        attempt: Attempt,
        retry_after: Option<Duration>,
        jitter: f64,
        now: Timestamp,
    ) -> Self {
        let usual = usize::try_from(self.tries).ok().and_then(|tries| limits::DELIVERY_DELAYS.get(tries));
        self.tries = self.tries.saturating_add(1);
        match usual {
            _ if attempt.succeeded() => self.status = DeliveryStatus::Delivered,
            Some(usual) if !attempt.is_refused_for_ever() => {
                let asked = retry_after.unwrap_or_default().min(limits::MAX_DELIVERY_DELAY);
                self.next_at = now.plus((*usual).max(asked).mul_f64(1.0 + jitter.clamp(0.0, 1.0) / 10.0));
            }
            _ => self.status = DeliveryStatus::Undelivered,
        }
        self.keep(attempt);
        self
    }

    /// Adds an attempt that was cancelled in favour of others, at `now`. It does not count, and the delivery is postponed as by
    /// [`crowded_out`](Self::crowded_out).
    #[must_use]
    pub fn broken_off(mut self, attempt: Attempt, jitter: f64, now: Timestamp) -> Self {
        self.keep(attempt);
        self.crowded_out(jitter, now)
    }

    /// Postpones the next attempt because the owner has too many slow ones: for 4 s, or for as long as the delivery is old, up to
    /// a minute. `jitter` from 0 to 1 shortens that by up to three quarters.
    #[must_use]
    pub fn crowded_out(self, jitter: f64, now: Timestamp) -> Self {
        let [shortest, longest] = limits::SLOW_DELIVERY_DELAYS;
        let age = Duration::from_millis(now.millis().saturating_sub(self.created_at.millis()));
        let delay = age.clamp(shortest, longest).mul_f64(1.0 - 0.75 * jitter.clamp(0.0, 1.0));
        self.postponed(now.plus(delay))
    }

    fn keep(&mut self, attempt: Attempt) {
        self.attempts.push(attempt);
        let surplus = self.attempts.len().saturating_sub(limits::MAX_STORED_ATTEMPTS);
        self.attempts.drain(..surplus);
    }

    /// Postpones the next attempt, without counting one.
    #[must_use]
    pub fn postponed(self, until: Timestamp) -> Self {
        Self { next_at: until, ..self }
    }

    /// Ends the delivery without an attempt.
    #[must_use]
    pub fn ended(self, because: &str) -> Self {
        Self { status: DeliveryStatus::Undelivered, ended_because: Some(because.to_owned()), ..self }
    }

    /// Restarts the delivery: its first attempt is due immediately.
    #[must_use]
    pub fn redelivered(self, now: Timestamp) -> Self {
        Self { status: DeliveryStatus::Pending, tries: 0, next_at: now, ended_because: None, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(status: u16) -> Attempt {
        Attempt { at: Timestamp::from_millis(1), duration_ms: 5, status: Some(status), error: None }
    }

    #[test]
    fn ids_survive_a_round_trip_and_have_no_full_stop() {
        let file = FileId::new(Timestamp::from_millis(1));
        for kind in EventKind::ALL {
            for endpoint in [EndpointId::Default, EndpointId::new(Timestamp::from_millis(2))] {
                let id = DeliveryId { file, kind, endpoint };
                assert_eq!(id.to_string().parse(), Ok(id));
                assert!(!id.to_string().contains('.'), "{id}");
            }
        }
        for wrong in ["", "x", "x_succeeded_default", &format!("{file}_done_default"), &file.to_string()] {
            assert!(wrong.parse::<DeliveryId>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn attempts_follow_the_schedule_and_then_end() {
        let mut delivery = Delivery::new("https://a.example/".into(), "{}".into(), Timestamp::from_millis(0));
        let mut now = delivery.next_at;
        for delay in limits::DELIVERY_DELAYS {
            delivery = delivery.attempted(attempt(500), None, 0.5, now);
            assert_eq!(delivery.status, DeliveryStatus::Pending);
            assert_eq!(delivery.next_at, now.plus(delay.mul_f64(1.05)));
            now = delivery.next_at;
        }
        delivery = delivery.attempted(attempt(500), None, 0.5, now);
        assert_eq!((delivery.status, delivery.attempts.len()), (DeliveryStatus::Undelivered, 10));
        delivery = delivery.redelivered(now).attempted(attempt(204), None, 0.5, now);
        assert_eq!((delivery.status, delivery.attempts.len()), (DeliveryStatus::Delivered, 11));
    }

    #[test]
    fn a_receiver_can_delay_or_end_a_delivery() {
        let now = Timestamp::from_millis(0);
        let new = || Delivery::new("https://a.example/".into(), "{}".into(), now);
        let minute = Duration::from_secs(60);
        assert_eq!(new().attempted(attempt(429), Some(minute), 0.0, now).next_at, now.plus(minute));
        let long = new().attempted(attempt(503), Some(minute * 60 * 24 * 365), 0.0, now);
        assert_eq!(long.next_at, now.plus(limits::MAX_DELIVERY_DELAY));
        let short = new().attempted(attempt(503), Some(Duration::from_secs(1)), 0.0, now);
        assert_eq!(short.next_at, now.plus(limits::DELIVERY_DELAYS[0]));
        assert_eq!(new().attempted(attempt(410), None, 0.0, now).status, DeliveryStatus::Undelivered);
        let redirected = new().attempted(attempt(302), None, 0.0, now);
        assert_eq!(redirected.status, DeliveryStatus::Pending);
    }

    #[test]
    fn a_delivery_that_is_crowded_out_waits_for_as_long_as_it_is_old() {
        let at = |seconds| Timestamp::from_millis(seconds * 1_000);
        let new = || Delivery::new("https://a.example/".into(), "{}".into(), at(0));
        for (age, longest) in [(0, 4), (3, 4), (30, 30), (3_600, 60)] {
            assert_eq!(new().crowded_out(0.0, at(age)).next_at, at(age + longest));
            let shortest = Timestamp::from_millis(at(age).millis() + longest * 250);
            assert_eq!(new().crowded_out(1.0, at(age)).next_at, shortest);
        }
        let broken_off = new().broken_off(attempt(500), 0.0, at(1));
        assert_eq!(
            (broken_off.status, broken_off.tries, broken_off.attempts.len()),
            (DeliveryStatus::Pending, 0, 1)
        );
        assert_eq!(broken_off.next_at, at(5));
    }

    #[test]
    fn only_the_latest_attempts_are_kept() {
        let now = Timestamp::from_millis(0);
        let mut delivery = Delivery::new("https://a.example/".into(), "{}".into(), now);
        for _ in 0..50 {
            delivery = delivery.redelivered(now).attempted(attempt(500), None, 0.0, now);
        }
        assert_eq!(delivery.attempts.len(), limits::MAX_STORED_ATTEMPTS);
    }
}
