use super::*;
use crate::iam::Request;
use crate::template::{Surroundings, load};

const TEMPLATE: &str = "
Resources:
  A:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/a
      Policies:
        - Statement:
            - {Effect: Allow, Action: [s3:GetObject, s3:PutObject], Resource: 'arn:aws:s3:::b/files/*'}
            - {Effect: Allow, Action: dynamodb:PutItem, Resource: t}
  B: {Type: 'AWS::Serverless::Function', Properties: {CodeUri: functions/b}}
";

fn asked(function: &str, action: &str, resource: &str) -> Recorded {
    Recorded { function: function.to_owned(), request: Request::new(action, resource) }
}

/// Returns a record of each permission of the template.
fn all() -> Vec<Recorded> {
    vec![
        asked("a", "s3:GetObject", "arn:aws:s3:::b/files/*"),
        asked("a", "s3:PutObject", "arn:aws:s3:::b/files/*"),
        asked("a", "dynamodb:PutItem", "t"),
    ]
}

fn faults(template: &str, recorded: impl IntoIterator<Item = Recorded>, reasons: &[Reason]) -> Vec<String> {
    let model = load(template, &Surroundings::default()).unwrap();
    prove(&model.principals(), &recorded.into_iter().collect(), reasons).faults
}

#[test]
fn policies_that_match_the_requests_are_proven() {
    assert_eq!(faults(TEMPLATE, all(), &[]), Vec::<String>::new());
}

#[test]
fn a_missing_permission_is_found() {
    let less = TEMPLATE.replace("[s3:GetObject, s3:PutObject]", "[s3:GetObject]");
    assert_eq!(
        faults(&less, all(), &[]),
        ["a: s3:PutObject on arn:aws:s3:::b/files/* was requested, and is not allowed"]
    );
    let others = all().into_iter().chain([
        asked("a", "dynamodb:PutItem", "keys"),
        asked("b", "s3:GetObject", "arn:aws:s3:::b/files/*"),
    ]);
    assert_eq!(
        faults(TEMPLATE, others, &[]),
        [
            "a: dynamodb:PutItem on keys was requested, and is not allowed",
            "b: s3:GetObject on arn:aws:s3:::b/files/* was requested, and is not allowed",
        ]
    );
}

#[test]
fn an_unused_permission_is_found() {
    for (more, found) in [
        ("[s3:GetObject, s3:PutObject, s3:DeleteObject]", "s3:DeleteObject on arn:aws:s3:::b/files/*"),
        ("[s3:GetObject, s3:PutObject, 's3:*']", "s3:* on arn:aws:s3:::b/files/*"),
    ] {
        let more = TEMPLATE.replace("[s3:GetObject, s3:PutObject]", more);
        assert_eq!(faults(&more, all(), &[]), [format!("a: {found} is allowed, and was never requested")]);
    }
    let wider = TEMPLATE.replace("b/files/*", "b/*");
    assert_eq!(faults(&wider, all(), &[]).len(), 2, "wider than the requests");
    let keys = TEMPLATE.replace("Resource: t}", "Resource: [t, keys]}");
    let found = "a: dynamodb:PutItem on keys is allowed, and was never requested";
    assert_eq!(faults(&keys, all(), &[]), [found]);
    let twice =
        TEMPLATE.replace("[s3:GetObject, s3:PutObject]", "[s3:GetObject, s3:PutObject, s3:PutObject]");
    assert_eq!(faults(&twice, all(), &[]), ["a: s3:PutObject on arn:aws:s3:::b/files/* is allowed twice"]);
}

#[test]
fn a_reason_excuses_its_permission_and_must_name_one() {
    let reason = |action: &str| Reason {
        function: "a".to_owned(),
        action: action.to_owned(),
        resource: "*/files/*".to_owned(),
        reason: "so".to_owned(),
    };
    let two = || all().into_iter().filter(|asked| asked.request.action != "s3:PutObject");
    assert_eq!(faults(TEMPLATE, two(), &[reason("s3:PutObject")]), Vec::<String>::new());
    assert_eq!(faults(TEMPLATE, all(), &[reason("s3:PutObject")]), Vec::<String>::new(), "used by chance");
    assert_eq!(
        faults(TEMPLATE, all(), &[reason("s3:DeleteObject")]),
        ["a: s3:DeleteObject on */files/* has a reason, and is not allowed"]
    );
}

#[test]
fn an_empty_folder_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    assert!(recorded(folder.path()).is_err());
    assert!(recorded(&folder.path().join("nowhere")).is_err());
    let file = folder.path().join("reasons.yaml");
    for (text, expected) in [
        ("# nothing\n", Some(0)),
        ("- {function: a, action: b, resource: c, reason: d}\n", Some(1)),
        ("- {function: a, action: b, resource: c, reason: ' '}\n", None),
        ("- {function: a, action: b, resource: c}\n", None),
    ] {
        std::fs::write(&file, text).unwrap();
        assert_eq!(reasons(&file).ok().map(|reasons| reasons.len()), expected, "{text}");
    }
}
