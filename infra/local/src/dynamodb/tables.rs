//! Creates and updates tables as CloudFormation does.

use anyhow::{Context, bail};
use dynoxide::{Database, DynoxideError};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Creates the table `create_table` describes, or updates its indexes, and sets its time to live.
pub(super) fn ensure(
    database: &Database,
    create_table: Value,
    ttl_attribute: Option<&str>,
) -> anyhow::Result<()> {
    let name = create_table["TableName"].as_str().context("TableName is missing")?.to_owned();
    match database.describe_table(request(json!({"TableName": name}))?) {
        Ok(description) => {
            let description = serde_json::to_value(description)?;
            update(database, &create_table, &description["Table"])
                .with_context(|| format!("table {name}"))?;
        }
        Err(DynoxideError::ResourceNotFoundException(_)) => {
            database.create_table(request(create_table)?).with_context(|| format!("table {name}"))?;
        }
        Err(error) => return Err(error.into()),
    }
    set_ttl(database, &name, ttl_attribute).with_context(|| format!("time to live of table {name}"))
}

/// Drops removed and changed indexes, and adds new and changed ones, one at a time as DynamoDB requires.
fn update(database: &Database, wanted: &Value, present: &Value) -> anyhow::Result<()> {
    if !same_keys(&wanted["KeySchema"], &present["KeySchema"]) {
        bail!("its primary key cannot change from {} to {}", present["KeySchema"], wanted["KeySchema"]);
    }
    let (wanted_indexes, present_indexes) = (indexes(wanted), indexes(present));
    for index in
        present_indexes.iter().filter(|index| !wanted_indexes.iter().any(|other| same_index(index, other)))
    {
        let change = json!({"Delete": {"IndexName": index["IndexName"]}});
        update_index(database, wanted, change, json!([]))?;
    }
    for index in
        wanted_indexes.iter().filter(|index| !present_indexes.iter().any(|other| same_index(index, other)))
    {
        update_index(database, wanted, json!({"Create": index}), definitions(wanted, index))?;
    }
    Ok(())
}

fn update_index(database: &Database, table: &Value, change: Value, definitions: Value) -> anyhow::Result<()> {
    let mut body = json!({"TableName": table["TableName"], "GlobalSecondaryIndexUpdates": [change]});
    if definitions.as_array().is_some_and(|definitions| !definitions.is_empty()) {
        body["AttributeDefinitions"] = definitions;
    }
    database.update_table(request(body)?)?;
    Ok(())
}

/// Returns the attribute definitions of an index's key: DynamoDB refuses unused ones.
fn definitions(table: &Value, index: &Value) -> Value {
    let uses = |definition: &&Value| {
        elements(&index["KeySchema"]).iter().any(|key| key["AttributeName"] == definition["AttributeName"])
    };
    elements(&table["AttributeDefinitions"]).iter().filter(uses).cloned().collect()
}

fn indexes(table: &Value) -> &[Value] {
    elements(&table["GlobalSecondaryIndexes"])
}

fn elements(list: &Value) -> &[Value] {
    list.as_array().map_or(&[], Vec::as_slice)
}

fn same_index(one: &Value, other: &Value) -> bool {
    one["IndexName"] == other["IndexName"]
        && same_keys(&one["KeySchema"], &other["KeySchema"])
        && one["Projection"]["ProjectionType"] == other["Projection"]["ProjectionType"]
        && sorted(&one["Projection"]["NonKeyAttributes"]) == sorted(&other["Projection"]["NonKeyAttributes"])
}

fn same_keys(one: &Value, other: &Value) -> bool {
    let pairs = |keys: &Value| -> Vec<_> {
        elements(keys).iter().map(|key| (key["AttributeName"].clone(), key["KeyType"].clone())).collect()
    };
    pairs(one) == pairs(other)
}

fn sorted(names: &Value) -> Vec<&str> {
    let mut names: Vec<_> = elements(names).iter().filter_map(Value::as_str).collect();
    names.sort_unstable();
    names
}

fn set_ttl(database: &Database, table: &str, attribute: Option<&str>) -> anyhow::Result<()> {
    let present =
        database.describe_time_to_live(request(json!({"TableName": table}))?)?.time_to_live_description;
    let enabled = present.attribute_name.filter(|_| present.time_to_live_status == "ENABLED");
    if enabled.as_deref() == attribute {
        return Ok(());
    }
    let off = enabled.map(|name| (name, false));
    let on = attribute.map(|name| (name.to_owned(), true));
    for (attribute_name, enabled) in off.into_iter().chain(on) {
        let specification = json!({"AttributeName": attribute_name, "Enabled": enabled});
        let body = json!({"TableName": table, "TimeToLiveSpecification": specification});
        database.update_time_to_live(request(body)?)?;
    }
    Ok(())
}

/// Converts the API's JSON to a request type of the engine.
pub(super) fn request<T: DeserializeOwned>(body: Value) -> anyhow::Result<T> {
    Ok(serde_json::from_value(body)?)
}
