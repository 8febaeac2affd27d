use super::*;
use std::time::Duration;

fn around() -> Surroundings {
    Surroundings {
        parameters: BTreeMap::new(),
        sqs_url: "http://127.0.0.1:9".to_owned(),
        api_url: "http://127.0.0.1:8".to_owned(),
    }
}

fn function<'a>(model: &'a Model, binary: &str) -> &'a Function {
    model.functions.iter().find(|function| function.binary == binary).unwrap()
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
fn a_functions_permissions_are_those_of_its_role() {
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
      DeadLetterConfig: !If [Never, {Type: SQS}, !Ref "AWS::NoValue"]
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
fn parts_that_cannot_run_are_named_and_the_rest_runs() {
    let model = load(SMALL, &around()).unwrap();
    let worker = function(&model, "worker");
    assert_eq!(worker.name, "worker");
    assert_eq!(worker.environment["SHARED"], "one");
    assert_eq!(worker.environment["OWN"], "function");
    assert_eq!(worker.timeout, Duration::from_secs(3), "Lambda's default");
    assert_eq!(worker.schedules.len(), 1);
    assert_eq!(worker.routes[0].key(), "$default");
    assert_eq!(
        model.notices.not_run_lines(),
        [
            "not run here: Stream: resource type AWS::Kinesis::Stream",
            "not run here: Worker.Cron: schedule cron(0 1 * * ? *)",
            "not run here: Worker: event Stream of type Kinesis",
            "not run here: Worker: property VpcConfig",
        ]
    );
    assert_eq!(model.notices.without_effect_lines(), ["AWS::CloudWatch::Alarm: Alarm", "MemorySize: Worker"]);
    assert_eq!(model.resources, BTreeMap::from([("Worker".to_owned(), "worker".to_owned())]));
}

#[test]
fn a_function_has_the_name_of_its_codes_folder() {
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
    assert!(
        problem(&unknown).contains("Worker")
            && problem(&unknown).contains("no parameter or resource is called Nothing")
    );
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
fn policies_of_resources_may_only_require_tls() {
    let policy = |statement: &str| {
        let statement = format!("{{Action: '*', Principal: '*', Resource: '*', {statement}}}");
        let resource = format!(
            "Type: 'AWS::S3::BucketPolicy', Properties: {{PolicyDocument: {{Statement: [{statement}]}}}}"
        );
        load(&format!("Resources:\n  P: {{{resource}}}"), &around())
    };
    let tls = "Effect: Deny, Condition: {Bool: {'aws:SecureTransport': 'false'}}";
    let lines = policy(tls).unwrap().notices.without_effect_lines();
    assert_eq!(lines, ["AWS::S3::BucketPolicy: P"]);
    for other in [
        "Effect: Allow",
        "Effect: Deny",
        "Effect: Allow, Condition: {Bool: {'aws:SecureTransport': 'false'}}",
    ] {
        let error = format!("{:#}", policy(other).unwrap_err());
        assert!(error.contains("resource P") && error.contains("only the requirement of TLS"), "{error}");
    }
}

#[test]
fn a_value_of_an_unknown_parameter_is_refused() {
    let parameters = BTreeMap::from([("PublicURL".to_owned(), "x".to_owned())]);
    let error = load(ROLE, &Surroundings { parameters, ..around() }).unwrap_err().to_string();
    assert_eq!(error, "parameters do not exist in the template: PublicURL");
}
