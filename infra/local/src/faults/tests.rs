use super::*;

const STREAMS: [(&str, Service, &str); 3] = [
    ("create-item", Service::DynamoDb, "TransactWriteItems"),
    ("import-item", Service::S3, "PutObject"),
    ("probe-item", Service::Trigger, "ObjectCreated"),
];

fn parse(text: &str) -> Rules {
    Rules::parse(text.as_bytes()).unwrap()
}

fn with(text: &str) -> Faults {
    let faults = Faults::default();
    faults.add(parse(text));
    faults
}

fn of_seed(seed: &str) -> Faults {
    let faults = Faults::default();
    faults.add(Rules::from_argument(seed).unwrap());
    faults
}

/// Returns the faults of the first `count` calls of each stream; `order` decides which stream calls next.
fn decisions(faults: &Faults, count: usize, order: impl Fn(usize) -> usize) -> Vec<Vec<Option<Action>>> {
    let mut decided = vec![Vec::new(); STREAMS.len()];
    for call in 0.. {
        if decided.iter().all(|stream| stream.len() >= count) {
            break;
        }
        let stream = order(call) % STREAMS.len();
        let (caller, service, operation) = STREAMS[stream];
        let action = faults.decide(caller, service, operation);
        if decided[stream].len() < count {
            decided[stream].push(action);
        }
    }
    decided
}

#[test]
fn a_seeds_faults_do_not_depend_on_the_order_of_callers() {
    let one_by_one = decisions(&of_seed("7"), 500, |call| call);
    let in_runs = decisions(&of_seed("7"), 500, |call| call / 50);
    assert_eq!(one_by_one, in_runs);
    let other = decisions(&of_seed("8"), 500, |call| call);
    assert_ne!(one_by_one, other);
    for stream in &one_by_one {
        let applied = stream.iter().flatten().count();
        assert!((10..250).contains(&applied), "{applied} of 500");
    }
}

#[test]
fn a_rule_applies_with_its_probability() {
    let faults = with(r#"{"probability": 0.25, "service": "s3", "action": "cut"}"#);
    let applied = (0..4000).filter(|_| faults.decide("f", Service::S3, "PutObject").is_some()).count();
    assert!((850..1150).contains(&applied), "{applied} of 4000");
}

#[test]
fn rules_match_caller_service_operation_and_number() {
    let faults = with(
        r#"[{"caller": "a", "service": "dynamodb", "operation": "Query", "nth": 2, "action": "cut"},
            {"caller": "b", "times": 2, "action": {"error": "internal"}},
            {"nth": 3, "times": 2, "service": "sqs", "action": {"delay_ms": 5}}]"#,
    );
    let decide = |caller, service, operation| faults.decide(caller, service, operation);
    let a = || decide("a", Service::DynamoDb, "Query");
    assert_eq!((a(), a(), a()), (None, Some(Action::Cut), None));
    assert_eq!(decide("a", Service::DynamoDb, "Scan"), None);
    let b = |service| decide("b", service, "Any");
    let internal = Some(Action::Error(ErrorKind::Internal));
    assert_eq!((b(Service::Trigger), b(Service::S3), b(Service::DynamoDb)), (None, internal, internal));
    assert_eq!(b(Service::S3), None);
    let c = || decide("c", Service::Sqs, "SendMessage");
    let late = Some(Action::DelayMs(5));
    assert_eq!([c(), c(), c(), c(), c()], [None, None, late, late, None]);
    let shown = faults.to_json();
    assert_eq!((&shown["rules"][0]["matched"], &shown["rules"][0]["hits"]), (&3.into(), &1.into()));
    assert_eq!(shown["rules"][2]["rule"]["action"], json!({"delay_ms": 5}));
    faults.clear();
    assert_eq!(faults.to_json(), json!({"seed": 0, "rules": []}));
    assert_eq!(a(), None);
}

#[test]
fn the_operators_calls_match_only_if_named() {
    let faults = with(r#"{"service": "s3", "action": "cut"}"#);
    assert_eq!(faults.decide("root", Service::S3, "GetObject"), None);
    assert_eq!(faults.decide("sweep", Service::S3, "GetObject"), Some(Action::Cut));
    let faults = with(r#"{"caller": "root", "action": "cut"}"#);
    assert_eq!(faults.decide("root", Service::S3, "GetObject"), Some(Action::Cut));
}

#[test]
fn errors_name_the_rule_and_its_mistake() {
    for (text, expected) in [
        ("[", "this is not JSON"),
        (r#"{"rules": 7}"#, "rules is not a list"),
        (r#"{"rules": [], "sead": 7}"#, "unknown field sead"),
        (r#"{"rules": [], "seed": -1}"#, "seed is not a whole number"),
        ("[7]", "rule 1: "),
        (r#"[{"action": "cut"}, {"action": "explode"}]"#, "rule 2: unknown variant `explode`"),
        (r#"{"action": "cut", "servise": "s3"}"#, "rule 1: unknown field `servise`"),
        (r#"{"action": "cut", "service": "ec2"}"#, "rule 1: unknown variant `ec2`"),
        (r#"{"service": "s3"}"#, "rule 1: missing field `action`"),
        (r#"{"action": "cut", "probability": 2}"#, "rule 1: a probability must be from 0 to 1, not 2"),
        (r#"{"action": "cut", "probability": 0.5, "nth": 1}"#, "rule 1: give nth or probability, not both"),
        (r#"{"action": "cut", "nth": 0}"#, "rule 1: nth counts from 1"),
        (
            r#"{"action": {"stale_ms": 5}, "service": "s3"}"#,
            r#"rule 1: {"stale_ms":5} does not apply there, only to: dynamodb Query, Scan, GetItem, BatchGetItem"#,
        ),
        (r#"{"action": "duplicate", "operation": "PutItem"}"#, "only to: trigger ObjectCreated, Message"),
    ] {
        let error = format!("{:#}", Rules::parse(text.as_bytes()).unwrap_err());
        assert!(error.contains(expected), "{text}: {error}");
    }
    let missing = Rules::from_argument("/nowhere/rules.json").unwrap_err().to_string();
    assert!(missing.contains("a number or a file of rules"), "{missing}");
}

#[test]
fn every_rule_of_the_mix_has_a_json_form() {
    let rules = Rules::from_argument("3").unwrap();
    let text = json!({"seed": 3, "rules": rules.rules}).to_string();
    assert_eq!(parse(&text), rules);
    assert_eq!(parse("3"), rules, "as --faults 3");
}
