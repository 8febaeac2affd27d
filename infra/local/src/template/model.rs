//! What a template asks for, in the local cloud's own terms.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use crate::account::{ACCOUNT_ID, role_name};
use crate::iam::{Principal, Statement};

/// Everything in the template that can run here.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// Lambda functions.
    pub functions: Vec<Function>,
    /// SQS queues.
    pub queues: Vec<Queue>,
    /// The DynamoDB table.
    pub tables: Vec<Table>,
    /// The S3 bucket.
    pub buckets: Vec<Bucket>,
    /// CORS of the HTTP API; `None` where the API configures none.
    pub cors: Option<Cors>,
    /// What `!Ref` gives of each resource that runs here, by its logical id: a table's, a bucket's or a function's name, a
    /// queue's URL.
    pub resources: BTreeMap<String, String>,
    /// What does not run here.
    pub notices: Notices,
}

impl Model {
    /// Returns the functions as callers of the services, with their policies.
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
    /// The binary: the folder of the zip that `CodeUri` names. Also the name of its caller and of its lines in the log.
    pub binary: String,
    /// Its runtime is Python's.
    pub is_python: bool,
    /// `Handler`: for Python its module and function; binaries need none.
    pub handler: String,
    /// After this long an invocation is ended.
    pub timeout: Duration,
    /// Told to the function, not enforced.
    pub memory_mb: u32,
    /// Size of its `/tmp`.
    pub ephemeral_storage_mb: u64,
    /// It finds layers in `/opt`.
    pub has_layers: bool,
    /// Its own environment variables.
    pub environment: BTreeMap<String, String>,
    /// Routes of the HTTP API that lead to it.
    pub routes: Vec<Route>,
    /// Queues it reads.
    pub queue_sources: Vec<QueueSource>,
    /// Objects whose creation invokes it.
    pub object_sources: Vec<ObjectSource>,
    /// Schedules that invoke it.
    pub schedules: Vec<Schedule>,
    /// Name of the queue that gets what asynchronous invocations failed on.
    pub on_failure: Option<String>,
    /// How often a failed asynchronous invocation is tried again.
    pub max_retries: u32,
    /// How old an asynchronous event may be when it is tried again.
    pub max_event_age: Duration,
    /// What it may do.
    pub policy: Vec<Statement>,
    /// `RecursiveLoop: Allow`: it may lead to its own invocation without end.
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
    /// Most messages in one event.
    pub batch_size: usize,
    /// Most invocations at once.
    pub max_concurrency: Option<usize>,
    /// The function reports single messages that failed.
    pub report_batch_item_failures: bool,
}

/// A bucket's notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectSource {
    /// The bucket's name.
    pub bucket: String,
    /// The notification's id.
    pub configuration_id: String,
    /// `s3:ObjectCreated:*` and the like.
    pub events: Vec<String>,
    /// Only keys that start so.
    pub prefix: String,
    /// Only keys that end so.
    pub suffix: String,
}

impl ObjectSource {
    /// Returns whether an event (`ObjectCreated:Put`, without `s3:`) of an object with this key is for the function.
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
    /// From one run to the next.
    pub period: Duration,
    /// EventBridge Scheduler (`ScheduleV2`) rather than a rule (`Schedule`): their events differ.
    pub scheduler: bool,
    /// The event, where the template gives one.
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
    /// Name of the dead-letter queue, and after how many receives a message goes there.
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
    /// The attribute that says when an item expires.
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

/// What of the template does not run here, to be said on start.
#[derive(Clone, Debug, Default)]
pub struct Notices {
    /// By property or resource type that only means something in the cloud: where it stands.
    pub cloud_only: BTreeMap<String, BTreeSet<String>>,
    /// What the local cloud cannot run although it might matter: one line each.
    pub not_run: Vec<String>,
}

impl Notices {
    /// Notes what only means something in the cloud.
    pub(super) fn cloud_only(&mut self, what: &str, place: &str) {
        self.cloud_only.entry(what.to_owned()).or_default().insert(place.to_owned());
    }

    /// Notes what is asked for and cannot run.
    pub(super) fn not_run(&mut self, place: &str, what: &str) {
        self.not_run.push(format!("{place}: {what}"));
    }

    /// Returns a line for each thing that the local cloud cannot run although it might matter.
    #[must_use]
    pub fn not_run_lines(&self) -> Vec<String> {
        let mut lines: Vec<_> = self.not_run.iter().map(|text| format!("not run here: {text}")).collect();
        lines.sort();
        lines
    }

    /// Returns a line for each type and property that has no effect here, with the resources that it stands at.
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
