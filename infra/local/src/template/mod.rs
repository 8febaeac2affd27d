//! Reads `template.yaml`, so that the local cloud and a deployment cannot diverge.

mod events;
mod function;
mod model;
mod properties;
mod resolve;
mod resources;
mod roles;
mod yaml;

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::{Map, Value};

pub use model::{
    Bucket, BucketCors, Cors, Function, Model, Notices, ObjectSource, Queue, QueueSource, Route, Schedule,
    Table,
};
use properties::Properties;
use resolve::{Attributes, Resolver};
use roles::Roles;

use crate::account::{
    ACCOUNT_ID, API_ID, STACK_NAME, bucket_arn, function_arn, queue_arn, role_arn, table_arn,
};

/// Values that the template depends on.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// Parameters that override their defaults.
    pub parameters: BTreeMap<String, String>,
    /// URL of SQS without a trailing slash: the prefix of queue URLs.
    pub sqs_url: String,
    /// URL of the API, without a path.
    pub api_url: String,
}

/// Resource types without a meaning outside an AWS account.
const CLOUD_ONLY_TYPES: &[&str] = &[
    "AWS::CloudWatch::",
    "AWS::Logs::",
    "AWS::IAM::",
    "AWS::KMS::",
    "AWS::SNS::",
    "AWS::Budgets::",
    "AWS::WAFv2::",
    "AWS::CloudFront::",
    "AWS::Route53::",
    "AWS::CertificateManager::",
    "AWS::Lambda::Permission",
    "AWS::Lambda::LayerVersion",
    "AWS::Serverless::LayerVersion",
    "AWS::ApiGatewayV2::DomainName",
    "AWS::ApiGatewayV2::ApiMapping",
];

/// Reads a template's text.
///
/// # Errors
/// The template is not valid YAML, refers to something that does not exist, or uses a value of the wrong type. A parameter
/// that has a value is not declared; CloudFormation refuses it as well.
pub fn load(text: &str, surroundings: &Surroundings) -> Result<Model> {
    let template = yaml::read(text)?;
    let mut resolver = Resolver::new(&template, &surroundings.parameters)?;
    resolver.check_declared(surroundings.parameters.keys())?;
    let resources = wanted_resources(&template, &resolver)?;
    let globals = template.get("Globals").cloned().unwrap_or_default();
    let mut model = Model::default();
    for (id, resource) in &resources {
        let attributes = attributes(id, resource, &resolver, surroundings)
            .with_context(|| format!("the name of resource {id} is not understood"))?;
        // Only resources that run here have attributes.
        if !attributes.named.is_empty() {
            model.resources.insert(id.clone(), attributes.reference.clone());
        }
        resolver.add_resource(id, attributes);
    }
    let roles = Roles::read(&resources, &resolver)?;
    for (id, resource) in &resources {
        let kind = kind(resource);
        let section =
            globals.get(kind.trim_start_matches("AWS::Serverless::")).filter(|_| kind.contains("Serverless"));
        let properties = properties::merge(section, resource.get("Properties"));
        let properties = Properties::new(id, kind, properties, &resolver);
        add(&mut model, properties, &roles).with_context(|| format!("resource {id} is not understood"))?;
    }
    Ok(model)
}

/// Returns the resources whose condition is true.
fn wanted_resources(template: &Value, resolver: &Resolver) -> Result<Map<String, Value>> {
    let all =
        template.get("Resources").and_then(Value::as_object).context("the template has no resources")?;
    let mut wanted = Map::new();
    for (id, resource) in all {
        let condition = resource.get("Condition").and_then(Value::as_str);
        if condition.map_or(Ok(true), |name| resolver.condition(name))? {
            wanted.insert(id.clone(), resource.clone());
        }
    }
    Ok(wanted)
}

fn kind(resource: &Value) -> &str {
    resource.get("Type").and_then(Value::as_str).unwrap_or_default()
}

/// Returns the attributes that other resources can refer to. A name may depend on parameters, not on other resources.
fn attributes(id: &str, resource: &Value, resolver: &Resolver, around: &Surroundings) -> Result<Attributes> {
    let name = |property: &str| -> Result<String> {
        let given = resource.get("Properties").and_then(|properties| properties.get(property));
        let given = given.map(|value| resolver.resolve(value)).transpose()?.flatten();
        given.map_or_else(|| Ok(format!("{STACK_NAME}-{id}")), |value| resolve::scalar(&value))
    };
    let (reference, named) = match kind(resource) {
        "AWS::SQS::Queue" => {
            let name = name("QueueName")?;
            let url = format!("{}/{ACCOUNT_ID}/{name}", around.sqs_url);
            (url.clone(), vec![("Arn", queue_arn(&name)), ("QueueName", name), ("QueueUrl", url)])
        }
        "AWS::DynamoDB::Table" => {
            let name = name("TableName")?;
            (name.clone(), vec![("Arn", table_arn(&name))])
        }
        "AWS::S3::Bucket" => {
            let name = name("BucketName")?;
            (
                name.clone(),
                vec![("Arn", bucket_arn(&name)), ("DomainName", format!("{name}.s3.amazonaws.com"))],
            )
        }
        "AWS::Serverless::Function" => {
            let name = name("FunctionName")?;
            (name.clone(), vec![("Arn", function_arn(&name))])
        }
        roles::ROLE => {
            let name = name("RoleName")?;
            (name.clone(), vec![("Arn", role_arn(&name))])
        }
        "AWS::Serverless::HttpApi" => (API_ID.to_owned(), vec![("ApiEndpoint", around.api_url.clone())]),
        _ => (id.to_owned(), Vec::new()),
    };
    let named = named.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    Ok(Attributes { reference, named })
}

fn add(model: &mut Model, mut properties: Properties<'_>, roles: &Roles) -> Result<()> {
    match properties.kind.as_str() {
        "AWS::Serverless::Function" => model.functions.push(function::read(&mut properties, roles)?),
        "AWS::Serverless::HttpApi" => model.cors = resources::api_cors(&mut properties)?,
        "AWS::SQS::Queue" => model.queues.push(resources::queue(&mut properties)?),
        "AWS::DynamoDB::Table" => model.tables.push(resources::table(&mut properties)?),
        "AWS::S3::Bucket" => model.buckets.push(resources::bucket(&mut properties)?),
        roles::ROLE => return Ok(()), // read before, for the functions that name it
        "AWS::S3::BucketPolicy" | "AWS::SQS::QueuePolicy" => {
            resources::resource_policy(&mut properties)?;
            model.notices.cloud_only(&properties.kind, &properties.place);
            return Ok(());
        }
        kind if CLOUD_ONLY_TYPES.iter().any(|known| kind.starts_with(known)) => {
            let place = properties.place.clone();
            model.notices.cloud_only(kind, &place);
            return Ok(());
        }
        kind => {
            model.notices.not_run(&properties.place, &format!("resource type {kind}"));
            return Ok(());
        }
    }
    properties.finish(&mut model.notices);
    Ok(())
}

#[cfg(test)]
mod tests;
