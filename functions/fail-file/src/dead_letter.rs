use files_domain::{FileId, OwnerId};
use files_queues::{DeliveryMessage, ImportMessage, StoredObject};
use serde::Deserialize;
use serde_json::Value;

/// A message that its function failed to handle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeadLetter {
    /// An import.
    Import(OwnerId, FileId),
    /// Probes of these objects.
    Probes(Vec<StoredObject>),
    /// An event, or an attempt of a delivery. The record has a deadline, so it is not lost.
    Delivery,
    /// A message of unknown form.
    Unknown,
}

impl DeadLetter {
    /// Reads either form: a queue's message as it was sent, or Lambda's record of a failed asynchronous invocation, with the event
    /// under `requestPayload`
    /// (<https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>).
    #[must_use]
    pub fn read(body: &str) -> Self {
        let Ok(mut letter) = serde_json::from_str::<Value>(body) else {
            return Self::Unknown;
        };
        if let Some(payload) = letter.get_mut("requestPayload").map(Value::take) {
            letter = payload;
        }
        let objects = StoredObject::in_event(&letter);
        if !objects.is_empty() {
            return Self::Probes(objects);
        }
        if DeliveryMessage::deserialize(&letter).is_ok() {
            return Self::Delivery;
        }
        match serde_json::from_value(letter) {
            Ok(ImportMessage { owner, id, .. }) => Self::Import(owner, id),
            Err(_) => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use files_domain::{EventKind, EventRef, Timestamp};
    use serde_json::json;

    #[test]
    fn both_forms_are_read_and_others_are_unknown() {
        let (owner, id) = (OwnerId::named("press"), FileId::new(Timestamp::from_millis(1)));
        let import = json!({"owner": owner, "id": id, "file_url": "https://example.com/a"});
        assert_eq!(DeadLetter::read(&import.to_string()), DeadLetter::Import(owner, id));

        let object = StoredObject { bucket: "b".into(), owner, id };
        let event = json!(object);
        let probes = DeadLetter::Probes(vec![object]);
        assert_eq!(DeadLetter::read(&event.to_string()), probes);
        let message = DeliveryMessage::Event(EventRef { owner, file: id, kind: EventKind::Failed });
        assert_eq!(DeadLetter::read(&json!(message).to_string()), DeadLetter::Delivery);
        let wrapped =
            json!({"version": "1.0", "requestContext": {}, "requestPayload": event, "responsePayload": {}});
        assert_eq!(DeadLetter::read(&wrapped.to_string()), probes);

        for nonsense in ["", "x", "{}", "[]", "{\"requestPayload\": null}"] {
            assert_eq!(DeadLetter::read(nonsense), DeadLetter::Unknown, "{nonsense}");
        }
    }
}
