//! EventBridge as the AWS SDK sees it: events that are kept, entries that are refused, and who may put.

#[path = "signed/mod.rs"]
mod signed;

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::config::retry::RetryConfig;
use aws_sdk_eventbridge::config::{Config, Region};
use aws_sdk_eventbridge::error::ProvideErrorMetadata;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use files_local::access::Access;
use files_local::clock::Clock;
use files_local::eventbridge::EventBridge;
use files_local::faults::{Faults, Rules};
use serde_json::json;
use std::path::Path;

use signed::{REGION, Running, access, calls, credentials, http_client, listener, restricted};

struct Cloud {
    access: Access,
    url: String,
    events: EventBridge,
    faults: Faults,
    _running: Running,
}

impl Cloud {
    async fn start(folder: &Path, access: Access) -> Self {
        let (file, faults) = (folder.join("events.jsonl"), Faults::default());
        let events = EventBridge::open(&file, Clock::default(), faults.clone()).expect("it opens");
        let (listener, url) = listener().await;
        let running = Running(tokio::spawn(events.clone().serve(listener, access.clone())));
        Self { access, url, events, faults, _running: running }
    }

    fn client(&self, caller: &str, secret: Option<&str>) -> Client {
        let config = Config::builder()
            .region(Region::new(REGION))
            .endpoint_url(&self.url)
            .credentials_provider(credentials(&self.access, caller, secret))
            .http_client(http_client());
        Client::from_conf(config.build())
    }
}

fn entry(bus: &str, detail: &str) -> PutEventsRequestEntry {
    let entry = PutEventsRequestEntry::builder().event_bus_name(bus).source("s").detail_type("t");
    entry.detail(detail).build()
}

#[tokio::test]
async fn events_are_kept_in_their_order_and_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let cloud = Cloud::start(folder.path(), access()).await;
    let client = cloud.client("worker", None);
    for number in 0..3 {
        let put = client.put_events().entries(entry("b", &json!({"number": number}).to_string()));
        let output = put.send().await.unwrap();
        assert_eq!(output.failed_entry_count(), 0);
        assert!(output.entries()[0].event_id().is_some());
    }
    assert_eq!(calls(&cloud.access, "worker", "events", "PutEvents"), 3);
    drop(cloud);
    let kept = Cloud::start(folder.path(), access()).await.events.events();
    let numbers: Vec<_> =
        kept.iter().map(|event| event.event["detail"]["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [0, 1, 2]);
    let event = &kept[0].event;
    assert_eq!(
        (kept[0].bus.as_str(), &event["source"], &event["detail-type"]),
        ("b", &json!("s"), &json!("t"))
    );
    assert!(event["time"].as_str().is_some_and(|time| time.ends_with('Z')), "{event}");
}

#[tokio::test]
async fn an_entry_that_is_no_event_fails_alone() {
    let folder = tempfile::tempdir().unwrap();
    let cloud = Cloud::start(folder.path(), access()).await;
    let without_source = PutEventsRequestEntry::builder().detail_type("t").detail("{}").build();
    let entries = [entry("b", "no JSON"), entry("b", "[]"), without_source, entry("b", "{}")];
    let put = cloud.client("worker", None).put_events().set_entries(Some(entries.into()));
    let output = put.send().await.unwrap();
    let codes: Vec<_> = output.entries().iter().map(|entry| entry.error_code()).collect();
    assert_eq!(codes, [Some("MalformedDetail"), Some("MalformedDetail"), Some("InvalidArgument"), None]);
    assert_eq!((output.failed_entry_count(), cloud.events.events().len()), (3, 1));
    let many = (0..11).map(|_| entry("b", "{}")).collect();
    let refused = cloud.client("worker", None).put_events().set_entries(Some(many)).send().await;
    assert_eq!(refused.unwrap_err().code(), Some("ValidationException"));
}

#[tokio::test]
async fn a_bad_signature_and_a_missing_permission_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let allowed = "{Effect: Allow, Action: 'events:PutEvents', Resource: 'arn:aws:events:us-east-1:000000000000:event-bus/b'}";
    let cloud = Cloud::start(folder.path(), restricted(&[("worker", allowed)])).await;
    let put = async |secret, bus| {
        let put = cloud.client("worker", secret).put_events().entries(entry(bus, "{}"));
        put.send().await.map(drop).map_err(|error| error.code().unwrap_or_default().to_owned())
    };
    assert_eq!(put(None, "b").await, Ok(()));
    assert_eq!(put(Some("wrong"), "b").await, Err("InvalidSignatureException".to_owned()));
    assert_eq!(put(None, "other").await, Err("AccessDeniedException".to_owned()));
    assert_eq!(cloud.events.events().len(), 1);
}

#[tokio::test]
async fn a_call_fails_before_or_after_its_events_are_kept() {
    for (action, code, kept) in [
        (r#"{"error": "throttling"}"#, Err("ThrottlingException"), 0),
        (r#"{"error": "internal"}"#, Err("InternalException"), 0),
        (r#""failed_entries""#, Ok(vec![Some("InternalFailure"); 2]), 0),
        (r#""cut""#, Err(""), 0),
        (r#""lose_response""#, Err(""), 2),
        (r#""cut_response""#, Err(""), 2),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let cloud = Cloud::start(folder.path(), access()).await;
        let rule = format!(
            r#"{{"service": "eventbridge", "operation": "PutEvents", "nth": 2, "action": {action}}}"#
        );
        cloud.faults.add(Rules::parse(rule.as_bytes()).expect("a rule"));
        let once = aws_sdk_eventbridge::config::Builder::new().retry_config(RetryConfig::disabled());
        let client = cloud.client("worker", None);
        let put = || client.put_events().entries(entry("b", "{}")).entries(entry("b", "{}")).customize();
        let first = put().config_override(once.clone()).send().await.unwrap();
        assert_eq!((first.failed_entry_count(), cloud.events.events().len()), (0, 2));
        let second = put().config_override(once).send().await;
        let codes =
            second.as_ref().map(|output| output.entries().iter().map(|entry| entry.error_code()).collect());
        assert_eq!(codes.map_err(|error| error.code().unwrap_or_default()), code, "{action}");
        assert_eq!(cloud.events.events().len(), 2 + kept, "{action}");
    }
}
