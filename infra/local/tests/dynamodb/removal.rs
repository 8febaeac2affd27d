//! Updates that only remove attributes. scylladb, `test_update_item_non_existent`, `test_update_item_delete` and
//! `test_nested_attribute_remove_from_missing_item` (also run on DynamoDB).

use serde_json::{Value, json};

use crate::TABLE;
use crate::facts::{call, item, key, refused, start};

fn update(sk: &str, more: Value) -> Value {
    let mut update = json!({"TableName": TABLE, "Key": key(sk)});
    for (name, value) in more.as_object().into_iter().flatten() {
        update[name] = value.clone();
    }
    update
}

fn updates() -> Vec<Value> {
    let names = json!({"#files_local": "a"});
    vec![
        json!({"UpdateExpression": "REMOVE a"}),
        json!({"UpdateExpression": "remove a.b"}),
        json!({"UpdateExpression": "REMOVE a[0], #files_local.c", "ExpressionAttributeNames": {"#files_local": "z"}}),
        json!({"UpdateExpression": "DELETE s :s", "ExpressionAttributeValues": {":s": {"SS": ["x"]}}}),
        json!({"UpdateExpression": "REMOVE #files_local", "ExpressionAttributeNames": names,
               "ConditionExpression": "attribute_not_exists(pk) OR b = b"}),
        json!({"UpdateExpression": "REMOVE a", "ConditionExpression": "(a <> :v)",
               "ExpressionAttributeValues": {":v": {"N": "1"}}}),
    ]
}

#[tokio::test]
async fn a_removal_creates_nothing() {
    let folder = tempfile::tempdir().expect("tempdir");
    let cloud = start(folder.path()).await;
    let older = [
        json!({"AttributeUpdates": {"a": {"Action": "DELETE"}}}),
        json!({"AttributeUpdates": {"a": {"Action": "DELETE", "Value": {"NS": ["4"]}}, "b": {"Action": "DELETE"}}}),
    ];
    for more in updates().into_iter().chain(older) {
        let (status, response) = call(&cloud, "UpdateItem", update("none", more.clone())).await;
        assert_eq!((status, response), (200, json!({})), "{more}");
        assert_eq!(item(&cloud, "none").await, Value::Null, "{more}");
    }
    let asked = update("none", json!({"UpdateExpression": "REMOVE a", "ReturnConsumedCapacity": "TOTAL"}));
    let (_, response) = call(&cloud, "UpdateItem", asked).await;
    assert_eq!(response["ConsumedCapacity"]["CapacityUnits"], json!(1.0), "{response}");
    // An update that sets something, or changes nothing, creates the item.
    for more in [
        json!({"UpdateExpression": "SET c = :v REMOVE a", "ExpressionAttributeValues": {":v": {"N": "1"}}}),
        json!({"UpdateExpression": "REMOVE a ADD c :v", "ExpressionAttributeValues": {":v": {"N": "1"}}}),
        json!({"AttributeUpdates": {}}),
        json!({}),
    ] {
        assert_eq!(call(&cloud, "UpdateItem", update("made", more.clone())).await.0, 200, "{more}");
        assert_ne!(item(&cloud, "made").await, Value::Null, "{more}");
        let delete = json!({"TableName": TABLE, "Key": key("made")});
        assert_eq!(call(&cloud, "DeleteItem", delete).await.0, 200);
    }
}

#[tokio::test]
async fn a_removal_from_an_existing_item_works() {
    let folder = tempfile::tempdir().expect("tempdir");
    let cloud = start(folder.path()).await;
    let asked = json!({"UpdateExpression": "REMOVE a", "ReturnValues": "ALL_OLD"});
    let (status, response) = call(&cloud, "UpdateItem", update("1", asked)).await;
    assert_eq!((status, &response["Attributes"]["a"]), (200, &json!({"N": "1"})));
    assert_eq!(item(&cloud, "1").await.get("a"), None);
    let deeper = json!({"UpdateExpression": "REMOVE missing.b"});
    assert_eq!(refused(&cloud, "UpdateItem", update("1", deeper)).await, "ValidationException");
    let older = json!({"AttributeUpdates": {"b": {"Action": "DELETE"}}});
    assert_eq!(call(&cloud, "UpdateItem", update("1", older)).await.0, 200);
    assert_eq!(item(&cloud, "1").await.get("b"), None);
    for (more, name) in [
        (json!({"UpdateExpression": "REMOVE a,"}), "ValidationException"),
        (json!({"UpdateExpression": "REMOVE pk"}), "ValidationException"),
        (
            json!({"UpdateExpression": "REMOVE a", "ExpressionAttributeNames": {"#u": "unused"}}),
            "ValidationException",
        ),
    ] {
        assert_eq!(refused(&cloud, "UpdateItem", update("0", more.clone())).await, name, "{more}");
    }
}

