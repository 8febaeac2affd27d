//! The content of a template, in the local cloud's own types.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use crate::account::{ACCOUNT_ID, role_name};
use crate::iam::{Principal, Statement};

/// The parts of the template that run here.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// Lambda functions.
    pub functions: Vec<Function>,
    /// SQS queues.
    pub queues: Vec<Queue>,
    /// DynamoDB tables.
    pub tables: Vec<Table>,
    /// S3 buckets.
    pub buckets: Vec<Bucket>,
    /// CORS of the HTTP API, if configured.
    pub cors: Option<Cors>,
    /// The value of `!Ref` for each resource that runs here, by its logical id: a table's, a bucket's or a function's name, a
    /// queue's URL.
    pub resources: BTreeMap<String, String>,
    /// The parts that do not run here.
    pub notices: Notices,
}

impl Model {
    /// Returns the functions as callers with their policies.
    #[must_use]
    pub fn principals(&self) -> Vec<Principal> {
        self.functions.iter().map(Function::principal).collect()
    }
}

/// One Lambda function.
#[derive(Clone, Debug)]
pub struct Function {
    /// Its name in the template.
    pub logical_id: String,
    /// Its name in the account.
    pub name: String,
    /// The binary: the folder of the zip that `CodeUri` names. It is also the name of the caller and of the log's source.
    pub binary: String,
    /// Whether its runtime is Python.
    pub is_python: bool,
    /// `Handler`: module and function for Python; unused for binaries.
    pub handler: String,
    /// The time limit of an invocation.
    pub timeout: Duration,
    /// Reported to the function, not enforced.
    pub memory_mb: u32,
    /// Size of its `/tmp` in MB.
    pub ephemeral_storage_mb: u64,
    /// Whether it finds layers in `/opt`.
    pub has_layers: bool,
    /// Its own environment variables.
    pub environment: BTreeMap<String, String>,
    /// Its routes of the HTTP API.
    pub routes: Vec<Route>,
    /// The queues that it reads.
    pub queue_sources: Vec<QueueSource>,
    /// The objects whose creation invokes it.
    pub object_sources: Vec<ObjectSource>,
    /// The schedules that invoke it.
    pub schedules: Vec<Schedule>,
    /// Name of the queue for failed asynchronous invocations.
    pub on_failure: Option<String>,
    /// Maximum of retries of a failed asynchronous invocation.
    pub max_retries: u32,
    /// Maximum age of an asynchronous event at a retry.
    pub max_event_age: Duration,
    /// Its permissions.
    pub policy: Vec<Statement>,
    /// `Tracing: Active`: Lambda runs the X-Ray daemon beside it.
    pub is_traced: bool,
    /// `RecursiveLoop: Allow`: loops through it are not stopped.
    pub recursive: bool,
}

impl Function {
    fn principal(&self) -> Principal {
        let role = role_name(&self.logical_id);
        Principal {
            caller: self.binary.clone(),
            arn: format!("arn:aws:sts::{ACCOUNT_ID}:assumed-role/{role}/{}", self.name),
            statements: self.policy.clone(),
        }
    }
}

/// A route of the HTTP API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// `GET`, …, or `ANY`.
    pub method: String,
    /// `/v1/items/{id}`, or `$default`.
    pub path: String,
}

impl Route {
    /// Returns the route's key: `GET /orders/{id}`, or `$default`.
    #[must_use]
    pub fn key(&self) -> String {
        if self.path == "$default" { self.path.clone() } else { format!("{} {}", self.method, self.path) }
    }
}

/// An event source mapping of a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueSource {
    /// The queue's name.
    pub queue: String,
    /// Maximum of messages per event.
    pub batch_size: usize,
    /// Maximum of concurrent invocations.
    pub max_concurrency: Option<usize>,
    /// Whether the function reports failures of single messages.
    pub report_batch_item_failures: bool,
}

/// A bucket's notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectSource {
    /// The bucket's name.
    pub bucket: String,
    /// The notification's id.
    pub configuration_id: String,
    /// Event types such as `s3:ObjectCreated:*`.
    pub events: Vec<String>,
    /// The required prefix of keys.
    pub prefix: String,
    /// The required suffix of keys.
    pub suffix: String,
}

impl ObjectSource {
    /// Returns whether the notification matches an event (`ObjectCreated:Put`, without `s3:`) and the object's key.
    #[must_use]
    pub fn matches(&self, event_name: &str, key: &str) -> bool {
        let wanted = |pattern: &String| match pattern.trim_start_matches("s3:").strip_suffix('*') {
            Some(start) => event_name.starts_with(start),
            None => pattern.trim_start_matches("s3:") == event_name,
        };
        self.events.iter().any(wanted) && key.starts_with(&self.prefix) && key.ends_with(&self.suffix)
    }
}

