//! The template as the local cloud reads it: its resources, what runs locally, and the permissions.

use std::collections::BTreeMap;
use std::time::Duration;

use files_local::template::{Function, Model, QueueSource, Route, Surroundings, load};

const TEMPLATE: &str = include_str!("../../template.yaml");

fn around() -> Surroundings {
    Surroundings {
        parameters: BTreeMap::new(),
        sqs_url: "http://127.0.0.1:9".to_owned(),
        api_url: "http://127.0.0.1:8".to_owned(),
    }
}

fn function<'a>(model: &'a Model, binary: &str) -> &'a Function {
    model.functions.iter().find(|function| function.binary == binary).expect("a function")
}

#[test]
fn the_template_is_supported_completely() {
    let model = load(TEMPLATE, &around()).expect("the template");
    assert_eq!(model.notices.not_run, Vec::<String>::new());
    assert_eq!(model.resources["FilesTable"], "files-local-FilesTable");
    assert_eq!(model.resources["ProbeQueue"], "http://127.0.0.1:9/000000000000/files-local-ProbeQueue");
    let names: Vec<_> = model.functions.iter().map(|function| function.binary.as_str()).collect();
    assert_eq!(names.len(), 32, "{names:?}");
    assert_eq!(model.queues.len(), 4);
    assert_eq!(model.tables.len(), 2);
    assert_eq!(model.buckets[0].name, "files-local-files-000000000000-us-east-1");
    assert_eq!(model.buckets[0].cors[0].allowed_methods, ["GET", "HEAD", "PUT"]);
    let cors = model.cors.expect("the template");
    assert_eq!((cors.allow_origins.as_slice(), cors.max_age), (["*".to_owned()].as_slice(), Some(3600)));
}

#[test]
fn functions_have_environment_and_triggers() {
    let mut around = around();
    around.parameters.insert("ProbeConcurrency".to_owned(), "7".to_owned());
    around.parameters.insert("AllowImportHosts".to_owned(), "127.0.0.1,media.test".to_owned());
    let model = load(TEMPLATE, &around).expect("the template");
    let import = function(&model, "import-file");
    assert_eq!(import.timeout, Duration::from_secs(300));
    assert_eq!(import.environment["FILES_TABLE"], "files-local-FilesTable", "globals are merged");
    assert_eq!(import.environment["FILES_IMPORT_ALLOW_HOSTS"], "127.0.0.1,media.test");
    let source = QueueSource {
        queue: "files-local-ImportQueue".to_owned(),
        batch_size: 1,
        max_concurrency: Some(2),
        report_batch_item_failures: true,
    };
    assert_eq!(import.queue_sources, [source]);
    let probe = function(&model, "probe-file");
    assert_eq!(probe.queue_sources[0].max_concurrency, Some(7), "a parameter");
    assert_eq!(probe.object_sources[0].prefix, "files/");
    assert_eq!(probe.object_sources[0].bucket, model.buckets[0].name);
    let sweep = function(&model, "sweep");
    assert_eq!(sweep.schedules[0].period, Duration::from_secs(60));
    assert_eq!((sweep.max_retries, sweep.max_event_age), (0, Duration::from_secs(60)));
    assert_eq!(probe.max_event_age, Duration::from_secs(6 * 3600));
    let queue = &sweep.environment["FILES_IMPORT_QUEUE_URL"];
    assert_eq!(queue, "http://127.0.0.1:9/000000000000/files-local-ImportQueue");
    let keys: Vec<_> = function(&model, "download-file").routes.iter().map(Route::key).collect();
    assert_eq!(keys, ["GET /v1/files/{id}/{filename}", "HEAD /v1/files/{id}/{filename}"]);
    assert_eq!(function(&model, "not-found").routes[0].key(), "$default");
}

#[test]
fn functions_that_read_untrusted_bytes_have_no_permissions() {
    let model = load(TEMPLATE, &around()).expect("the template");
    let may = |binary: &str| -> Vec<String> {
        let policy = &function(&model, binary).policy;
        let each = policy.iter().flat_map(|one| one.actions.iter().map(|action| (action, &one.resources)));
        let mut all: Vec<_> = each.map(|(action, on)| format!("{action} {}", on.join(" "))).collect();
        all.sort();
        all
    };
    let in_account = |service: &str| format!("arn:aws:{service}:us-east-1:000000000000");
    let logs = format!("{}:log-group:/files/files-local/functions", in_account("logs"));
    let queue = format!("{}:files-local-ProbeQueue", in_account("sqs"));
    let expected = [
        format!("lambda:InvokeFunction {}:function:files-local-ProbeRecordFunction", in_account("lambda")),
        format!("logs:CreateLogStream {logs}:*"),
        format!("logs:PutLogEvents {logs}:log-stream:*/files-local-ProbeFileFunction-*"),
        format!("sqs:DeleteMessage {queue}"),
        format!("sqs:GetQueueAttributes {queue}"),
        format!("sqs:ReceiveMessage {queue}"),
    ];
    assert_eq!(may("probe-file"), expected);
    assert_eq!(may("resolve-url"), Vec::<String>::new());
    let expected = [
        format!("logs:CreateLogStream {logs}:*"),
        format!("logs:PutLogEvents {logs}:log-stream:*/files-local-MuxStreamsFunction-*"),
    ];
    assert_eq!(may("mux-streams"), expected);
    assert_eq!(
        function(&model, "probe-file").on_failure,
        None,
        "it would need the permission to send dead letters"
    );
}

#[test]
fn tables_and_queues_are_defined() {
    let model = load(TEMPLATE, &around()).expect("the template");
    let table = model.tables.iter().find(|table| table.logical_id == "FilesTable").expect("the template");
    assert_eq!(table.ttl_attribute.as_deref(), Some("ttl"));
    assert_eq!(table.create["TableName"], "files-local-FilesTable");
    assert_eq!(table.create["GlobalSecondaryIndexes"][0]["IndexName"], "due");
    let keys = model.tables.iter().find(|table| table.logical_id == "KeysTable").expect("the template");
    assert_eq!(
        (keys.ttl_attribute.as_deref(), &keys.create["TableName"]),
        (None, &"files-local-KeysTable".into())
    );
    assert_eq!(function(&model, "get-file").environment["FILES_KEYS_TABLE"], "files-local-KeysTable");
    let may_read_keys = |binary| format!("{:?}", function(&model, binary).policy).contains("KeysTable");
    assert!(may_read_keys("get-file") && !may_read_keys("probe-file"));
    let import = model.queues.iter().find(|queue| queue.name.ends_with("ImportQueue")).expect("the template");
    assert_eq!(import.visibility_timeout, Duration::from_secs(1800));
    assert_eq!(import.redrive, Some(("files-local-DeadLetterQueue".to_owned(), 5)));
}
