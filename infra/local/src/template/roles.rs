//! Roles that the template defines. Functions with such a role get none of the permissions that SAM adds.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};

use super::kind;
use super::properties::Properties;
use super::resolve::Resolver;
use crate::account::{STACK_NAME, role_arn};
use crate::iam::{self, Statement};

pub(super) const ROLE: &str = "AWS::IAM::Role";

/// The permissions of each role, by its ARN.
#[derive(Debug, Default)]
pub(super) struct Roles(BTreeMap<String, Vec<Statement>>);

impl Roles {
    /// Reads all roles of a template.
    ///
    /// # Errors
    /// A role has a policy that cannot be enforced here.
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

    /// Returns the statements of the role with this ARN.
    ///
    /// # Errors
    /// The template has no such role.
    pub(super) fn allowed(&self, arn: &str) -> Result<Vec<Statement>> {
        self.0.get(arn).cloned().with_context(|| format!("{arn} is not a role of this template"))
    }
}

fn statements(properties: &mut Properties<'_>) -> Result<Vec<Statement>> {
    for unknown in ["ManagedPolicyArns", "PermissionsBoundary"] {
        if properties.value(unknown)?.is_some() {
            bail!("property {unknown}: only policies in the template can be enforced here");
        }
    }
    let policies = properties.value("Policies")?.unwrap_or_default();
    let policies = policies.as_array().map(Vec::as_slice).unwrap_or_default();
    let documents = policies.iter().map(|policy| policy.get("PolicyDocument").cloned().unwrap_or_default());
    iam::policies(&Value::Array(documents.collect()))
}
