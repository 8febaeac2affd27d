//! Maps calls of DynamoDB to IAM actions. A transaction has no action of its own: it needs that of each of its items.
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html>

use serde_json::Value;

use super::Request;
use crate::account::table_arn;

/// Returns the actions on tables and indexes that a call needs.
pub(crate) fn requests(operation: &str, body: &[u8]) -> Vec<Request> {
    // The engine refuses an unreadable body, or the resource `*` is denied.
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    match operation {
        "Query" | "Scan" => vec![Request::new(format!("dynamodb:{operation}"), table_or_index(&body))],
        "BatchGetItem" | "BatchWriteItem" => {
            let tables = body["RequestItems"].as_object().into_iter().flatten();
            tables.map(|(table, _)| on_table(operation, &Value::from(table.as_str()))).collect()
        }
        "TransactWriteItems" | "TransactGetItems" => {
            let items = body["TransactItems"].as_array().map(Vec::as_slice).unwrap_or_default();
            items.iter().map(|item| part_of_transaction(operation, item)).collect()
        }
        _ => vec![on_table(operation, &body["TableName"])],
    }
}

/// Returns the action of one of a transaction's items.
fn part_of_transaction(operation: &str, part: &Value) -> Request {
    for (name, action) in [
        ("Put", "PutItem"),
        ("Update", "UpdateItem"),
        ("Delete", "DeleteItem"),
        ("ConditionCheck", "ConditionCheckItem"),
        ("Get", "GetItem"),
    ] {
        if let Some(part) = part.get(name) {
            return on_table(action, &part["TableName"]);
        }
    }
    Request::new(format!("dynamodb:{operation}"), "*")
}

fn on_table(action: &str, table: &Value) -> Request {
    Request::new(format!("dynamodb:{action}"), table_resource(table))
}

fn table_or_index(body: &Value) -> String {
    let table = table_resource(&body["TableName"]);
    match body["IndexName"].as_str() {
        Some(index) => format!("{table}/index/{index}"),
        None => table,
    }
}

/// Returns a table's ARN from its name or its ARN.
fn table_resource(table: &Value) -> String {
    match table.as_str() {
        Some(arn) if arn.starts_with("arn:") => arn.to_owned(),
        Some(name) => table_arn(name),
        None => "*".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Returns `Action resource` of each request, without the common prefix of all tables' ARNs.
    fn asked(operation: &str, body: &Value) -> Vec<String> {
        let text = |request: &Request| {
            let resource = request.resource.replace("arn:aws:dynamodb:us-east-1:000000000000:table/", "");
            format!("{} {resource}", request.action.replace("dynamodb:", ""))
        };
        requests(operation, body.to_string().as_bytes()).iter().map(text).collect()
    }

    #[test]
    fn calls_become_actions_on_tables_and_indexes() {
        let on = |table: &str| json!({"TableName": table});
        let transaction = json!({"TransactItems": [
            {"ConditionCheck": on("keys")}, {"Put": on("t")}, {"Update": on("t")}, {"Delete": on("t")}, {"New": {}},
        ]});
        for (operation, body, expected) in [
            ("GetItem", on("t"), &["GetItem t"][..]),
            ("GetItem", on(&table_arn("t")), &["GetItem t"]),
            ("PutItem", on("t"), &["PutItem t"]),
            ("UpdateItem", on("t"), &["UpdateItem t"]),
            ("DeleteItem", on("u"), &["DeleteItem u"]),
            (
                "BatchGetItem",
                json!({"RequestItems": {"t": {"Keys": []}, "keys": {"Keys": []}}}),
                &["BatchGetItem keys", "BatchGetItem t"],
            ),
            ("BatchWriteItem", json!({"RequestItems": {"t": []}}), &["BatchWriteItem t"]),
            (
                "TransactWriteItems",
                transaction,
                &[
                    "ConditionCheckItem keys",
                    "PutItem t",
                    "UpdateItem t",
                    "DeleteItem t",
                    "TransactWriteItems *",
                ],
            ),
            ("TransactGetItems", json!({"TransactItems": [{"Get": on("t")}]}), &["GetItem t"]),
            ("Query", on("t"), &["Query t"]),
            ("Query", json!({"TableName": "t", "IndexName": "due"}), &["Query t/index/due"]),
            ("Scan", json!({"TableName": "t", "IndexName": "due"}), &["Scan t/index/due"]),
            ("Scan", on("t"), &["Scan t"]),
            ("ListTables", json!({}), &["ListTables *"]),
            ("GetItem", Value::Null, &["GetItem *"]),
        ] {
            let mut asked = asked(operation, &body);
            if operation.starts_with("Batch") {
                asked.sort_unstable();
            }
            assert_eq!(asked, expected, "{operation} {body}");
        }
    }
}
