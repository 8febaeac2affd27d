//! Facts of DynamoDB's recorded behaviour. Each test names its source: scylladb's `test/alternator` also runs on DynamoDB.

use std::path::Path;
use std::time::SystemTime;

use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use serde_json::{Map, Value, json};

use crate::signed::{REGION, credentials};
use crate::{Cloud, TABLE};

/// Calls an operation with an arbitrary body, which the SDK might not send.
async fn call_text(cloud: &Cloud, operation: &str, body: String) -> (u16, Value) {
    let target = format!("DynamoDB_20120810.{operation}");
    let identity = credentials(&cloud.access, "root", None).into();
    let params = v4::SigningParams::builder().identity(&identity).region(REGION).name("dynamodb");
    let params =
        params.time(SystemTime::now()).settings(SigningSettings::default()).build().expect("complete");
    let headers = [("x-amz-target", target.as_str()), ("content-type", "application/x-amz-json-1.0")];
    let signable = SignableBody::Bytes(body.as_bytes());
    let request = SignableRequest::new("POST", &cloud.url, headers.into_iter(), signable).expect("a request");
    let signed = sign(request, &params.into()).expect("signed").into_parts().0;
    // Another test may have installed it already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut send = reqwest::Client::new().post(&cloud.url).body(body);
    for (name, value) in headers.into_iter().chain(signed.headers()) {
        send = send.header(name, value);
    }
    let response = send.send().await.expect("a response: the local cloud is alive");
    let status = response.status().as_u16();
    let text = response.text().await.expect("read");
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

pub(crate) async fn call(cloud: &Cloud, operation: &str, body: Value) -> (u16, Value) {
    call_text(cloud, operation, body.to_string()).await
}

/// Makes a call that must be refused, and returns the error's name.
pub(crate) async fn refused(cloud: &Cloud, operation: &str, body: Value) -> String {
    let (status, response) = call(cloud, operation, body.clone()).await;
    assert_eq!(status, 400, "{operation} {body}: {response}");
    response["__type"].as_str().expect("a type").rsplit('#').next().unwrap_or_default().to_owned()
}

pub(crate) async fn start(folder: &Path) -> Cloud {
    let cloud = Cloud::start(folder, true).await;
    for n in 0..3 {
        let item = json!({
            "pk": {"S": "p"}, "sk": {"S": format!("{n}")}, "a": {"N": n.to_string()}, "b": {"N": "2"},
            "l": {"L": []},
        });
        let (status, response) = call(&cloud, "PutItem", json!({"TableName": TABLE, "Item": item})).await;
        assert_eq!(status, 200, "{response}");
    }
    cloud
}

pub(crate) fn key(sk: &str) -> Value {
    json!({"pk": {"S": "p"}, "sk": {"S": sk}})
}

pub(crate) async fn item(cloud: &Cloud, sk: &str) -> Value {
    let get = json!({"TableName": TABLE, "Key": key(sk), "ConsistentRead": true});
    call(cloud, "GetItem", get).await.1["Item"].take()
}

/// Returns a request for each place where a condition or filter can be.
fn conditions(condition: &str, values: &Value) -> Vec<(&'static str, Value)> {
    let with = |mut request: Value, more: &[(&str, Value)]| {
        request["TableName"] = TABLE.into();
        let mut all: Map<_, _> = values.as_object().cloned().unwrap_or_default();
        all.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        if !all.is_empty() {
            request["ExpressionAttributeValues"] = all.into();
        }
        request
    };
    let conditional = |request: Value| {
        let mut request = with(request, &[]);
        request["ConditionExpression"] = condition.into();
        request
    };
    let filter = |request: Value, more: &[(&str, Value)]| {
        let mut request = with(request, more);
        request["FilterExpression"] = condition.into();
        request
    };
    let transaction = |kind: &str, action: Value| json!({"TransactItems": [{kind: conditional(action)}]});
    let update = json!({"Key": key("0"), "UpdateExpression": "REMOVE z"});
    vec![
        ("PutItem", conditional(json!({"Item": key("0")}))),
        ("UpdateItem", conditional(update.clone())),
        ("DeleteItem", conditional(json!({"Key": key("0")}))),
        ("Query", filter(json!({"KeyConditionExpression": "pk = :p"}), &[(":p", json!({"S": "p"}))])),
        ("Scan", filter(json!({}), &[])),
        ("TransactWriteItems", transaction("ConditionCheck", json!({"Key": key("0")}))),
        ("TransactWriteItems", transaction("Put", json!({"Item": key("0")}))),
        ("TransactWriteItems", transaction("Update", update)),
        ("TransactWriteItems", transaction("Delete", json!({"Key": key("0")}))),
    ]
}

/// `test_filter_expression_num_between_reverse`, `test_update_condition_attribute_type_unknown`,
/// `test_update_condition_attribute_type_second_arg`, `test_update_condition_lt`,
/// `test_update_expression_list_append_basic`, `test_update_expression_name_token`.
#[tokio::test]
async fn a_condition_that_can_never_be_true_is_invalid() {
    let folder = tempfile::tempdir().expect("tempdir");
    let cloud = start(folder.path()).await;
    for (condition, values) in [
        ("a BETWEEN :a AND :b", json!({":a": {"N": "10"}, ":b": {"N": "9"}})),
        ("a BETWEEN :a AND :b", json!({":a": {"S": "b"}, ":b": {"S": "a"}})),
        ("a BETWEEN :a AND :b", json!({":a": {"N": "1"}, ":b": {"S": "a"}})),
        ("attribute_type(a, :a)", json!({":a": {"S": "DOG"}})),
        ("attribute_type(a, b)", json!({})),
        ("a < :a", json!({":a": {"L": []}})),
        ("NOT :a >= a", json!({":a": {"M": {}}})),
        ("SIZE(l) = :a", json!({":a": {"N": "0"}})),
        ("_a = :a", json!({":a": {"N": "0"}})),
    ] {
        for (operation, request) in conditions(condition, &values) {
            assert_eq!(refused(&cloud, operation, request).await, "ValidationException", "{condition}");
        }
    }
    for update in ["SET c = LIST_APPEND(l, :v)", "SET _c = :v", "SET c = If_Not_Exists(c, :v)"] {
        let request = json!({
            "TableName": TABLE, "Key": key("0"), "UpdateExpression": update,
            "ExpressionAttributeValues": {":v": {"L": []}},
        });
        assert_eq!(refused(&cloud, "UpdateItem", request).await, "ValidationException", "{update}");
    }
    let get = json!({"TableName": TABLE, "Key": key("0"), "ProjectionExpression": "_a"});
    assert_eq!(refused(&cloud, "GetItem", get).await, "ValidationException");
    assert_eq!(item(&cloud, "0").await["b"], json!({"N": "2"}), "nothing was written");
}

/// Returns `a<b or (a<b or (…`: it has twice as many operators as levels of nesting, and one.
fn nested(depth: usize) -> String {
    format!("a<b {}{}", "or (a<b ".repeat(depth), ")".repeat(depth))
}

/// Returns expressions that exceed the limits of depth or length.
fn oversized() -> Vec<String> {
    vec![
        "(".repeat(2000),
        "(".repeat(4096),
        "(".repeat(100_000),
        format!("{}a = b{}", "(".repeat(2000), ")".repeat(2000)),
        format!("a<b {}", "AND (a<b ".repeat(400)),
        nested(150),
        nested(454),
        format!("{}a = b", "NOT ".repeat(1000)),
        format!("{}a = b", "NOT(".repeat(900)),
        format!("a < {}b", "size(".repeat(800)),
        format!("a < {}b", "f(".repeat(2000)),
        format!("a{}", "[0".repeat(2000)),
        format!("attribute_exists({}a)", "a.".repeat(2000)),
        format!("a = b{}", " OR a = b".repeat(400)),
        format!("a IN ({}b)", "b,".repeat(1900)),
    ]
}

/// `test_deeply_nested_expression_1`, `test_deeply_nested_expression_2`, `test_limit_expression_len_crash*`: none of them ends
/// the process.
#[tokio::test]
async fn depth_and_operators_of_an_expression_are_limited() {
    let folder = tempfile::tempdir().expect("tempdir");
    let cloud = start(folder.path()).await;
    for expression in &oversized() {
        for (operation, request) in conditions(expression, &json!({})) {
            let name = refused(&cloud, operation, request).await;
            assert_eq!(name, "ValidationException", "{operation}: {}", &expression[..20]);
        }
        for kind in ["ProjectionExpression", "KeyConditionExpression", "UpdateExpression"] {
            for (operation, request) in others(kind, expression) {
                let name = refused(&cloud, operation, request).await;
                assert_eq!(name, "ValidationException", "{kind} of {operation}: {}", &expression[..20]);
            }
        }
    }
    let (status, response) = call(
        &cloud,
        "UpdateItem",
        json!({"TableName": TABLE, "Key": key("0"), "UpdateExpression": "SET z = b", "ConditionExpression": nested(149)}),
    )
    .await;
    assert_eq!(status, 200, "299 operators: {response}");
    assert_eq!(item(&cloud, "0").await["z"], json!({"N": "2"}));
}

/// `SET` nests by parentheses and by functions. Within the limits, the engine decides.
#[tokio::test]
async fn depth_and_operators_of_an_update_are_limited() {
    let folder = tempfile::tempdir().expect("tempdir");
    let cloud = start(folder.path()).await;
    for (expression, is_invalid) in [
        (format!("SET c = {}a", "(".repeat(2000)), true),
        (format!("SET c = a{}", " + b".repeat(900)), true),
        (format!("SET c = {}a{}", "(b + ".repeat(500), ")".repeat(500)), true),
        (format!("SET c = {}a{}", "if_not_exists(a, ".repeat(230), ")".repeat(230)), false),
        (format!("SET c = {}l{}", "list_append(l, ".repeat(260), ")".repeat(260)), false),
    ] {
        for (operation, request) in others("UpdateExpression", &expression) {
            let (status, response) = call(&cloud, operation, request).await;
            assert!(status == 400 || status == 200 && !is_invalid, "{expression}: {response}");
        }
    }
}

/// Returns a request for each place of the other kinds of expressions.
fn others(kind: &str, expression: &str) -> Vec<(&'static str, Value)> {
    let get = json!({"TableName": TABLE, "Key": key("0"), kind: expression});
    match kind {
        "ProjectionExpression" => {
            let batch = json!({"RequestItems": {TABLE: {"Keys": [key("0")], kind: expression}}});
            let query = json!({
                "TableName": TABLE, kind: expression, "KeyConditionExpression": "pk = :p",
                "ExpressionAttributeValues": {":p": {"S": "p"}},
            });
            vec![
                ("GetItem", get.clone()),
                ("BatchGetItem", batch),
                ("TransactGetItems", json!({"TransactItems": [{"Get": get}]})),
                ("Query", query),
                ("Scan", json!({"TableName": TABLE, kind: expression})),
            ]
        }
        "KeyConditionExpression" => vec![("Query", json!({"TableName": TABLE, kind: expression}))],
        _ => vec![
            ("UpdateItem", get.clone()),
            ("TransactWriteItems", json!({"TransactItems": [{"Update": get}]})),
        ],
    }
}

/// Nested attribute values do not end the process either.
#[tokio::test]
async fn a_request_of_any_depth_gets_a_response() {
    let folder = tempfile::tempdir().expect("tempdir");
    let cloud = start(folder.path()).await;
    let value =
        |depth: usize| format!("{}{{\"S\":\"x\"}}{}", "{\"M\":{\"n\":".repeat(depth), "}}".repeat(depth));
    let list = |depth: usize| format!("{}{{\"S\":\"x\"}}{}", "{\"L\":[".repeat(depth), "]}".repeat(depth));
    for depth in [33, 60, 127, 5000, 500_000] {
        for value in [value(depth), list(depth)] {
            let put = format!(
                "{{\"TableName\":\"{TABLE}\",\"Item\":{{\"pk\":{{\"S\":\"p\"}},\"sk\":{{\"S\":\"deep\"}},\"v\":{value}}}}}"
            );
            let update = format!(
                "{{\"TableName\":\"{TABLE}\",\"Key\":{},\"UpdateExpression\":\"SET v = :v\",\
                 \"ExpressionAttributeValues\":{{\":v\":{value}}}}}",
                key("0")
            );
            let expected = format!(
                "{{\"TableName\":\"{TABLE}\",\"Key\":{},\"Expected\":{{\"v\":{{\"Value\":{value}}}}}}}",
                key("0")
            );
            for (operation, body) in [("PutItem", put), ("UpdateItem", update), ("DeleteItem", expected)] {
                let (status, response) = call_text(&cloud, operation, body).await;
                assert_eq!(status, 400, "{operation} at {depth}: {response}");
            }
        }
    }
    assert_eq!(item(&cloud, "0").await["a"], json!({"N": "0"}), "the table still works");
}

/// Documents, legacy parameters and PartiQL statements do not end the process either.
#[tokio::test]
async fn a_request_of_any_size_gets_a_response() {
    let folder = tempfile::tempdir().expect("tempdir");
    let cloud = start(folder.path()).await;
    for body in ["[".repeat(1_000_000), "{\"a\":".repeat(500_000)] {
        assert_eq!(call_text(&cloud, "PutItem", body).await.0, 400);
    }
    let many: Map<_, _> = (0..3000)
        .map(|n| (format!("a{n}"), json!({"ComparisonOperator": "EQ", "AttributeValueList": [{"S": "x"}]})))
        .collect();
    let scan = call(&cloud, "Scan", json!({"TableName": TABLE, "ScanFilter": many})).await;
    assert!([200, 400].contains(&scan.0), "{}", scan.1);
    let delete = json!({"TableName": TABLE, "Key": key("0"), "Expected": many});
    assert_eq!(call(&cloud, "DeleteItem", delete).await.0, 400);
    for part in ["(", "[", "{'a':", "<<", "NOT ", "- ", "a.", "size("] {
        let statement = format!("SELECT * FROM {TABLE} WHERE {}", part.repeat(8000 / part.len()));
        assert_eq!(call(&cloud, "ExecuteStatement", json!({"Statement": statement})).await.0, 400, "{part}");
    }
    assert_eq!(item(&cloud, "0").await["a"], json!({"N": "0"}), "the table still works");
}

/// `test_gsi_limit_partition_key_len_2048`, `test_gsi_limit_sort_key_len_1024`. The index here is sorted by a number.
#[tokio::test]
async fn keys_of_an_index_are_limited() {
    let folder = tempfile::tempdir().expect("tempdir");
    let cloud = start(folder.path()).await;
    let with = |bytes: usize| {
        let mut item = key("long");
        item["due_shard"] = json!({"S": "x".repeat(bytes)});
        item["due_at"] = json!({"N": "1"});
        item
    };
    let put = |bytes: usize| json!({"TableName": TABLE, "Item": with(bytes)});
    let update = |bytes: usize| {
        json!({
            "TableName": TABLE, "Key": key("long"), "UpdateExpression": "SET due_shard = :v",
            "ExpressionAttributeValues": {":v": {"S": "x".repeat(bytes)}},
        })
    };
    let batch = |bytes: usize| json!({"RequestItems": {TABLE: [{"PutRequest": {"Item": with(bytes)}}]}});
    for (operation, request) in
        [("PutItem", put(2049)), ("UpdateItem", update(2049)), ("BatchWriteItem", batch(2049))]
    {
        assert_eq!(refused(&cloud, operation, request).await, "ValidationException", "{operation}");
    }
    let (status, response) =
        call(&cloud, "TransactWriteItems", json!({"TransactItems": [{"Put": put(2049)}]})).await;
    assert_eq!((status, &response["CancellationReasons"][0]["Code"]), (400, &json!("ValidationError")));
    assert_eq!(item(&cloud, "long").await, Value::Null, "no write took effect");
    for (operation, request) in
        [("PutItem", put(2048)), ("UpdateItem", update(2048)), ("BatchWriteItem", batch(2048))]
    {
        assert_eq!(call(&cloud, operation, request).await.0, 200, "{operation}");
    }
}

/// `test_transact_write_cancellation_reasons_validationerror`.
#[tokio::test]
async fn a_transaction_stops_at_the_first_invalid_action() {
    let folder = tempfile::tempdir().expect("tempdir");
    let cloud = start(folder.path()).await;
    let put = |pk: Value| json!({"Put": {"TableName": TABLE, "Item": {"pk": pk, "sk": {"S": "t"}}}});
    let mut false_condition = put(json!({"S": "p"}));
    false_condition["Put"]["ConditionExpression"] = "attribute_exists(pk)".into();
    let (good, bad) = (put(json!({"S": "q"})), [put(json!({"N": "7"})), put(json!({"N": "8"}))]);
    for (actions, codes) in [
        (vec![bad[0].clone(), bad[1].clone(), false_condition.clone()], ["ValidationError", "None", "None"]),
        (vec![false_condition.clone(), bad[0].clone(), bad[1].clone()], ["None", "ValidationError", "None"]),
        (
            vec![good.clone(), false_condition.clone(), put(json!({"S": "r"}))],
            ["None", "ConditionalCheckFailed", "None"],
        ),
    ] {
        let (status, response) = call(&cloud, "TransactWriteItems", json!({"TransactItems": actions})).await;
        assert_eq!(status, 400);
        let reasons = response["CancellationReasons"].as_array().expect("reasons");
        assert_eq!(reasons.iter().map(|reason| &reason["Code"]).collect::<Vec<_>>(), codes);
        assert!(
            response["Message"].as_str().expect("a message").contains(&format!("[{}]", codes.join(", ")))
        );
    }
    assert_eq!(item(&cloud, "t").await, Value::Null);
}

/// `test_transact_get_items_projection_expression`.
#[tokio::test]
async fn a_projection_in_a_transaction_returns_the_key_only_if_named() {
    let folder = tempfile::tempdir().expect("tempdir");
    let cloud = start(folder.path()).await;
    for (projection, expected) in [
        (json!({"ProjectionExpression": "a, b"}), json!({"a": {"N": "1"}, "b": {"N": "2"}})),
        (
            json!({"ProjectionExpression": "#s,a", "ExpressionAttributeNames": {"#s": "sk"}}),
            json!({"sk": {"S": "1"}, "a": {"N": "1"}}),
        ),
        (json!({}), item(&cloud, "1").await),
    ] {
        let mut get = projection;
        (get["TableName"], get["Key"]) = (TABLE.into(), key("1"));
        let missing = json!({"Get": {"TableName": TABLE, "Key": key("none"), "ProjectionExpression": "a"}});
        let request = json!({"TransactItems": [{"Get": get}, missing]});
        let (status, response) = call(&cloud, "TransactGetItems", request).await;
        assert_eq!((status, &response["Responses"]), (200, &json!([{"Item": expected}, {}])));
    }
}
