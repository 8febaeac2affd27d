//! Roles that are written out in the template, for functions that take none of what SAM would add to one.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};

use super::kind;
use super::properties::Properties;
use super::resolve::Resolver;
use crate::account::{STACK_NAME, role_arn};
use crate::iam::{self, Statement};

pub(super) const ROLE: &str = "AWS::IAM::Role";

/// What each role allows, by its ARN.
#[derive(Debug, Default)]
pub(super) struct Roles(BTreeMap<String, Vec<Statement>>);

impl Roles {
    /// Reads all roles of a template.
    ///
    /// # Errors
    /// A role allows something in a way that cannot be enforced here.
    pub(super) fn read(resources: &Map<String, Value>, resolver: &Resolver) -> Result<Self> {
        let mut roles = BTreeMap::new();
        for (id, resource) in resources.iter().filter(|(_, resource)| kind(resource) == ROLE) {
            let values = resource.get("Properties").and_then(Value::as_object).cloned().unwrap_or_default();
            let mut properties = Properties::new(id, ROLE, values, resolver);
            let name = properties.text("RoleName")?.unwrap_or_else(|| format!("{STACK_NAME}-{id}"));
            let allowed = statements(&mut properties).with_context(|| format!("role {id}"))?;
            roles.insert(role_arn(&name), allowed);
        }
        Ok(Self(roles))
    }

    /// Returns what the role with this ARN allows.
    ///
    /// # Errors
    /// It is not a role of the template: what it allows is unknown here.
    pub(super) fn allowed(&self, arn: &str) -> Result<Vec<Statement>> {
        self.0.get(arn).cloned().with_context(|| format!("{arn} is no role of this template"))
    }
}

fn statements(properties: &mut Properties<'_>) -> Result<Vec<Statement>> {
    for unknown in ["ManagedPolicyArns", "PermissionsBoundary"] {
        if properties.value(unknown)?.is_some() {
            bail!("property {unknown}: only policies written out in the template can be enforced here");
        }
    }
    let policies = properties.value("Policies")?.unwrap_or_default();
    let policies = policies.as_array().map(Vec::as_slice).unwrap_or_default();
    let documents = policies.iter().map(|policy| policy.get("PolicyDocument").cloned().unwrap_or_default());
    iam::policies(&Value::Array(documents.collect()))
}
