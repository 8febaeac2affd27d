use serde_json::json;

use super::*;

const TABLE: &str = "arn:aws:dynamodb:us-east-1:000000000000:table/t";
const BUCKET: &str = "arn:aws:s3:::b";

fn allowed(statement: &Value, action: &str, resource: &str) -> bool {
    let request = Request::new(action, resource);
    let statements = policies(&json!([{"Statement": [statement]}])).unwrap();
    statements.iter().any(|statement| statement.allows(&request))
}

#[test]
fn statements_allow_only_their_actions_and_resources() {
    let objects = json!({"Effect": "Allow", "Action": ["s3:GetObject", "s3:Put*"], "Resource": format!("{BUCKET}/files/*")});
    let index =
        json!({"Effect": "Allow", "Action": "dynamodb:Query", "Resource": [format!("{TABLE}/index/due")]});
    let table = json!({"Effect": "Allow", "Action": "dynamodb:Query", "Resource": TABLE});
    let anything = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
    let of_s3 = json!({"Sid": "S", "Effect": "Allow", "Action": "s3:*", "Resource": "*"});
    let (key, other_key) = (format!("{BUCKET}/files/o/1"), format!("{BUCKET}/probes/o/1"));
    let (due, all) = (format!("{TABLE}/index/due"), format!("{TABLE}/index/all"));
    for (statement, action, resource, expected) in [
        (&objects, "s3:GetObject", key.as_str(), true),
        (&objects, "s3:getobject", &key, true),
        (&objects, "s3:PutObjectTagging", &key, true),
        (&objects, "s3:DeleteObject", &key, false),
        (&objects, "s3:GetObjectVersion", &key, false),
        (&objects, "s3:GetObject", &other_key, false),
        (&objects, "s3:GetObject", &key.to_uppercase(), false),
        (&objects, "s3:GetObject", BUCKET, false),
        (&index, "dynamodb:Query", &due, true),
        (&index, "dynamodb:Query", &all, false),
        (&index, "dynamodb:Query", TABLE, false),
        (&table, "dynamodb:Query", &due, false),
        (&table, "dynamodb:Scan", TABLE, false),
        (&anything, "sqs:SendMessage", "q", true),
        (&of_s3, "s3:ListBucket", BUCKET, true),
        (&of_s3, "sqs:SendMessage", "q", false),
    ] {
        assert_eq!(allowed(statement, action, resource), expected, "{statement} {action} {resource}");
    }
}

#[test]
fn unsupported_constructs_are_named() {
    let statement = |more: Value| {
        let mut statement = json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"});
        for (key, value) in more.as_object().unwrap() {
            statement[key] = value.clone();
        }
        json!([{"Statement": [statement]}])
    };
    for (policies_of_function, named) in [
        (json!("AmazonS3ReadOnlyAccess"), "a managed policy"),
        (json!([{"S3ReadPolicy": {"BucketName": "b"}}]), "S3ReadPolicy"),
        (json!([{"Statement": ["x"]}]), "is not a map"),
        (json!([{"Version": "2012-10-17"}]), "without a statement"),
        (statement(json!({"Effect": "Deny"})), "Effect"),
        (statement(json!({"NotAction": "s3:*"})), "NotAction"),
        (statement(json!({"NotResource": "*"})), "NotResource"),
        (statement(json!({"Principal": "*"})), "Principal"),
        (statement(json!({"Action": []})), "Action"),
        (statement(json!({"Action": "GetObject"})), "GetObject"),
        (statement(json!({"Resource": "arn:aws:s3:::b/${aws:userid}/*"})), "aws:userid"),
        (
            statement(json!({"Condition": {"StringLike": {"s3:prefix": "a/*"}}})),
            "Condition cannot be enforced",
        ),
        (
            statement(
                json!({"Condition": {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["owner#*"]}}}),
            ),
            "Condition cannot be enforced",
        ),
    ] {
        let error = format!("{:#}", policies(&policies_of_function).unwrap_err());
        assert!(error.contains(named), "{policies_of_function}: {error}");
    }
}
