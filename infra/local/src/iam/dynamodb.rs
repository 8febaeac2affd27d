//! What a call of DynamoDB asks for. A transaction has no action of its own: it needs that of each of its items.
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html>

use serde_json::Value;

use super::Request;
use crate::account::table_arn;

/// The condition key of the items' partition keys.
const LEADING_KEYS: &str = "dynamodb:LeadingKeys";

/// What a call asks for. `tables` are the bodies of the CreateTable calls of those that there are.
pub(crate) fn requests(operation: &str, body: &[u8], tables: &[Value]) -> Vec<Request> {
    // What cannot be read is refused by the engine, or here.
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let single = |part: &str| vec![item(operation, &body["TableName"], [&body[part]], tables)];
    match operation {
        "GetItem" | "UpdateItem" | "DeleteItem" => single("Key"),
        "PutItem" => single("Item"),
        "Query" => vec![query(&body, tables)],
        "BatchGetItem" => {
            let wanted = body["RequestItems"].as_object().into_iter().flatten();
            let keys = |wanted: &Value| wanted["Keys"].as_array().cloned().unwrap_or_default();
            wanted.map(|(table, wanted)| batch(operation, table, &keys(wanted), tables)).collect()
        }
        "BatchWriteItem" => {
            let wanted = body["RequestItems"].as_object().into_iter().flatten();
            wanted.map(|(table, writes)| batch(operation, table, &written(writes), tables)).collect()
        }
        "TransactWriteItems" | "TransactGetItems" => {
            let items = body["TransactItems"].as_array().map(Vec::as_slice).unwrap_or_default();
            items.iter().map(|item| part_of_transaction(operation, item, tables)).collect()
        }
        _ => vec![Request::new(format!("dynamodb:{operation}"), table_resource(&body["TableName"]))],
    }
}

/// One of a transaction's items.
fn part_of_transaction(operation: &str, part: &Value, tables: &[Value]) -> Request {
    for (name, action, keys) in [
        ("Put", "PutItem", "Item"),
        ("Update", "UpdateItem", "Key"),
        ("Delete", "DeleteItem", "Key"),
        ("ConditionCheck", "ConditionCheckItem", "Key"),
        ("Get", "GetItem", "Key"),
    ] {
        if let Some(part) = part.get(name) {
            return item(action, &part["TableName"], [&part[keys]], tables);
        }
    }
    Request::new(format!("dynamodb:{operation}"), "*")
}

fn batch(operation: &str, table: &str, keys: &[Value], tables: &[Value]) -> Request {
    item(operation, &Value::from(table), keys, tables)
}

/// The items and keys of a table's part of a BatchWriteItem.
fn written(writes: &Value) -> Vec<Value> {
    let writes = writes.as_array().map(Vec::as_slice).unwrap_or_default();
    let key = |write: &Value| {
        write.pointer("/PutRequest/Item").or_else(|| write.pointer("/DeleteRequest/Key")).cloned()
    };
    writes.iter().filter_map(key).collect()
}

/// An action on items of a table, which `keys` name.
fn item<'a>(
    action: &str,
    table: &Value,
    keys: impl IntoIterator<Item = &'a Value>,
    tables: &[Value],
) -> Request {
    let mut request = Request::new(format!("dynamodb:{action}"), table_resource(table));
    let partition = partition_key(tables, table, None).unwrap_or_default();
    let values: Vec<_> = keys.into_iter().filter_map(|key| scalar(&key[partition])).collect();
    if !values.is_empty() {
        request.context.insert(LEADING_KEYS.to_owned(), values);
    }
    request
}

fn query(body: &Value, tables: &[Value]) -> Request {
    let (table, index) = (&body["TableName"], body["IndexName"].as_str());
    let mut resource = table_resource(table);
    if let Some(index) = index {
        resource.push_str(&format!("/index/{index}"));
    }
    let mut request = Request::new("dynamodb:Query", resource);
    let partition = partition_key(tables, table, index).unwrap_or_default();
    if let Some(value) = queried_partition(body, partition) {
        request.context.insert(LEADING_KEYS.to_owned(), vec![value]);
    }
    request
}

/// The value that a query wants the partition key to have: `partition = :value` in its key condition.
fn queried_partition(body: &Value, partition: &str) -> Option<String> {
    if let Some(value) = body["KeyConditions"].pointer(&format!("/{partition}/AttributeValueList/0")) {
        return scalar(value);
    }
    let expression = body["KeyConditionExpression"].as_str()?.replace(['(', ')'], " ").replace('=', " = ");
    let words: Vec<&str> = expression.split_whitespace().collect();
    let name = |word: &str| match word.starts_with('#') {
        true => body["ExpressionAttributeNames"][word].as_str() == Some(partition),
        false => word == partition,
    };
    let value = words.windows(3).find_map(|words| match words {
        [left, "=", right] if name(left) => Some(*right),
        [left, "=", right] if name(right) => Some(*left),
        _ => None,
    })?;
    scalar(&body["ExpressionAttributeValues"][value])
}

