//! Attributes of DynamoDB items.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::RecordsError;
use crate::error::corrupt;

/// The attributes of an item, or of its primary key.
pub(crate) type Item = HashMap<String, AttributeValue>;

pub(crate) fn number(n: impl ToString) -> AttributeValue {
    AttributeValue::N(n.to_string())
}

pub(crate) fn text(s: impl Into<String>) -> AttributeValue {
    AttributeValue::S(s.into())
}

pub(crate) fn to_item(value: impl Serialize) -> Result<Item, RecordsError> {
    serde_dynamo::aws_sdk_dynamodb_1::to_item(value).map_err(corrupt)
}

pub(crate) fn to_attribute(value: impl Serialize) -> Result<AttributeValue, RecordsError> {
    serde_dynamo::aws_sdk_dynamodb_1::to_attribute_value(value).map_err(corrupt)
}

pub(crate) fn from_attribute<T: DeserializeOwned>(attribute: AttributeValue) -> Result<T, RecordsError> {
    serde_dynamo::aws_sdk_dynamodb_1::from_attribute_value(attribute).map_err(corrupt)
}

pub(crate) fn from_item<T: DeserializeOwned>(item: Item) -> Result<T, RecordsError> {
    serde_dynamo::aws_sdk_dynamodb_1::from_item(item).map_err(corrupt)
}
