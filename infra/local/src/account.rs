//! The account and region of the local cloud, and the names of its resources.

/// The region of all resources.
pub const REGION: &str = "us-east-1";
/// The account of all resources.
pub const ACCOUNT_ID: &str = "000000000000";
/// `AWS::StackName`.
pub const STACK_NAME: &str = "files-local";
/// The id of the HTTP API; nothing depends on its form.
pub const API_ID: &str = "local";

/// Returns the ARN of a queue.
#[must_use]
pub fn queue_arn(name: &str) -> String {
    format!("arn:aws:sqs:{REGION}:{ACCOUNT_ID}:{name}")
}

/// Returns the ARN of an event bus.
#[must_use]
pub fn event_bus_arn(name: &str) -> String {
    format!("arn:aws:events:{REGION}:{ACCOUNT_ID}:event-bus/{name}")
}

/// Returns the ARN of a table.
#[must_use]
pub fn table_arn(name: &str) -> String {
    format!("arn:aws:dynamodb:{REGION}:{ACCOUNT_ID}:table/{name}")
}

/// Returns the ARN of a bucket.
#[must_use]
pub fn bucket_arn(name: &str) -> String {
    format!("arn:aws:s3:::{name}")
}

/// Returns the name that CloudFormation gives a function's role, without its random suffix.
#[must_use]
pub fn role_name(logical_id: &str) -> String {
    format!("{STACK_NAME}-{logical_id}Role")
}

/// Returns the ARN of a role.
#[must_use]
pub fn role_arn(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT_ID}:role/{name}")
}

/// Returns the ARN of a function, without a version.
#[must_use]
pub fn function_arn(name: &str) -> String {
    format!("arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:{name}")
}
