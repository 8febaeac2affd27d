use std::net::UdpSocket;

use aws_credential_types::Credentials;
use files_domain::FileId;
use serde_json::{Value, json};
use tracing::{error, info, info_span};
use tracing_subscriber::layer::SubscriberExt;

use super::*;
use crate::xray::daemon::Daemon;

/// A receiver in place of the daemon, and the layer that sends to it.
fn traced() -> (UdpSocket, &'static Tracer) {
    let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
    receiver.set_nonblocking(true).unwrap();
    let daemon = Daemon::at(&receiver.local_addr().unwrap().to_string()).unwrap();
    (receiver, Box::leak(Box::new(Tracer::new("files-Test".to_owned(), daemon))))
}

/// Does `work` in the span of an invocation, and returns the documents that were sent.
fn documents_of(work: impl FnOnce()) -> Vec<Value> {
    let (receiver, tracer) = traced();
    let subscriber = tracing_subscriber::registry().with(Segments::new(tracer));
    tracing::subscriber::with_default(subscriber, || {
        let span =
            info_span!(target: "lambda_runtime::layers::trace", "Lambda runtime invoke", requestId = "r-1");
        span.in_scope(work);
    });
    received(&receiver)
}

/// Returns the documents that have arrived. On the loopback interface a datagram arrives while it is sent.
fn received(receiver: &UdpSocket) -> Vec<Value> {
    let mut documents = Vec::new();
    let mut buffer = vec![0; 65_536];
    while let Ok(length) = receiver.recv(&mut buffer) {
        let text = std::str::from_utf8(&buffer[..length]).unwrap();
        let (header, document) = text.split_once('\n').unwrap();
        let header: Value = serde_json::from_str(header).unwrap();
        assert_eq!(header, json!({"format": "json", "version": 1}));
        documents.push(serde_json::from_str(document).unwrap());
    }
    documents
}

#[test]
fn an_invocation_sends_the_segment_of_its_file() {
    let file = FileId::new(crate::now());
    let documents = documents_of(|| {
        let route = "GET /v1/files/{id}";
        let span = info_span!("request", route, file = %file, source = "192.0.2.1", owner = "secret");
        span.in_scope(|| {
            info!(status = 404_u16, reason = "not_found", cause = "https://example.com/secret", "refused")
        });
    });
    let [ended] = &*documents else { panic!("{documents:?}") };
    assert_eq!(ended["name"], "files-Test");
    let expected = json!({
        "file": file.to_string(), "operation": "GET /v1/files/{id}", "reason": "not_found", "request_id": "r-1",
    });
    assert_eq!(ended["annotations"], expected);
    assert_eq!((&ended["error"], &ended["fault"]), (&json!(true), &json!(false)));
    assert!(ended["start_time"].as_f64() <= ended["end_time"].as_f64(), "{ended}");
    assert!(!json!(documents).to_string().contains("secret"), "{documents:?}");
}

#[test]
fn background_work_is_in_the_trace_before_it_ends() {
    let documents = documents_of(|| info!(file = %FileId::new(crate::now()), "begins"));
    let [begun, ended] = &*documents else { panic!("{documents:?}") };
    assert_eq!((&begun["in_progress"], begun.get("end_time")), (&json!(true), None));
    assert_eq!((&begun["id"], &begun["trace_id"]), (&ended["id"], &ended["trace_id"]));
    assert_eq!(ended.get("in_progress"), None);
}

#[test]
fn an_invocation_without_a_file_sends_nothing() {
    assert_eq!(documents_of(|| info!(status = 200_u16, file = "not an id", "responded")), [] as [Value; 0]);
}

#[test]
fn the_file_of_a_creation_is_known_later() {
    let documents = documents_of(|| {
        let span = info_span!("request", file = tracing::field::Empty);
        let file = FileId::new(crate::now());
        span.record("file", tracing::field::display(file));
    });
    assert_eq!(documents[1]["parent_id"], Value::Null, "the invocation that creates a file is the root");
    let earlier = FileId::new(files_domain::Timestamp::from_millis(crate::now().millis() - 5));
    let documents = documents_of(|| info!(file = %earlier, "works on it"));
    assert_eq!(documents[1]["parent_id"].as_str().unwrap(), &earlier.to_string().replace('-', "")[16..]);
}

#[test]
fn several_files_have_a_segment_each_up_to_ten() {
    let documents = documents_of(|| {
        for _ in 0..12 {
            let file = FileId::new(crate::now());
            info!(file = %file, "once");
            info!(file = %file, "twice");
        }
        error!("failed");
    });
    let ended: Vec<_> = documents.iter().filter(|document| document.get("end_time").is_some()).collect();
    assert_eq!((documents.len(), ended.len()), (20, 10));
    assert!(ended.iter().all(|document| document["fault"] == true), "an error is a fault");
}

#[test]
fn values_that_are_no_words_are_left_out() {
    let file = FileId::new(crate::now());
    let documents = documents_of(|| {
        info!(file = %file, reason = "https://example.com/?token=secret", route = "GET /v1/files/my secret film.mp4?x", "x");
    });
    let annotations = documents[1]["annotations"].as_object().unwrap();
    assert_eq!(annotations.keys().collect::<Vec<_>>(), ["file", "request_id"]);
}

#[test]
fn an_absent_daemon_costs_only_the_trace() {
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap(); // closed again
    let daemon = Daemon::at(&port.to_string()).unwrap();
    for _ in 0..3 {
        daemon.send(&json!({}));
    }
    for wrong in ["", "localhost", "2000", "169.254.100.1"] {
        assert!(Daemon::at(wrong).is_none(), "{wrong}");
    }
}

#[tokio::test]
async fn calls_of_a_client_are_subsegments_and_presigned_urls_are_not() {
    let (receiver, tracer) = traced();
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(aws_sdk_s3::config::BehaviorVersion::latest())
        .region(aws_sdk_s3::config::Region::new("us-east-1"))
        .credentials_provider(Credentials::for_tests())
        .endpoint_url("http://127.0.0.1:9") // discard: nothing listens
        .http_client(crate::https::Https::new())
        .retry_config(aws_smithy_types::retry::RetryConfig::disabled())
        .interceptor(crate::xray::Calls::new(tracer));
    let client = aws_sdk_s3::Client::from_conf(config.build());
    tracer.begin();
    tracer.file(FileId::new(crate::now()));
    client.head_object().bucket("b").key("k").send().await.unwrap_err();
    let lifetime = aws_sdk_s3::presigning::PresigningConfig::expires_in(std::time::Duration::from_secs(60));
    client.get_object().bucket("b").key("k").presigned(lifetime.unwrap()).await.unwrap();
    tracer.end();
    let documents = received(&receiver);
    let [call] = &**documents[1]["subsegments"].as_array().unwrap() else { panic!("{documents:?}") };
    assert_eq!((&call["name"], &call["aws"]["operation"]), (&json!("S3"), &json!("HeadObject")));
    assert_eq!(call["error"], true);
    let time = |document: &Value, key: &str| document[key].as_f64().unwrap();
    assert!(time(&documents[1], "start_time") <= time(call, "start_time"));
    assert!(time(call, "end_time") <= time(&documents[1], "end_time"));
}
