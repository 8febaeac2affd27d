//! The properties of one resource. Each is taken once; properties that are not taken are noted.

use anyhow::{Context, Result};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::model::Notices;
use super::resolve::{Resolver, scalar};

/// Properties that describe what is always true here, or have no effect anywhere.
const INERT: &[&str] =
    &["Architectures", "PackageType", "LoggingConfig", "BillingMode", "Description", "Tags", "PropagateTags"];

/// Properties without a meaning outside an AWS account.
const CLOUD_ONLY: &[&str] = &[
    // functions
    "Tracing",
    "ReservedConcurrentExecutions",
    "RetryPolicy",
    // queues, table, bucket
    "SqsManagedSseEnabled",
    "KmsMasterKeyId",
    "SSESpecification",
    "PointInTimeRecoverySpecification",
    "DeletionProtectionEnabled",
    "PublicAccessBlockConfiguration",
    "BucketEncryption",
    "OwnershipControls",
    "LifecycleConfiguration",
    // the API
    "AccessLogSettings",
    "DefaultRouteSettings",
    "Name",
    "Domain",
];

/// The properties of one resource or event source.
pub(super) struct Properties<'a> {
    /// `OrdersTable`, or `CleanUpFunction.EveryMinute`.
    pub(super) place: String,
    /// The type.
    pub(super) kind: String,
    values: Map<String, Value>,
    resolver: &'a Resolver,
    notices: Notices,
}

impl<'a> Properties<'a> {
    pub(super) fn new(place: &str, kind: &str, values: Map<String, Value>, resolver: &'a Resolver) -> Self {
        let (place, kind) = (place.to_owned(), kind.to_owned());
        Self { place, kind, values, resolver, notices: Notices::default() }
    }

    /// Takes a property and resolves it; `None` if it is missing or `AWS::NoValue`.
    pub(super) fn value(&mut self, name: &str) -> Result<Option<Value>> {
        let Some(value) = self.values.remove(name) else {
            return Ok(None);
        };
        self.resolver.resolve(&value).with_context(|| format!("property {name}"))
    }

    /// Takes a string; CloudFormation also accepts numbers and booleans.
    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>> {
        self.value(name)?.map(|value| scalar(&value)).transpose().with_context(|| format!("property {name}"))
    }

    /// Takes an integer, written as a number or as a string.
    pub(super) fn number<T: std::str::FromStr>(&mut self, name: &str) -> Result<Option<T>> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        text.parse()
            .ok()
            .map(Some)
            .with_context(|| format!("property {name} is not an integer in range: {text}"))
    }

    /// Takes a list of strings, or one string.
    pub(super) fn texts(&mut self, name: &str) -> Result<Vec<String>> {
        texts(self.value(name)?.as_ref()).with_context(|| format!("property {name}"))
    }

    /// Takes a value that serde deserializes.
    pub(super) fn parsed<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>> {
        let value = self.value(name)?.map(serde_json::from_value).transpose();
        value.with_context(|| format!("property {name}"))
    }

    /// Takes a map without resolving it.
    pub(super) fn raw_map(&mut self, name: &str) -> Map<String, Value> {
        match self.values.remove(name) {
            Some(Value::Object(map)) => map,
            _ => Map::new(),
        }
    }

    /// Returns the properties of a part of this resource.
    pub(super) fn within(&self, name: &str, kind: &str, values: Map<String, Value>) -> Self {
        Self::new(&format!("{}.{name}", self.place), kind, values, self.resolver)
    }

    /// Takes a map as nested properties.
    pub(super) fn nested(&mut self, name: &str) -> Result<Option<Self>> {
        let Some(value) = self.value(name)? else {
            return Ok(None);
        };
        let map = value.as_object().cloned().with_context(|| format!("property {name} is not a map"))?;
        Ok(Some(self.within(name, "", map)))
    }

    /// Notes a part that cannot run.
    pub(super) fn not_run(&mut self, what: &str) {
        self.notices.not_run(&self.place.clone(), what);
    }

    /// Notes a part that was taken and has no effect here.
    pub(super) fn without_effect(&mut self, what: &str) {
        self.notices.cloud_only(what, &self.place.clone());
    }

    /// Adds the notices and the remaining properties of nested ones.
    pub(super) fn absorb(&mut self, nested: Self) {
        let mut notices = Notices::default();
        nested.finish(&mut notices);
        self.notices.extend(notices);
    }

    /// Notes the properties that were not taken. One that is `AWS::NoValue` is not there.
    pub(super) fn finish(mut self, notices: &mut Notices) {
        for (name, value) in std::mem::take(&mut self.values) {
            let is_absent = matches!(self.resolver.resolve(&value), Ok(None));
            if is_absent || INERT.contains(&name.as_str()) {
                continue;
            }
            if CLOUD_ONLY.contains(&name.as_str()) {
                self.notices.cloud_only(&name, &self.place);
            } else {
                self.notices.not_run(&self.place, &format!("property {name}"));
            }
        }
        notices.extend(self.notices);
    }
}

impl Notices {
    pub(super) fn extend(&mut self, other: Self) {
        self.not_run.extend(other.not_run);
        for (what, places) in other.cloud_only {
            self.cloud_only.entry(what).or_default().extend(places);
        }
    }
}

/// Reads a list of strings, or one string.
pub(super) fn texts(value: Option<&Value>) -> Result<Vec<String>> {
    match value {
        None => Ok(Vec::new()),
        Some(Value::Array(items)) => items.iter().map(scalar).collect(),
        Some(one) => Ok(vec![scalar(one)?]),
    }
}

/// Merges globals with a resource's own properties as SAM does: maps by key, lists by concatenation, and the resource's own
/// value otherwise.
pub(super) fn merge(global: Option<&Value>, own: Option<&Value>) -> Map<String, Value> {
    let map = |value: Option<&Value>| value.and_then(Value::as_object).cloned().unwrap_or_default();
    let mut merged = map(global);
    for (key, value) in map(own) {
        let value = match (merged.remove(&key), value) {
            (Some(Value::Object(global)), Value::Object(own)) => {
                Value::Object(merge(Some(&Value::Object(global)), Some(&Value::Object(own))))
            }
            (Some(Value::Array(mut global)), Value::Array(own)) => {
                global.extend(own);
                Value::Array(global)
            }
            (_, own) => own,
        };
        merged.insert(key, value);
    }
    merged
}
