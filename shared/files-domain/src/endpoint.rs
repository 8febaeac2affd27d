use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::{NoContext, Uuid};

use crate::{EventKind, ParseIdError, Timestamp, WebhookSecret, limits};

/// The id of a webhook endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EndpointId {
    /// The owner's default endpoint. It has the secret for webhooks of single files, and no URL.
    Default,
    /// An endpoint that the owner created: a UUIDv7.
    Created(Uuid),
}

impl EndpointId {
    /// Returns a new id for an endpoint that is created at `now`.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        let nanos = u32::try_from(now.millis() % 1000).unwrap_or(0) * 1_000_000;
        Self::Created(Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, now.seconds(), nanos)))
    }
}

impl fmt::Display for EndpointId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Created(id) => id.fmt(f),
        }
    }
}

impl FromStr for EndpointId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        if text == "default" {
            return Ok(Self::Default);
        }
        let id = Uuid::try_parse(text).map_err(|_| ParseIdError)?;
        let is_hyphenated = id.to_string().eq_ignore_ascii_case(text);
        if is_hyphenated { Ok(Self::Created(id)) } else { Err(ParseIdError) }
    }
}

/// A secret that was replaced and is still valid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviousSecret {
    /// The secret.
    pub secret: WebhookSecret,
    /// When it becomes invalid.
    pub until: Timestamp,
}

/// A webhook endpoint of an owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// The URL; `None` for the default endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The kinds of events that it receives.
    #[serde(default)]
    pub events: BTreeSet<EventKind>,
    /// Whether it receives events.
    pub enabled: bool,
    /// When it was created.
    pub created_at: Timestamp,
    /// The secret.
    pub secret: WebhookSecret,
    /// The secret before the last rotation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<PreviousSecret>,
    /// The time until which deliveries are paused, because the receiver was overloaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused_until: Option<Timestamp>,
    /// The time until which it counts as slow, because an attempt took more than a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slow_until: Option<Timestamp>,
}

impl Endpoint {
    /// Returns a new endpoint.
    #[must_use]
    pub fn new(
        url: Option<String>,
        events: BTreeSet<EventKind>,
        secret: WebhookSecret,
        now: Timestamp,
    ) -> Self {
        Self {
            url,
            events,
            enabled: true,
            created_at: now,
            secret,
            previous: None,
            paused_until: None,
            slow_until: None,
        }
    }

    /// Replaces the secret. The previous one stays valid for a day.
    #[must_use]
    pub fn rotated(self, secret: WebhookSecret, now: Timestamp) -> Self {
        let until = now.plus(limits::SECRET_OVERLAP);
        Self { secret, previous: Some(PreviousSecret { secret: self.secret, until }), ..self }
    }

    /// Returns the valid secrets, newest first.
    #[must_use]
    pub fn secrets(&self, now: Timestamp) -> Vec<&WebhookSecret> {
        let previous = self.previous.as_ref().filter(|previous| previous.until > now);
        [Some(&self.secret), previous.map(|previous| &previous.secret)].into_iter().flatten().collect()
    }

    /// Returns whether it receives events of this kind.
    #[must_use]
    pub fn subscribes_to(&self, kind: EventKind) -> bool {
        self.enabled && self.url.is_some() && self.events.contains(&kind)
    }
}
