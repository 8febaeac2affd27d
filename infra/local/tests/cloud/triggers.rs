//! Queues and asynchronous invocations.

use std::time::Duration;

use files_local::sqs::{QueueDefinition, Sqs};
use files_local::triggers::{Asynchronous, QueueTrigger, Schedules};
use serde_json::{Value, json};

use crate::setup::{Running, until, worker};

const QUEUE: &str = "work";

fn queue(running: &Running, visibility: u64) -> Sqs {
    let sqs = Sqs::open(&running.folder.path().join("sqs.sqlite")).unwrap();
    let definition = QueueDefinition {
        name: QUEUE.to_owned(),
        visibility_timeout: Duration::from_secs(visibility),
        retention: Duration::from_secs(600),
        redrive: None,
    };
    sqs.ensure_queue(definition).unwrap();
    sqs
}

fn mapping(running: &Running, sqs: &Sqs) -> tokio::task::JoinHandle<()> {
    let function = &running.model.functions[0];
    let source = &function.queue_sources[0];
    tokio::spawn(
        QueueTrigger::new(sqs.clone(), running.lambda.clone(), function, source, running.lines.log()).run(),
    )
}

const EVENTS: &str = "Timeout: 30, Events: {Q: {Type: SQS, Properties: {Queue: 'arn:aws:sqs:us-east-1:000000000000:work', \
                      BatchSize: 2, FunctionResponseTypes: [ReportBatchItemFailures]}}}";

#[tokio::test]
async fn succeeded_messages_are_deleted_and_failed_ones_stay() {
    let running = worker(EVENTS);
    let sqs = queue(&running, 600);
    for body in ["good", "fail", "good"] {
        sqs.send(QUEUE, body).unwrap();
    }
    let mapping = mapping(&running, &sqs);
    until("one message is left", || {
        let depth = sqs.depth(QUEUE).unwrap();
        (depth.visible, depth.in_flight) == (0, 1)
    })
    .await;
    mapping.abort();
}

#[tokio::test]
async fn a_failed_message_comes_again_after_its_visibility_timeout() {
    let running = worker(EVENTS);
    let sqs = queue(&running, 1);
    sqs.send(QUEUE, "fail").unwrap();
    let mapping = mapping(&running, &sqs);
    let events = || running.board.seen();
    until("it came a second time", || events().contains(r#""ApproximateReceiveCount":"2""#)).await;
    assert!(events().contains(r#""eventSourceARN":"arn:aws:sqs:us-east-1:000000000000:work""#));
    mapping.abort();
}

fn asynchronous(running: &Running, sqs: &Sqs) -> Asynchronous {
    let delays = [Duration::from_millis(1), Duration::from_millis(2)];
    Asynchronous::new(running.lambda.clone(), sqs.clone(), delays, running.lines.log())
}

const ON_FAILURE: &str = "Timeout: 30, EventInvokeConfig: {MaximumRetryAttempts: 2, DestinationConfig: {OnFailure: \
                          {Type: SQS, Destination: 'arn:aws:sqs:us-east-1:000000000000:work'}}}";

#[tokio::test]
async fn an_event_that_fails_finally_goes_to_the_destination() {
    let running = worker(ON_FAILURE);
    let sqs = queue(&running, 600);
    let event = json!({"do": "fail", "n": 1});
    let function = &running.model.functions[0];
    asynchronous(&running, &sqs).invoke(function, event.to_string().into()).await.unwrap();
    let message = sqs.receive(QUEUE, 1, Duration::ZERO).await.unwrap().remove(0);
    let mut record: Value = serde_json::from_str(&message.body).unwrap();
    // localstack, `TestLambdaDestinationSqs::test_retries` (recorded on AWS): the message continues the trace.
    let trace = message.system_attributes["AWSTraceHeader"]["StringValue"].as_str().unwrap();
    let id = record["requestContext"]["requestId"].as_str().unwrap().replace('-', "");
    assert!(trace.starts_with(&format!("Root=1-{}-{}", &id[..8], &id[8..])), "{trace}");
    assert!(trace.contains("Lineage="), "{trace}");
    record["timestamp"].take();
    record["requestContext"]["requestId"].take();
    insta::assert_json_snapshot!(record);
}

#[tokio::test]
async fn an_event_that_is_too_old_is_not_retried() {
    let age = "EventInvokeConfig: {MaximumEventAgeInSeconds: 0, MaximumRetryAttempts";
    let running = worker(&ON_FAILURE.replace("EventInvokeConfig: {MaximumRetryAttempts", age));
    let sqs = queue(&running, 600);
    let (event, function) = (json!({"do": "fail"}), &running.model.functions[0]);
    asynchronous(&running, &sqs).invoke(function, event.to_string().into()).await.unwrap();
    let message = sqs.receive(QUEUE, 1, Duration::ZERO).await.unwrap().remove(0);
    let record: Value = serde_json::from_str(&message.body).unwrap();
    let context = &record["requestContext"];
    assert_eq!(
        (&context["condition"], &context["approximateInvokeCount"]),
        (&json!("EventAgeExceeded"), &json!(1))
    );
}

#[tokio::test]
async fn an_event_that_succeeds_at_the_retry_goes_to_no_destination() {
    let running = worker(ON_FAILURE);
    let sqs = queue(&running, 600);
    let event = json!({"do": "fail-once", "mark": "failed"});
    let function = &running.model.functions[0];
    asynchronous(&running, &sqs).invoke(function, event.to_string().into()).await.unwrap();
    assert!(running.board.is_marked("failed"));
    assert_eq!(sqs.depth(QUEUE).unwrap().visible, 0);
}

#[tokio::test]
async fn a_stop_leaves_the_event_for_the_next_run() {
    let running = worker(ON_FAILURE);
    let sqs = queue(&running, 600);
    let (asynchronous, function) = (asynchronous(&running, &sqs), running.model.functions[0].clone());
    let event = json!({"do": "sleep"}).to_string();
    let waiting = tokio::spawn(async move { asynchronous.invoke(&function, event.into()).await });
    running.lambda.stop().await;
    assert!(waiting.await.unwrap().is_err());
    assert_eq!(sqs.depth(QUEUE).unwrap().visible, 0);
}

#[tokio::test]
async fn a_schedule_runs_on_request() {
    let running =
        worker("Events: {Tick: {Type: ScheduleV2, Properties: {ScheduleExpression: rate(1 minute)}}}");
    let sqs = queue(&running, 600);
    let asynchronous = asynchronous(&running, &sqs);
    let schedules = Schedules::new(&running.model.functions, running.lambda.clone(), asynchronous);
    assert!(schedules.run_now("nobody").await.is_none());
    let outcome = schedules.run_now("worker").await.unwrap().unwrap();
    let seen: Value = serde_json::from_slice(&outcome.payload).unwrap();
    assert_eq!(seen["event"]["source"], "aws.scheduler");
    assert_eq!(
        seen["event"]["resources"][0],
        "arn:aws:scheduler:us-east-1:000000000000:schedule/default/files-local-WTick"
    );
}