/// A schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Its name.
    pub name: String,
    /// The time from one run to the next.
    pub period: Duration,
    /// Whether it is EventBridge Scheduler's (`ScheduleV2`) rather than a rule (`Schedule`): their events differ.
    pub scheduler: bool,
    /// The event, if the template defines one.
    pub input: Option<String>,
}

/// A queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    /// Its name.
    pub name: String,
    /// How long a received message is hidden.
    pub visibility_timeout: Duration,
    /// How long a message is kept.
    pub retention: Duration,
    /// Name of the dead-letter queue, and the number of receives after which a message moves there.
    pub redrive: Option<(String, u32)>,
}

/// A table.
#[derive(Clone, Debug)]
pub struct Table {
    /// Its name in the template.
    pub logical_id: String,
    /// Its name.
    pub name: String,
    /// Body of `CreateTable` in the API's JSON.
    pub create: Value,
    /// The attribute with an item's expiry time.
    pub ttl_attribute: Option<String>,
}

/// A bucket.
#[derive(Clone, Debug)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// Its CORS rules.
    pub cors: Vec<BucketCors>,
}

/// A CORS rule of a bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BucketCors {
    /// `AllowedOrigins`.
    pub allowed_origins: Vec<String>,
    /// `AllowedMethods`.
    pub allowed_methods: Vec<String>,
    /// `AllowedHeaders`.
    pub allowed_headers: Vec<String>,
    /// `ExposedHeaders`.
    pub exposed_headers: Vec<String>,
    /// `MaxAge`, in seconds.
    pub max_age_seconds: Option<u32>,
}

/// CORS of the HTTP API.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cors {
    /// `AllowOrigins`.
    pub allow_origins: Vec<String>,
    /// `AllowMethods`.
    pub allow_methods: Vec<String>,
    /// `AllowHeaders`.
    pub allow_headers: Vec<String>,
    /// `ExposeHeaders`.
    pub expose_headers: Vec<String>,
    /// `MaxAge`, in seconds.
    pub max_age: Option<u64>,
    /// `AllowCredentials`.
    pub allow_credentials: bool,
}

/// The parts of the template that do not run here, to report on start.
#[derive(Clone, Debug, Default)]
pub struct Notices {
    /// Properties and resource types that have an effect only in AWS, with the places where they occur.
    pub cloud_only: BTreeMap<String, BTreeSet<String>>,
    /// Parts that the local cloud cannot run although they may matter, one line each.
    pub not_run: Vec<String>,
}

impl Notices {
    /// Notes a part that has an effect only in AWS.
    pub(super) fn cloud_only(&mut self, what: &str, place: &str) {
        self.cloud_only.entry(what.to_owned()).or_default().insert(place.to_owned());
    }

    /// Notes a part that cannot run.
    pub(super) fn not_run(&mut self, place: &str, what: &str) {
        self.not_run.push(format!("{place}: {what}"));
    }

    /// Returns a line for each part that cannot run although it may matter.
    #[must_use]
    pub fn not_run_lines(&self) -> Vec<String> {
        let mut lines: Vec<_> = self.not_run.iter().map(|text| format!("not run here: {text}")).collect();
        lines.sort();
        lines
    }

    /// Returns a line for each type and property without effect here, with its resources.
    #[must_use]
    pub fn without_effect_lines(&self) -> Vec<String> {
        let line = |(what, places): (&String, &BTreeSet<String>)| {
            format!("{what}: {}", places.iter().map(String::as_str).collect::<Vec<_>>().join(", "))
        };
        self.cloud_only.iter().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_sources_match_by_event_prefix_and_suffix() {
        let source = |events: &[&str]| ObjectSource {
            bucket: "b".to_owned(),
            configuration_id: "c".to_owned(),
            events: events.iter().map(|event| (*event).to_owned()).collect(),
            prefix: "files/".to_owned(),
            suffix: ".mp4".to_owned(),
        };
        assert!(source(&["s3:ObjectCreated:*"]).matches("ObjectCreated:Put", "files/a.mp4"));
        assert!(source(&["s3:ObjectCreated:Put"]).matches("ObjectCreated:Put", "files/a.mp4"));
        assert!(!source(&["s3:ObjectCreated:Copy"]).matches("ObjectCreated:Put", "files/a.mp4"));
        assert!(!source(&["s3:ObjectRemoved:*"]).matches("ObjectCreated:Put", "files/a.mp4"));
        assert!(!source(&["s3:ObjectCreated:*"]).matches("ObjectCreated:Put", "probes/a.mp4"));
        assert!(!source(&["s3:ObjectCreated:*"]).matches("ObjectCreated:Put", "files/a.mp3"));
    }
}