/// The name of the partition key of a table or of one of its indexes.
fn partition_key<'a>(tables: &'a [Value], table: &Value, index: Option<&str>) -> Option<&'a str> {
    let name = table.as_str().map(|name| name.rsplit('/').next().unwrap_or(name))?;
    let table = tables.iter().find(|known| known["TableName"] == name)?;
    let schema = match index {
        None => &table["KeySchema"],
        Some(index) => {
            let lists = ["GlobalSecondaryIndexes", "LocalSecondaryIndexes"];
            let mut indexes = lists.iter().filter_map(|list| table[*list].as_array()).flatten();
            &indexes.find(|known| known["IndexName"] == index)?["KeySchema"]
        }
    };
    schema.as_array()?.iter().find(|key| key["KeyType"] == "HASH")?["AttributeName"].as_str()
}

/// A table's ARN from its name or its ARN.
fn table_resource(table: &Value) -> String {
    match table.as_str() {
        Some(arn) if arn.starts_with("arn:") => arn.to_owned(),
        Some(name) => table_arn(name),
        None => "*".to_owned(),
    }
}

/// The text in `{"S": "text"}`, or a number's or a binary's.
fn scalar(value: &Value) -> Option<String> {
    value.as_object()?.values().next()?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tables() -> Vec<Value> {
        let schema = |key: &str| json!([{"AttributeName": "sk", "KeyType": "RANGE"}, {"AttributeName": key, "KeyType": "HASH"}]);
        vec![json!({"TableName": "t", "KeySchema": schema("pk"),
            "GlobalSecondaryIndexes": [{"IndexName": "due", "KeySchema": schema("shard")}]})]
    }

    /// `Action resource keys`, resources without what all ARNs of tables begin with.
    fn asked(operation: &str, body: &Value) -> Vec<String> {
        let requests = requests(operation, body.to_string().as_bytes(), &tables());
        let text = |request: &Request| {
            let keys = request.context.get(LEADING_KEYS).map(|keys| keys.join(",")).unwrap_or_default();
            let resource = request.resource.replace("arn:aws:dynamodb:us-east-1:000000000000:table/", "");
            format!("{} {resource} {keys}", request.action.replace("dynamodb:", ""))
        };
        requests.iter().map(text).collect()
    }

    #[test]
    fn calls_become_actions_on_tables_and_indexes() {
        let key = |pk: &str| json!({"pk": {"S": pk}, "sk": {"S": "s"}});
        let transaction = json!({"TransactItems": [
            {"ConditionCheck": {"TableName": "t", "Key": key("a")}}, {"Put": {"TableName": "t", "Item": key("b")}},
            {"Update": {"TableName": "t", "Key": key("c")}}, {"Delete": {"TableName": "t", "Key": key("d")}}, {"New": {}},
        ]});
        for (operation, body, expected) in [
            ("GetItem", json!({"TableName": "t", "Key": key("a")}), &["GetItem t a"][..]),
            ("GetItem", json!({"TableName": table_arn("t"), "Key": key("a")}), &["GetItem t a"]),
            ("PutItem", json!({"TableName": "t", "Item": key("a")}), &["PutItem t a"]),
            ("DeleteItem", json!({"TableName": "u", "Key": key("a")}), &["DeleteItem u "]),
            (
                "BatchGetItem",
                json!({"RequestItems": {"t": {"Keys": [key("a"), key("b")]}, "u": {"Keys": []}}}),
                &["BatchGetItem t a,b", "BatchGetItem u "],
            ),
            (
                "BatchWriteItem",
                json!({"RequestItems": {"t": [{"PutRequest": {"Item": key("a")}}, {"DeleteRequest": {"Key": key("b")}}]}}),
                &["BatchWriteItem t a,b"],
            ),
            (
                "TransactWriteItems",
                transaction,
                &[
                    "ConditionCheckItem t a",
                    "PutItem t b",
                    "UpdateItem t c",
                    "DeleteItem t d",
                    "TransactWriteItems * ",
                ],
            ),
            (
                "TransactGetItems",
                json!({"TransactItems": [{"Get": {"TableName": "t", "Key": key("a")}}]}),
                &["GetItem t a"],
            ),
            ("Scan", json!({"TableName": "t"}), &["Scan t "]),
            ("ListTables", json!({}), &["ListTables * "]),
            ("GetItem", Value::Null, &["GetItem * "]),
        ] {
            assert_eq!(asked(operation, &body), expected, "{operation} {body}");
        }
    }

    #[test]
    fn a_query_asks_for_one_partition_of_a_table_or_index() {
        let values = json!({":p": {"S": "due#1"}, ":n": {"N": "7"}});
        let query = |expression: &str, names: Value, index: Value| {
            let mut body = json!({"TableName": "t", "KeyConditionExpression": expression,
                "ExpressionAttributeNames": names, "ExpressionAttributeValues": values});
            if index.is_string() {
                body["IndexName"] = index;
            }
            asked("Query", &body).remove(0)
        };
        let due = || Value::from("due");
        assert_eq!(query("shard = :p AND due_at <= :n", json!({}), due()), "Query t/index/due due#1");
        assert_eq!(
            query("due_at <= :n AND (#s=:p)", json!({"#s": "shard"}), due()),
            "Query t/index/due due#1"
        );
        assert_eq!(query(":p = pk", json!({}), Value::Null), "Query t due#1");
        assert_eq!(query("pk = :p", json!({}), due()), "Query t/index/due ", "not the index's key");
        assert_eq!(query("#s = :p", json!({"#s": "sk"}), Value::Null), "Query t ");
        let old = json!({"TableName": "t", "KeyConditions": {"pk": {"AttributeValueList": [{"S": "a"}]}}});
        assert_eq!(asked("Query", &old), ["Query t a"]);
    }
}
