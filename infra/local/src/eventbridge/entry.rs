use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use crate::account::{ACCOUNT_ID, REGION};

/// An event as rules and targets see it
/// (<https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html>), and its bus.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The bus.
    pub bus: String,
    /// The event.
    pub event: Value,
}

/// An entry of `PutEvents`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Entry {
    source: Option<String>,
    detail_type: Option<String>,
    detail: Option<String>,
    event_bus_name: Option<String>,
    time: Option<f64>,
    #[serde(default)]
    resources: Vec<String>,
}

/// Why an entry is not taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct EntryError {
    code: &'static str,
    message: String,
}

impl EntryError {
    pub(super) fn to_json(&self) -> Value {
        json!({"ErrorCode": self.code, "ErrorMessage": self.message})
    }
}

impl Entry {
    /// Returns the name of the bus; an ARN names it in its last segment.
    pub(super) fn bus(&self) -> &str {
        let bus = self.event_bus_name.as_deref().unwrap_or("default");
        bus.rsplit('/').next().unwrap_or(bus)
    }

    /// Returns the size as the limit of a request counts it.
    pub(super) fn size(&self) -> usize {
        let texts = [&self.source, &self.detail_type, &self.detail];
        let texts: usize = texts.into_iter().flatten().map(String::len).sum();
        let time = if self.time.is_some() { 14 } else { 0 };
        texts + time + self.resources.iter().map(String::len).sum::<usize>()
    }

    /// Makes an event of the entry.
    pub(super) fn event(self, now: OffsetDateTime) -> Result<(String, Event), EntryError> {
        let required = |text: &Option<String>, name: &str| {
            text.clone().filter(|text| !text.is_empty()).ok_or_else(|| EntryError {
                code: "InvalidArgument",
                message: format!("Parameter {name} is not valid. Reason: {name} is a required argument."),
            })
        };
        let (source, detail_type) =
            (required(&self.source, "Source")?, required(&self.detail_type, "DetailType")?);
        let detail = required(&self.detail, "Detail")?;
        let malformed = || EntryError { code: "MalformedDetail", message: "Detail is malformed.".to_owned() };
        let detail: Value = serde_json::from_str(&detail).map_err(|_| malformed())?;
        if !detail.is_object() {
            return Err(malformed());
        }
        #[expect(clippy::cast_possible_truncation, reason = "seconds, as the protocol has them")]
        let named = self.time.and_then(|time| OffsetDateTime::from_unix_timestamp(time as i64).ok());
        let at = named.unwrap_or(now).replace_nanosecond(0).unwrap_or(now);
        let (id, bus) = (Uuid::now_v7().to_string(), self.bus().to_owned());
        let event = json!({
            "version": "0",
            "id": id,
            "detail-type": detail_type,
            "source": source,
            "account": ACCOUNT_ID,
            "time": at.format(&Rfc3339).unwrap_or_default(),
            "region": REGION,
            "resources": self.resources,
            "detail": detail,
        });
        Ok((id, Event { bus, event }))
    }
}
