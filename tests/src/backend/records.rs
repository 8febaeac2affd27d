use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use super::Backend;
use crate::faults;

/// An item of DynamoDB.
pub type Item = HashMap<String, AttributeValue>;

/// The content of an owner's `usage` item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Files.
    pub files: i64,
    /// Reserved bytes.
    pub bytes: i64,
    /// Imports in flight.
    pub imports: i64,
}

impl Backend {
    /// Returns all items of the owner.
    pub async fn items(&self) -> Vec<Item> {
        let query = self
            .dynamodb
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", AttributeValue::S(self.partition()));
        query.into_paginator().items().send().collect::<Result<_, _>>().await.expect("the table can be read")
    }

    /// Returns the sort keys of all items of the owner, without the days of use of its keys; if faults are injected, also without the
    /// idempotency keys, which the client adds.
    pub async fn sort_keys(&self) -> Vec<String> {
        let items = self.items().await;
        let mut keys: Vec<_> = items.iter().filter_map(|item| item.get("sk")?.as_s().ok().cloned()).collect();
        keys.retain(|key| !key.starts_with("used#"));
        keys.retain(|key| faults::seed().is_none() || !key.starts_with("idem#"));
        keys
    }

    /// Returns the content of the owner's `usage` item, zeros without one.
    pub async fn usage(&self) -> Usage {
        let items = self.items().await;
        let usage = items
            .iter()
            .find(|item| item.get("sk").is_some_and(|sk| sk.as_s().is_ok_and(|sk| sk == "usage")));
        let number = |name: &str| usage.map_or(0, |item| number(item, name));
        Usage { files: number("stored_files"), bytes: number("stored_bytes"), imports: number("imports") }
    }

    /// Returns the usage that follows from the owner's files.
    pub async fn sum(&self) -> Usage {
        let mut sum = Usage::default();
        for item in self.items().await {
            if item.get("sk").is_some_and(|sk| sk.as_s().is_ok_and(|sk| sk.starts_with("file#"))) {
                sum.files += 1;
                let state = text(&item, "state").expect("a state");
                let reserves = !matches!(state, "importing" | "failed");
                sum.bytes += if reserves { number(&item, "size") } else { 0 };
                sum.imports += i64::from(state == "importing");
            }
        }
        sum
    }

    /// Returns the number of pending uploads by the `usage` item, and by the owner's files.
    pub async fn pending_uploads(&self) -> (u64, u64) {
        let pending = |item: &&Item| {
            let is_file = text(item, "sk").is_some_and(|sk| sk.starts_with("file#"));
            is_file && matches!(text(item, "state"), Some("awaiting_upload" | "awaiting_parts"))
        };
        let sum = self.items().await.iter().filter(pending).count();
        let usage = self.records().usage(self.owner).await.expect("the usage can be read");
        (usage.pending_uploads, u64::try_from(sum).expect("small"))
    }

    /// Returns the summary item of a file.
    pub async fn file_item(&self, id: &str) -> Item {
        self.item(&format!("file#{id}")).await.expect("the file has a record")
    }

    /// Returns one item of the owner.
    pub async fn item(&self, sk: &str) -> Option<Item> {
        let get = self
            .dynamodb
            .get_item()
            .table_name(&self.table)
            .set_key(Some(self.key(sk)))
            .consistent_read(true);
        get.send().await.expect("the table can be read").item
    }

    /// Sets numbers of an existing item.
    pub async fn set_numbers(&self, sk: &str, numbers: &[(&str, u64)]) {
        assert!(self.set_numbers_if(sk, numbers, "attribute_exists(pk)").await, "{sk} does not exist");
    }

    /// Sets numbers of an item that still has them. Returns whether it has.
    pub async fn change_numbers(&self, sk: &str, numbers: &[(&str, u64)]) -> bool {
        let has: Vec<_> = (0..numbers.len()).map(|index| format!("attribute_exists(#n{index})")).collect();
        self.set_numbers_if(sk, numbers, &has.join(" AND ")).await
    }

    async fn set_numbers_if(&self, sk: &str, numbers: &[(&str, u64)], condition: &str) -> bool {
        let mut update = self.dynamodb.update_item().table_name(&self.table).set_key(Some(self.key(sk)));
        let mut set = Vec::new();
        for (index, (name, number)) in numbers.iter().enumerate() {
            set.push(format!("#n{index} = :v{index}"));
            update = update
                .expression_attribute_names(format!("#n{index}"), *name)
                .expression_attribute_values(format!(":v{index}"), AttributeValue::N(number.to_string()));
        }
        let update =
            update.update_expression(format!("SET {}", set.join(", "))).condition_expression(condition);
        match update.send().await {
            Ok(_) => true,
            Err(error) => {
                let error = error.into_service_error();
                assert!(error.is_conditional_check_failed_exception(), "{error:?}");
                false
            }
        }
    }

    /// Writes an item without any check.
    pub async fn put_item(&self, item: Item) {
        let put = self.dynamodb.put_item().table_name(&self.table).set_item(Some(item));
        put.send().await.expect("the table can be written");
    }

    fn partition(&self) -> String {
        format!("owner#{}", self.owner)
    }

    fn key(&self, sk: &str) -> Item {
        HashMap::from([
            ("pk".to_owned(), AttributeValue::S(self.partition())),
            ("sk".to_owned(), AttributeValue::S(sk.to_owned())),
        ])
    }
}

/// Returns a text attribute.
#[must_use]
pub fn text<'i>(item: &'i Item, name: &str) -> Option<&'i str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

/// Derives the status of a file from its summary item.
#[must_use]
pub fn status(item: &Item) -> Option<&'static str> {
    Some(match text(item, "state")? {
        "importing" if number(item, "generation") > 0 => "running",
        "awaiting_upload" | "awaiting_parts" | "importing" => "pending",
        "probing" => "running",
        "stored" => "success",
        "failed" => "failed",
        other => panic!("unknown state: {other}"),
    })
}

fn number(item: &Item, name: &str) -> i64 {
    let number = item.get(name).and_then(|value| value.as_n().ok());
    number.map_or(0, |number| number.parse().expect("a whole number"))
}
