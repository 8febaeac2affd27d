//! Time to live by the advanced clock, which the engine does not read.

use dynoxide::{Database, DynoxideError};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::Table;
use super::tables::request;

/// Deletes the expired items of a table. Returns how many.
pub(super) fn sweep(database: &Database, table: &Table, now: OffsetDateTime) -> anyhow::Result<usize> {
    let Some(attribute) = &table.ttl_attribute else { return Ok(0) };
    let name = &table.create["TableName"];
    let expired = json!({
        "TableName": name,
        "ExpressionAttributeNames": {"#t": attribute},
        "ExpressionAttributeValues": {":now": {"N": now.unix_timestamp().to_string()}, ":number": {"S": "N"}},
    });
    let condition = "attribute_type(#t, :number) AND #t <= :now";
    let (mut scan, mut removed) = (expired.clone(), 0);
    scan["FilterExpression"] = condition.into();
    loop {
        let mut page = serde_json::to_value(database.scan(request(scan.clone())?)?)?;
        for item in page["Items"].as_array().into_iter().flatten() {
            let mut delete = expired.clone();
            delete["Key"] = key(&table.create, item);
            // The expiry may have been extended since the item was read.
            delete["ConditionExpression"] = condition.into();
            match database.delete_item(request(delete)?) {
                Ok(_) => removed += 1,
                Err(DynoxideError::ConditionalCheckFailedException(..)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        match page["LastEvaluatedKey"].take() {
            Value::Null => return Ok(removed),
            key => scan["ExclusiveStartKey"] = key,
        }
    }
}

fn key(create_table: &Value, item: &Value) -> Value {
    let names = create_table["KeySchema"].as_array().into_iter().flatten();
    let names = names.filter_map(|key| key["AttributeName"].as_str());
    Value::Object(names.map(|name| (name.to_owned(), item[name].clone())).collect::<Map<_, _>>())
}