#[tokio::test]
async fn a_removals_own_condition_decides() {
    let folder = tempfile::tempdir().expect("tempdir");
    let cloud = start(folder.path()).await;
    let with = |condition: &str, all_old: bool| {
        json!({
            "UpdateExpression": "REMOVE b", "ConditionExpression": condition,
            "ReturnValuesOnConditionCheckFailure": if all_old { "ALL_OLD" } else { "NONE" },
        })
    };
    for (sk, condition, holds) in [
        ("none", "attribute_exists(pk)", false),
        ("none", "attribute_exists(pk) OR a = b", false),
        ("none", "attribute_not_exists(pk)", true),
        ("2", "a = b", true),
        ("0", "a = b", false),
        ("0", "attribute_not_exists(pk)", false),
    ] {
        for all_old in [false, true] {
            let (status, response) = call(&cloud, "UpdateItem", update(sk, with(condition, all_old))).await;
            if holds {
                assert_eq!((status, response), (200, json!({})), "{sk} {condition}");
                break;
            }
            assert_eq!(status, 400, "{sk} {condition}");
            let kind = response["__type"].as_str().expect("a type");
            assert!(kind.ends_with("#ConditionalCheckFailedException"), "{response}");
            assert_eq!(response.get("Item").is_some(), all_old && sk == "0", "{sk} {condition}: {response}");
        }
    }
    assert_eq!(item(&cloud, "none").await, Value::Null);
}

#[tokio::test]
async fn a_transaction_removes_only_from_existing_items() {
    let folder = tempfile::tempdir().expect("tempdir");
    let cloud = start(folder.path()).await;
    let remove = |sk: &str| json!({"Update": update(sk, json!({"UpdateExpression": "REMOVE a"}))});
    let put = |sk: &str| json!({"Put": {"TableName": TABLE, "Item": key(sk)}});
    let request = json!({
        "TransactItems": [remove("none"), remove("0"), put("new"), remove("none-either")],
        "ClientRequestToken": "token-1",
    });
    for _ in 0..2 {
        let (status, response) = call(&cloud, "TransactWriteItems", request.clone()).await;
        assert_eq!((status, response), (200, json!({})), "a repeated request has the same token and content");
    }
    assert_eq!(item(&cloud, "none").await, Value::Null);
    assert_eq!(item(&cloud, "none-either").await, Value::Null);
    assert_eq!(item(&cloud, "0").await.get("a"), None);
    assert_ne!(item(&cloud, "new").await, Value::Null);

    let mut conditional = remove("none");
    conditional["Update"]["ConditionExpression"] = "attribute_exists(pk)".into();
    let request = json!({"TransactItems": [put("other"), conditional, remove("1")]});
    let (status, response) = call(&cloud, "TransactWriteItems", request).await;
    assert_eq!(status, 400);
    let codes = ["None", "ConditionalCheckFailed", "None"].map(|code| json!(code));
    let reasons = response["CancellationReasons"].as_array().expect("reasons");
    assert_eq!(reasons.iter().map(|reason| reason["Code"].clone()).collect::<Vec<_>>(), codes);
    assert!(reasons.iter().all(|reason| reason.get("Item").is_none()), "{response}");
    assert_eq!(item(&cloud, "other").await, Value::Null, "all or nothing");
    assert_eq!(item(&cloud, "1").await["a"], json!({"N": "1"}));
}

/// A concurrently deleted item either loses the attribute or stays missing; it never becomes an item with only a key.
#[tokio::test]
async fn a_removal_is_safe_against_concurrent_writes() {
    let folder = tempfile::tempdir().expect("tempdir");
    let cloud = start(folder.path()).await;
    let mut whole = key("race");
    (whole["a"], whole["b"]) = (json!({"N": "1"}), json!({"N": "2"}));
    let removal = update("race", json!({"UpdateExpression": "REMOVE a", "ConditionExpression": "c <> b"}));
    for _ in 0..30 {
        let (put, removed, deleted) = tokio::join!(
            call(&cloud, "PutItem", json!({"TableName": TABLE, "Item": whole})),
            call(&cloud, "UpdateItem", removal.clone()),
            call(&cloud, "DeleteItem", json!({"TableName": TABLE, "Key": key("race")})),
        );
        assert_eq!((put.0, removed.0, deleted.0), (200, 200, 200), "{}", removed.1);
        let left = item(&cloud, "race").await;
        assert!(left.is_null() || left["b"] == json!({"N": "2"}), "{left}");
    }
}
