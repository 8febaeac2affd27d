//! The properties of one resource: each is taken once, and those that nothing took are noted.

use anyhow::{Context, Result};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::model::Notices;
use super::resolve::{Resolver, scalar};

/// Properties that say what is so here anyway, or nothing that could be otherwise.
const INERT: &[&str] =
    &["Architectures", "PackageType", "LoggingConfig", "BillingMode", "Description", "Tags", "PropagateTags"];

/// Properties that have no meaning outside an AWS account.
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

    /// Takes a property, resolved; `None` where it is not there or is `AWS::NoValue`.
    pub(super) fn value(&mut self, name: &str) -> Result<Option<Value>> {
        let Some(value) = self.values.remove(name) else {
            return Ok(None);
        };
        self.resolver.resolve(&value).with_context(|| format!("property {name}"))
    }

    /// Takes a text; numbers and truth values are texts to CloudFormation.
    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>> {
        self.value(name)?.map(|value| scalar(&value)).transpose().with_context(|| format!("property {name}"))
    }

    /// Takes a whole number, written as such or as a text.
    pub(super) fn number<T: std::str::FromStr>(&mut self, name: &str) -> Result<Option<T>> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        text.parse()
            .ok()
            .map(Some)
            .with_context(|| format!("property {name} is no whole number in range: {text}"))
    }

    /// Takes a list of texts, or one text.
    pub(super) fn texts(&mut self, name: &str) -> Result<Vec<String>> {
        texts(self.value(name)?.as_ref()).with_context(|| format!("property {name}"))
    }

    /// Takes anything that serde can read.
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

    /// Returns properties of something within this one.
    pub(super) fn within(&self, name: &str, kind: &str, values: Map<String, Value>) -> Self {
        Self::new(&format!("{}.{name}", self.place), kind, values, self.resolver)
    }

    /// Takes a map as properties of their own.
    pub(super) fn nested(&mut self, name: &str) -> Result<Option<Self>> {
        let Some(value) = self.value(name)? else {
            return Ok(None);
        };
        let map = value.as_object().cloned().with_context(|| format!("property {name} is no map"))?;
        Ok(Some(self.within(name, "", map)))
    }

    /// Keeps a note that something cannot run.
    pub(super) fn not_run(&mut self, what: &str) {
        self.notices.not_run(&self.place.clone(), what);
    }

    /// Keeps a note that something taken has no effect here.
    pub(super) fn without_effect(&mut self, what: &str) {
        self.notices.cloud_only(what, &self.place.clone());
    }

    /// Adds the notices and the leftovers of nested properties.
    pub(super) fn absorb(&mut self, nested: Self) {
        let mut notices = Notices::default();
        nested.finish(&mut notices);
        self.notices.extend(notices);
    }

    /// Notes the properties that nobody took.
    pub(super) fn finish(mut self, notices: &mut Notices) {
        for name in std::mem::take(&mut self.values).into_iter().map(|(name, _)| name) {
            if INERT.contains(&name.as_str()) {
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

/// Reads a list of texts, or one text.
pub(super) fn texts(value: Option<&Value>) -> Result<Vec<String>> {
    match value {
        None => Ok(Vec::new()),
        Some(Value::Array(items)) => items.iter().map(scalar).collect(),
        Some(one) => Ok(vec![scalar(one)?]),
    }
}

/// Globals under a resource's own properties, as SAM merges them: maps by key, lists one after the other,
/// and the resource's own value for all else.
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
