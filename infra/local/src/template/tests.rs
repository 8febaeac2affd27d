use super::*;
use std::time::Duration;

fn around() -> Surroundings {
    Surroundings {
        parameters: BTreeMap::new(),
        sqs_url: "http://127.0.0.1:9".to_owned(),
        api_url: "http://127.0.0.1:8".to_owned(),
    }
}

const REAL: &str = include_str!("../../../../template.yaml");

fn function<'a>(model: &'a Model, binary: &str) -> &'a Function {
    model.functions.iter().find(|function| function.binary == binary).unwrap()
}

#[test]
fn the_real_template_is_understood_completely() {
    let model = load(REAL, &around()).unwrap();
    assert_eq!(model.notices.not_run, Vec::<String>::new());
    assert_eq!(model.notices.lines().len(), 1, "{:?}", model.notices.lines());
    let names: Vec<_> = model.functions.iter().map(|function| function.binary.as_str()).collect();
    assert_eq!(names.len(), 18, "{names:?}");
    assert_eq!(model.queues.len(), 3);
    assert_eq!(model.tables.len(), 2);
    assert_eq!(model.buckets[0].name, "files-local-files-000000000000-us-east-1");
    assert_eq!(model.buckets[0].cors[0].allowed_methods, ["GET", "HEAD", "PUT"]);
    let cors = model.cors.unwrap();
    assert_eq!((cors.allow_origins.as_slice(), cors.max_age), (["*".to_owned()].as_slice(), Some(3600)));
}

#[test]
fn the_real_functions_have_environment_and_triggers() {
    let mut around = around();
    around.parameters.insert("ProbeConcurrency".to_owned(), "7".to_owned());
    around.parameters.insert("AllowImportHosts".to_owned(), "127.0.0.1,media.test".to_owned());
    let model = load(REAL, &around).unwrap();
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
fn what_touches_strangers_bytes_has_no_rights() {
    let model = load(REAL, &around()).unwrap();
    let may = |binary: &str| -> Vec<String> {
        let policy = &function(&model, binary).policy;
        let each = policy.iter().flat_map(|one| one.actions.iter().map(|action| (action, &one.resources)));
        let mut all: Vec<_> = each.map(|(action, on)| format!("{action} {}", on.join(" "))).collect();
        all.sort();
        all
    };
    let in_account = |service: &str| format!("arn:aws:{service}:us-east-1:000000000000");
    let logs = format!("{}:log-group:/files/files-local/probe-file:*", in_account("logs"));
    let queue = format!("{}:files-local-ProbeQueue", in_account("sqs"));
    let expected = [
        format!("lambda:InvokeFunction {}:function:files-local-ProbeRecordFunction", in_account("lambda")),
        format!("logs:CreateLogStream {logs}"),
        format!("logs:PutLogEvents {logs}"),
        format!("sqs:DeleteMessage {queue}"),
        format!("sqs:GetQueueAttributes {queue}"),
        format!("sqs:ReceiveMessage {queue}"),
    ];
    assert_eq!(may("probe-file"), expected);
    assert_eq!(may("resolve-url"), Vec::<String>::new());
    assert_eq!(
        function(&model, "probe-file").on_failure,
        None,
        "it would need the right to send dead letters"
    );
}

const ROLE: &str = r#"
Resources:
  Worker:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: functions/worker/, Role: !GetAtt WorkerRole.Arn}
  WorkerRole:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {Statement: []}
      Policies:
        - {PolicyName: one, PolicyDocument: {Statement: [{Effect: Allow, Action: 'sqs:SendMessage', Resource: q}]}}
        - {PolicyName: two, PolicyDocument: {Statement: {Effect: Allow, Action: ['s3:GetObject'], Resource: ['b/*']}}}
"#;

#[test]
fn a_role_of_the_template_is_what_its_function_may_do() {
    let model = load(ROLE, &around()).unwrap();
    assert_eq!(model.notices.not_run, Vec::<String>::new());
    let policy = &function(&model, "worker").policy;
    let actions: Vec<_> = policy.iter().flat_map(|statement| &statement.actions).collect();
    assert_eq!(actions, ["sqs:SendMessage", "s3:GetObject"]);
    let problem = |text: &str, instead: &str| {
        format!("{:#}", load(&ROLE.replace(text, instead), &around()).unwrap_err())
    };
    let managed = problem("Policies:\n", "ManagedPolicyArns: [a]\n      Policies:\n");
    assert!(managed.contains("WorkerRole") && managed.contains("ManagedPolicyArns"), "{managed}");
    let both = problem("Role: !GetAtt WorkerRole.Arn", "Role: !GetAtt WorkerRole.Arn, Policies: []");
    assert!(both.contains("Worker") && both.contains("leaves Policies out"), "{both}");
    assert!(problem("Effect: Allow, Action: 's", "Effect: Deny, Action: 's").contains("WorkerRole"));
}

