//! Limits the sizes of secondary indexes' keys, which the engine does not.
//!
//! scylladb, `test_gsi_limit_partition_key_len_2048`, `test_gsi_limit_sort_key_len_1024` (also run on DynamoDB).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::expression::{Token, tokens};

/// The key attributes of a table's indexes, each with its maximum in bytes and its name in errors.
struct Limits(Vec<(String, usize, &'static str)>);

/// Finds the first action of a write whose index key is too long. The error is the action's position in a transaction, and the
/// message of a ValidationException. Values that an update copies from another attribute are not checked.
pub(super) fn check(operation: &str, request: &Value, tables: &[Value]) -> Result<(), (usize, String)> {
    let of = |part: &Value| Limits::of(tables, part["TableName"].as_str().unwrap_or_default());
    match operation {
        "PutItem" => of(request).check_item(&request["Item"]).map_err(|message| (0, message)),
        "UpdateItem" => of(request).check_update(request).map_err(|message| (0, message)),
        "BatchWriteItem" => {
            for (table, requests) in request["RequestItems"].as_object().into_iter().flatten() {
                let limits = Limits::of(tables, table);
                for one in requests.as_array().into_iter().flatten() {
                    limits.check_item(&one["PutRequest"]["Item"]).map_err(|message| (0, message))?;
                }
            }
            Ok(())
        }
        "TransactWriteItems" => {
            for (at, action) in request["TransactItems"].as_array().into_iter().flatten().enumerate() {
                let (put, update) = (&action["Put"], &action["Update"]);
                let checked = of(put).check_item(&put["Item"]).and_then(|()| of(update).check_update(update));
                checked.map_err(|message| (at, message))?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

impl Limits {
    fn of(tables: &[Value], name: &str) -> Self {
        let table = tables.iter().find(|table| table["TableName"] == name);
        let indexes = ["GlobalSecondaryIndexes", "LocalSecondaryIndexes"]
            .iter()
            .filter_map(|kind| table?[kind].as_array())
            .flatten();
        let keys = indexes.filter_map(|index| index["KeySchema"].as_array()).flatten();
        let limit = |key: &Value| {
            let name = key["AttributeName"].as_str()?.to_owned();
            Some(if key["KeyType"] == "HASH" { (name, 2048, "hashkey") } else { (name, 1024, "rangekey") })
        };
        Self(keys.filter_map(limit).collect())
    }

    fn check_item(&self, item: &Value) -> Result<(), String> {
        self.0.iter().try_for_each(|(name, ..)| self.check_value(name, &item[name]))
    }

    fn check_update(&self, update: &Value) -> Result<(), String> {
        for (name, one) in update["AttributeUpdates"].as_object().into_iter().flatten() {
            self.check_value(name, &one["Value"])?;
        }
        let tokens = tokens(update["UpdateExpression"].as_str().unwrap_or_default());
        let mut target = None;
        for (at, token) in tokens.iter().enumerate() {
            match token {
                // The attribute before the `=`. If the path goes deeper, its last element is no key.
                Token::Compare("=") => {
                    target = target_before(&tokens[..at], &update["ExpressionAttributeNames"])
                }
                Token::Value(value) => {
                    let value = &update["ExpressionAttributeValues"][value];
                    target.map_or(Ok(()), |name| self.check_value(name, value))?;
                }
                token if token.is_keyword() => target = None,
                _ => {}
            }
        }
        Ok(())
    }

    fn check_value(&self, name: &str, value: &Value) -> Result<(), String> {
        let size = value.as_object().and_then(size).unwrap_or(0);
        let limits = self.0.iter().filter(|(key, ..)| key == name);
        let exceeded = limits.filter(|(_, limit, _)| size > *limit).min_by_key(|(_, limit, _)| *limit);
        exceeded.map_or(Ok(()), |(_, limit, key)| {
            Err(format!(
                "One or more parameter values were invalid: Size of {key} has exceeded the maximum size limit of \
                 {limit} bytes"
            ))
        })
    }
}

/// Returns the attribute before an `=`, if its name is the whole path.
fn target_before<'a>(before: &[Token<'a>], names: &'a Value) -> Option<&'a str> {
    let (last, rest) = before.split_last()?;
    if matches!(rest.last(), Some(Token::Other('.'))) {
        return None;
    }
    match last {
        Token::Word(word) => Some(word),
        Token::Name(name) => names[*name].as_str(),
        _ => None,
    }
}

/// Returns the size in bytes of a string or binary value.
fn size(value: &Map<String, Value>) -> Option<usize> {
    let text = |kind: &str| value.get(kind).and_then(Value::as_str);
    text("S").map(str::len).or_else(|| Some(STANDARD.decode(text("B")?).ok()?.len()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(operation: &str, request: &Value) -> Option<usize> {
        let key = |name: &str, kind: &str| json!({"AttributeName": name, "KeyType": kind});
        let index = json!({"KeySchema": [key("h", "HASH"), key("r", "RANGE")]});
        let table = json!({"TableName": "t", "GlobalSecondaryIndexes": [index]});
        check(operation, request, &[table]).err().map(|(at, _)| at)
    }

    #[test]
    fn keys_of_indexes_are_limited() {
        let put = |item: Value| json!({"TableName": "t", "Item": item});
        let text = |bytes: usize| json!({"S": "x".repeat(bytes)});
        for (item, expected) in [
            (json!({"h": text(2048), "r": text(1024), "other": text(5000)}), None),
            (json!({"h": text(2049)}), Some(0)),
            (json!({"r": text(1025)}), Some(0)),
            (json!({"r": {"B": STANDARD.encode([0; 1024])}}), None),
            (json!({"r": {"B": STANDARD.encode([0; 1025])}}), Some(0)),
        ] {
            assert_eq!(refused("PutItem", &put(item.clone())), expected, "{item}");
            let batch = json!({"RequestItems": {"t": [{"PutRequest": {"Item": item}}]}});
            assert_eq!(refused("BatchWriteItem", &batch), expected);
            let actions = json!({"TransactItems": [{"Put": put(json!({}))}, {"Put": put(item)}]});
            assert_eq!(refused("TransactWriteItems", &actions), expected.map(|_| 1));
        }
    }

    #[test]
    fn keys_that_an_update_sets_are_limited() {
        let update = |expression: &str| {
            json!({
                "TableName": "t", "UpdateExpression": expression,
                "ExpressionAttributeNames": {"#r": "r"},
                "ExpressionAttributeValues": {":long": {"S": "x".repeat(1025)}, ":v": {"S": "x"}},
            })
        };
        for (expression, expected) in [
            ("SET r = :long", Some(0)),
            ("SET a = :v, #r = if_not_exists(#r, :long) REMOVE b", Some(0)),
            ("SET h = :long, r = :v, a.r = :long, a = :long", None),
            ("SET r = :v ADD a :long", None),
        ] {
            assert_eq!(refused("UpdateItem", &update(expression)), expected, "{expression}");
        }
        let legacy = json!({"TableName": "t", "AttributeUpdates": {"r": {"Value": {"S": "x".repeat(1025)}}}});
        assert_eq!(refused("UpdateItem", &legacy), Some(0));
    }
}
