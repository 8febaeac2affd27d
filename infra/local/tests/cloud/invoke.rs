//! Functions that invoke others through Lambda's API, with the real SDK.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_lambda::Client;
use aws_sdk_lambda::config::retry::RetryConfig;
use aws_sdk_lambda::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_lambda::error::ProvideErrorMetadata;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use files_local::calls::Calls;
use files_local::iam::Policies;
use files_local::identity::Identities;
use files_local::invoke::serve;
use files_local::sqs::{Access, Sqs};
use files_local::triggers::Asynchronous;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::setup::{Running, start, until};

const TEMPLATE: &str = r#"
  Worker: {Type: 'AWS::Serverless::Function', Properties: {CodeUri: f/worker, FunctionName: worker}}
  Caller: {Type: 'AWS::Serverless::Function', Properties: {CodeUri: f/caller, Policies: {Statement: {
      Effect: Allow, Action: 'lambda:InvokeFunction', Resource: !GetAtt Worker.Arn}}}}
  Idle: {Type: 'AWS::Serverless::Function', Properties: {CodeUri: f/idle}}
"#;

struct Cloud {
    running: Running,
    calls: Arc<Calls>,
    identities: Identities,
    address: String,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Drop for Cloud {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Cloud {
    async fn start() -> Self {
        let running = start(&["worker", "caller", "idle"], TEMPLATE);
        let (identities, calls) = (Identities::new([1; 32]), Arc::new(Calls::default()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let policies = Policies::of(running.model.principals());
        let access = Access {
            identities: identities.clone(),
            calls: calls.clone(),
            policies,
            region: "us-east-1".to_owned(),
        };
        let sqs = Sqs::open(&running.folder.path().join("sqs.sqlite")).unwrap();
        let lambda = running.lambda.clone();
        let asynchronous = Asynchronous::new(lambda.clone(), sqs, [Duration::ZERO; 2], running.lines.log());
        let task = tokio::spawn(serve(lambda, asynchronous, &running.model.functions, listener, access));
        Self { running, calls, identities, address, task }
    }

    fn client(&self, caller: &str, secret: Option<&str>) -> Client {
        let keys = self.identities.keys(caller);
        let secret = secret.map_or(keys.secret_access_key, str::to_owned);
        let config = aws_sdk_lambda::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .endpoint_url(&self.address)
            .credentials_provider(Credentials::new(
                keys.access_key_id,
                secret,
                keys.session_token,
                None,
                "test",
            ))
            .retry_config(RetryConfig::disabled())
            .http_client(aws_smithy_http_client::Builder::new().build_http());
        Client::from_conf(config.build())
    }
}

async fn invoke(
    client: &Client,
    function: &str,
    event: &Value,
) -> Result<(Option<String>, Value), Option<String>> {
    let sent = client.invoke().function_name(function).payload(Blob::new(event.to_string())).send().await;
    let output = sent.map_err(|error| error.code().map(str::to_owned))?;
    let payload = output.payload.map(Blob::into_inner).unwrap_or_default();
    Ok((output.function_error, serde_json::from_slice(&payload).unwrap()))
}

#[tokio::test]
async fn a_function_invokes_another_and_gets_its_response() {
    let cloud = Cloud::start().await;
    let caller = cloud.client("caller", None);
    let arn = "arn:aws:lambda:us-east-1:000000000000:function:worker";
    for name in ["worker", arn] {
        let (error, response) = invoke(&caller, name, &json!({"n": 1})).await.unwrap();
        assert_eq!((error, &response["event"]), (None, &json!({"n": 1})), "{name}");
    }
    let (error, response) = invoke(&caller, "worker", &json!({"do": "fail"})).await.unwrap();
    assert_eq!((error.as_deref(), &response["errorType"]), (Some("Unhandled"), &json!("Test")));
    let (error, response) = invoke(&caller, "worker", &json!({"do": "crash"})).await.unwrap();
    assert_eq!((error.as_deref(), &response["errorType"]), (Some("Unhandled"), &json!("Runtime.ExitError")));
    assert_eq!(cloud.calls.to_json()["caller"]["lambda"]["Invoke"], 4);
    cloud.running.lambda.stop().await;
}

#[tokio::test]
async fn an_invocation_needs_permission_and_an_existing_function() {
    let cloud = Cloud::start().await;
    let (caller, event) = (cloud.client("caller", None), json!({}));
    let refused = async |client: &Client, name: &str| {
        invoke(client, name, &event).await.unwrap_err().unwrap_or_default()
    };
    assert_eq!(refused(&cloud.client("idle", None), "worker").await, "AccessDeniedException");
    assert_eq!(refused(&caller, "files-local-Idle").await, "AccessDeniedException", "another function");
    assert_eq!(refused(&cloud.client("caller", Some("wrong")), "worker").await, "InvalidSignatureException");
    assert_eq!(refused(&cloud.client("root", None), "nobody").await, "ResourceNotFoundException");
    let large = json!({"n": "x".repeat(6 * 1024 * 1024 + 200)});
    let refused = invoke(&caller, "worker", &large).await.unwrap_err();
    assert_eq!(refused.as_deref(), Some("RequestTooLargeException"));
    cloud.running.lambda.stop().await;
}

/// localstack, `test_lambda_invoke_payload_encoding_error` (recorded on AWS): the function is not invoked.
#[tokio::test]
async fn a_payload_must_be_json_in_utf8() {
    let cloud = Cloud::start().await;
    let caller = cloud.client("caller", None);
    let send = |payload: &[u8], kind: InvocationType| {
        caller.invoke().function_name("worker").payload(Blob::new(payload)).invocation_type(kind).send()
    };
    for payload in [&b"{"[..], b"no JSON", b"\xff", b"\"\x82\"", b"{} {}", b" "] {
        for kind in [InvocationType::RequestResponse, InvocationType::Event] {
            let error = send(payload, kind.clone()).await.expect_err("refused");
            assert_eq!(error.code(), Some("InvalidRequestContentException"), "{payload:?}, {kind}");
            assert_eq!(error.raw_response().unwrap().status().as_u16(), 400, "{payload:?}");
        }
    }
    for payload in ["1", "null", "\"text\"", "[]", " {\"a\": 1} "] {
        let output = send(payload.as_bytes(), InvocationType::RequestResponse).await.unwrap();
        let response: Value = serde_json::from_slice(output.payload().unwrap().as_ref()).unwrap();
        assert_eq!(response["event"], serde_json::from_str::<Value>(payload).unwrap(), "{payload}");
    }
    let output = caller.invoke().function_name("worker").send().await.unwrap();
    let response: Value = serde_json::from_slice(output.payload().unwrap().as_ref()).unwrap();
    assert_eq!(response["event"], json!({}), "no payload is an empty event (API_Invoke)");
    cloud.running.lambda.stop().await;
}

/// localstack, `test_invocation_type_event`, `test_invocation_type_dry_run` (recorded on AWS).
#[tokio::test]
async fn an_event_is_accepted_and_a_dry_run_only_checks() {
    let cloud = Cloud::start().await;
    let caller = cloud.client("caller", None);
    let is_marked = |name: &str| cloud.running.board.is_marked(name);
    let send = |name: &str, kind: InvocationType, client: &Client| {
        let event = json!({"do": "fail-once", "mark": name}).to_string();
        client.invoke().function_name("worker").payload(Blob::new(event)).invocation_type(kind).send()
    };
    let output = send("event", InvocationType::Event, &caller).await.unwrap();
    assert_eq!((output.status_code(), output.executed_version(), output.function_error()), (202, None, None));
    assert!(output.payload().is_none_or(|payload| payload.as_ref().is_empty()));
    until("it was invoked, and again after it failed", || is_marked("event")).await;

    let output = send("dry", InvocationType::DryRun, &caller).await.unwrap();
    assert_eq!(output.status_code(), 204);
    let refused =
        send("dry", InvocationType::DryRun, &cloud.client("idle", None)).await.expect_err("refused");
    assert_eq!(refused.code(), Some("AccessDeniedException"));
    let large = Blob::new(json!("x".repeat(1024 * 1024)).to_string());
    let event = caller.invoke().function_name("worker").invocation_type(InvocationType::Event);
    assert_eq!(
        event.payload(large).send().await.expect_err("refused").code(),
        Some("RequestTooLargeException")
    );
    // Invoke again: the dry run must not have started anything.
    invoke(&caller, "worker", &json!({})).await.unwrap();
    assert!(!is_marked("dry"));
    cloud.running.lambda.stop().await;
}