#[test]
fn the_real_table_and_queues_are_defined() {
    let model = load(REAL, &around()).unwrap();
    let table = model.tables.iter().find(|table| table.logical_id == "FilesTable").unwrap();
    assert_eq!(table.ttl_attribute.as_deref(), Some("ttl"));
    assert_eq!(table.create["TableName"], "files-local-FilesTable");
    assert_eq!(table.create["GlobalSecondaryIndexes"][0]["IndexName"], "due");
    let keys = model.tables.iter().find(|table| table.logical_id == "KeysTable").unwrap();
    assert_eq!(
        (keys.ttl_attribute.as_deref(), &keys.create["TableName"]),
        (None, &"files-local-KeysTable".into())
    );
    assert_eq!(function(&model, "get-file").environment["FILES_KEYS_TABLE"], "files-local-KeysTable");
    assert!(!function(&model, "import-file").environment.contains_key("FILES_KEYS_TABLE"));
    let import = model.queues.iter().find(|queue| queue.name.ends_with("ImportQueue")).unwrap();
    assert_eq!(import.visibility_timeout, Duration::from_secs(1800));
    assert_eq!(import.redrive, Some(("files-local-DeadLetterQueue".to_owned(), 5)));
}

const SMALL: &str = r#"
Conditions:
  Never: !Equals [a, b]
Globals:
  Function:
    Environment: {Variables: {SHARED: one, OWN: global}}
Resources:
  Worker:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/worker/
      FunctionName: worker
      VpcConfig: {SubnetIds: [a]}
      Environment: {Variables: {OWN: function}}
      Events:
        Stream: {Type: Kinesis, Properties: {}}
        Cron: {Type: Schedule, Properties: {Schedule: "cron(0 1 * * ? *)"}}
        Hourly: {Type: Schedule, Properties: {Schedule: rate(1 hour), Input: "{}"}}
        Off: {Type: ScheduleV2, Properties: {ScheduleExpression: rate(1 hour), State: DISABLED}}
        Any: {Type: HttpApi}
  Alarm: {Type: "AWS::CloudWatch::Alarm"}
  Stream: {Type: "AWS::Kinesis::Stream"}
  Absent: {Type: "AWS::Kinesis::Stream", Condition: Never}
"#;

#[test]
fn what_cannot_run_is_named_and_the_rest_runs() {
    let model = load(SMALL, &around()).unwrap();
    let worker = function(&model, "worker");
    assert_eq!(worker.name, "worker");
    assert_eq!(worker.environment["SHARED"], "one");
    assert_eq!(worker.environment["OWN"], "function");
    assert_eq!(worker.timeout, Duration::from_secs(3), "Lambda's default");
    assert_eq!(worker.schedules.len(), 1);
    assert_eq!(worker.routes[0].key(), "$default");
    assert_eq!(
        model.notices.lines(),
        [
            "not run here: Stream: resource type AWS::Kinesis::Stream",
            "not run here: Worker.Cron: schedule cron(0 1 * * ? *)",
            "not run here: Worker: event Stream of type Kinesis",
            "not run here: Worker: property VpcConfig",
            "without effect here: AWS::CloudWatch::Alarm (Alarm), MemorySize (Worker)",
        ]
    );
}

#[test]
fn a_function_is_known_by_the_folder_of_its_code() {
    for code in ["functions/worker", "./worker/", "target/lambda/worker/bootstrap.zip", "a/worker/python.zip"]
    {
        let model = load(&SMALL.replace("functions/worker/", code), &around()).unwrap();
        assert_eq!(model.functions[0].binary, "worker", "{code}");
    }
}

#[test]
fn mistakes_are_errors_that_name_their_place() {
    let problem = |text: &str| format!("{:#}", load(text, &around()).unwrap_err());
    assert!(problem("Description: x").contains("no resources"));
    let unknown = SMALL.replace("functions/worker/", "!Ref Nothing");
    assert!(problem(&unknown).contains("Worker") && problem(&unknown).contains("nothing is called Nothing"));
    let node = SMALL.replace("FunctionName: worker", "Runtime: nodejs22.x");
    assert!(problem(&node).contains("runtime nodejs22.x"));
    let old = SMALL
        .replace("Any: {Type: HttpApi}", "Any: {Type: HttpApi, Properties: {PayloadFormatVersion: '1.0'}}");
    assert!(problem(&old).contains("payload format 1.0"));
    for (property, named) in [
        ("Policies: AmazonS3ReadOnlyAccess", "AmazonS3ReadOnlyAccess"),
        ("Policies: [{Statement: [{Effect: Deny, Action: 's3:*', Resource: '*'}]}]", "Effect: Allow"),
        ("Role: 'arn:aws:iam::000000000000:role/r'", "property Role"),
    ] {
        let wrong = problem(&SMALL.replace("FunctionName: worker", property));
        assert!(wrong.contains("Worker") && wrong.contains(named), "{wrong}");
    }
}

#[test]
fn policies_of_resources_may_only_demand_tls() {
    let policy = |statement: &str| {
        let statement = format!("{{Action: '*', Principal: '*', Resource: '*', {statement}}}");
        let resource = format!(
            "Type: 'AWS::S3::BucketPolicy', Properties: {{PolicyDocument: {{Statement: [{statement}]}}}}"
        );
        load(&format!("Resources:\n  P: {{{resource}}}"), &around())
    };
    let tls = "Effect: Deny, Condition: {Bool: {'aws:SecureTransport': 'false'}}";
    let lines = policy(tls).unwrap().notices.lines();
    assert_eq!(lines, ["without effect here: AWS::S3::BucketPolicy (P)"]);
    for other in [
        "Effect: Allow",
        "Effect: Deny",
        "Effect: Allow, Condition: {Bool: {'aws:SecureTransport': 'false'}}",
    ] {
        let error = format!("{:#}", policy(other).unwrap_err());
        assert!(error.contains("resource P") && error.contains("only the demand for TLS"), "{error}");
    }
}
