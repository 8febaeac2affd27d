use files_domain::{FileId, OwnerId};
use files_queues::{DeliveryMessage, ImportMessage, StoredObject, StoredObjects};
use serde::Deserialize;

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
        let Ok(Form::Invocation { payload } | Form::Queued(payload)) = serde_json::from_str(body) else {
            return Self::Unknown;
        };
        match payload {
            Payload::Delivery(DeliveryMessage::Event(_) | DeliveryMessage::Attempt { .. }) => Self::Delivery,
            Payload::Import(ImportMessage { owner, id, .. }) => Self::Import(owner, id),
            Payload::Event(StoredObjects(objects)) if objects.is_empty() => Self::Unknown,
            Payload::Event(StoredObjects(objects)) => Self::Probes(objects),
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Form {
    Invocation {
        #[serde(rename = "requestPayload")]
        payload: Payload,
    },
    Queued(Payload),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Payload {
    Delivery(DeliveryMessage),
    Import(ImportMessage),
    Event(StoredObjects), // reads any JSON, so it is the last
}

#[cfg(test)]
mod tests {
    use super::*;
    use files_domain::{DeliveryId, EndpointId, EventKind, EventRef, Timestamp};
    use serde_json::{Value, json};

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
        let attempt = DeliveryId { file: id, kind: EventKind::Failed, endpoint: EndpointId::Default };
        let message = DeliveryMessage::Attempt { owner, delivery: attempt };
        assert_eq!(DeadLetter::read(&json!(message).to_string()), DeadLetter::Delivery);
        let wrapped = |payload: Value| {
            let record = json!({
                "version": "1.0", "requestContext": {}, "requestPayload": payload, "responsePayload": {},
            });
            DeadLetter::read(&record.to_string())
        };
        assert_eq!(wrapped(event), probes);
        assert_eq!(wrapped(import), DeadLetter::Import(owner, id));

        for nonsense in ["", "x", "{}", "[]", "{\"requestPayload\": null}", "{\"Records\": [{\"s3\": {}}]}"] {
            assert_eq!(DeadLetter::read(nonsense), DeadLetter::Unknown, "{nonsense}");
        }
    }
}
