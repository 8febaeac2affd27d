//! Queues, tables, buckets, and CORS of the API.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::model::{Bucket, BucketCors, Cors, Queue, Table};
use super::properties::{Properties, texts};
use crate::account::STACK_NAME;

/// SQS's default in seconds.
const VISIBILITY: u64 = 30;
const RETENTION: u64 = 345_600;

/// Returns the name of a queue: the last part of its ARN.
pub(super) fn queue_name(arn: &str) -> String {
    arn.rsplit(':').next().unwrap_or(arn).to_owned()
}

fn name(properties: &mut Properties<'_>, property: &str) -> Result<String> {
    let given = properties.text(property)?;
    Ok(given.unwrap_or_else(|| format!("{STACK_NAME}-{}", properties.place)))
}

pub(super) fn queue(properties: &mut Properties<'_>) -> Result<Queue> {
    let redrive = properties.nested("RedrivePolicy")?.map(|mut policy| -> Result<_> {
        let target = policy.text("deadLetterTargetArn")?.context("a redrive policy without a target")?;
        let count = policy.number("maxReceiveCount")?.context("a redrive policy without maxReceiveCount")?;
        Ok((queue_name(&target), count))
    });
    Ok(Queue {
        name: name(properties, "QueueName")?,
        visibility_timeout: Duration::from_secs(
            properties.number("VisibilityTimeout")?.unwrap_or(VISIBILITY),
        ),
        retention: Duration::from_secs(properties.number("MessageRetentionPeriod")?.unwrap_or(RETENTION)),
        redrive: redrive.transpose()?,
    })
}

pub(super) fn table(properties: &mut Properties<'_>) -> Result<Table> {
    let (logical_id, name) = (properties.place.clone(), name(properties, "TableName")?);
    let mut create = Map::new();
    create.insert("TableName".to_owned(), Value::from(name.clone()));
    create.insert("BillingMode".to_owned(), Value::from("PAY_PER_REQUEST"));
    for property in ["AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "LocalSecondaryIndexes"] {
        if let Some(value) = properties.value(property)? {
            create.insert(property.to_owned(), value);
        }
    }
    let ttl = properties.value("TimeToLiveSpecification")?;
    let enabled = |ttl: &Value| ttl.get("Enabled").and_then(Value::as_bool).unwrap_or(false);
    let attribute = ttl.filter(enabled).and_then(|ttl| Some(ttl.get("AttributeName")?.as_str()?.to_owned()));
    Ok(Table { logical_id, name, create: Value::Object(create), ttl_attribute: attribute })
}

pub(super) fn bucket(properties: &mut Properties<'_>) -> Result<Bucket> {
    let name = name(properties, "BucketName")?;
    let cors = properties.parsed::<CorsRules>("CorsConfiguration")?.unwrap_or_default();
    Ok(Bucket { name, cors: cors.rules.into_iter().map(BucketCors::from).collect() })
}

/// Reads the policy of a bucket or of queues. Nothing in it is enforced here, so it may contain only a statement that makes no
/// difference on one machine: that every request must use TLS.
pub(super) fn resource_policy(properties: &mut Properties<'_>) -> Result<()> {
    let document = properties.value("PolicyDocument")?.unwrap_or_default();
    let statements = document.get("Statement").context("a policy without a statement")?;
    for statement in statements.as_array().map_or(std::slice::from_ref(statements), Vec::as_slice) {
        let tls = json!({"Bool": {"aws:SecureTransport": "false"}});
        if statement.get("Effect").and_then(Value::as_str) != Some("Deny")
            || statement.get("Condition") != Some(&tls)
        {
            bail!(
                "statement {statement}: in policies of buckets and queues, only the requirement of TLS is supported here"
            );
        }
    }
    Ok(())
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct CorsRules {
    #[serde(rename = "CorsRules")]
    rules: Vec<CorsRule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct CorsRule {
    allowed_origins: Vec<String>,
    allowed_methods: Vec<String>,
    #[serde(default)]
    allowed_headers: Vec<String>,
    #[serde(default)]
    exposed_headers: Vec<String>,
    max_age: Option<u32>,
    #[serde(rename = "Id")]
    _id: Option<String>,
}

impl From<CorsRule> for BucketCors {
    fn from(rule: CorsRule) -> Self {
        Self {
            allowed_origins: rule.allowed_origins,
            allowed_methods: rule.allowed_methods,
            allowed_headers: rule.allowed_headers,
            exposed_headers: rule.exposed_headers,
            max_age_seconds: rule.max_age,
        }
    }
}

pub(super) fn api_cors(properties: &mut Properties<'_>) -> Result<Option<Cors>> {
    let Some(value) = properties.value("CorsConfiguration")? else {
        return Ok(None);
    };
    if value == Value::Bool(true) {
        // SAM's short form: only the origins.
        let any = || vec!["*".to_owned()];
        return Ok(Some(Cors { allow_origins: any(), ..Cors::default() }));
    }
    let list = |name: &str| texts(value.get(name)).with_context(|| format!("CorsConfiguration.{name}"));
    Ok(value.is_object().then_some(Cors {
        allow_origins: list("AllowOrigins")?,
        allow_methods: list("AllowMethods")?,
        allow_headers: list("AllowHeaders")?,
        expose_headers: list("ExposeHeaders")?,
        max_age: value.get("MaxAge").and_then(Value::as_u64),
        allow_credentials: value.get("AllowCredentials").and_then(Value::as_bool).unwrap_or(false),
    }))
}
