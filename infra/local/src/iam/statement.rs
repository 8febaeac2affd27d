//! Statements of a policy: only the constructs that the template uses. Any other construct is an error that names it, because it
//! could not be enforced.

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};

use super::Request;
use super::glob::matches;

/// A statement that allows its actions on its resources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Patterns such as `s3:GetObject`, matched without regard to case.
    pub actions: Vec<String>,
    /// Patterns of ARNs.
    pub resources: Vec<String>,
}

impl Statement {
    /// Returns whether the statement allows a request.
    #[must_use]
    pub fn allows(&self, request: &Request) -> bool {
        let action = request.action.to_ascii_lowercase();
        self.actions.iter().any(|pattern| matches(&pattern.to_ascii_lowercase(), &action))
            && self.resources.iter().any(|pattern| matches(pattern, &request.resource))
    }
}

/// Reads the statements of a function's `Policies`.
///
/// # Errors
/// A construct is not supported; the error names it.
pub(crate) fn policies(value: &Value) -> Result<Vec<Statement>> {
    let documents = match value {
        Value::Array(documents) => documents.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut statements = Vec::new();
    for document in documents {
        let document = document.as_object().with_context(|| {
            format!(
                "{document}: this is a managed policy, and only policies in the template can be enforced here"
            )
        })?;
        only_keys(document, &["Version", "Id", "Statement"])?;
        let all = document.get("Statement").context("a policy without a statement")?;
        for one in all.as_array().map_or(std::slice::from_ref(all), Vec::as_slice) {
            statements.push(statement(one).with_context(|| format!("statement {one}"))?);
        }
    }
    Ok(statements)
}

fn statement(value: &Value) -> Result<Statement> {
    let map = value.as_object().context("is not a map")?;
    only_keys(map, &["Sid", "Effect", "Action", "Resource"])?;
    if map.get("Effect").and_then(Value::as_str) != Some("Allow") {
        bail!("only Effect: Allow can be enforced here");
    }
    let statement = Statement {
        actions: patterns(map.get("Action")).context("Action")?,
        resources: patterns(map.get("Resource")).context("Resource")?,
    };
    if let Some(wrong) = statement.actions.iter().find(|action| !is_action(action)) {
        bail!("{wrong} is not an action");
    }
    Ok(statement)
}

/// Reads one or several patterns. Policy variables such as `${aws:username}` are not supported.
fn patterns(value: Option<&Value>) -> Result<Vec<String>> {
    let values = match value {
        None => &[],
        Some(Value::Array(values)) => values.as_slice(),
        Some(one) => std::slice::from_ref(one),
    };
    let text =
        |value: &Value| value.as_str().map(str::to_owned).with_context(|| format!("{value} is not a string"));
    let patterns = values.iter().map(text).collect::<Result<Vec<_>>>()?;
    match patterns.iter().find(|pattern| pattern.contains("${") || pattern.is_empty()) {
        Some(wrong) => bail!("{wrong:?}: such a pattern cannot be enforced here"),
        None if patterns.is_empty() => bail!("is missing or empty"),
        None => Ok(patterns),
    }
}

fn is_action(text: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-*?".contains(&b))
    };
    text == "*" || text.split_once(':').is_some_and(|(service, name)| part(service) && part(name))
}

fn only_keys(map: &Map<String, Value>, known: &[&str]) -> Result<()> {
    match map.keys().find(|key| !known.contains(&key.as_str())) {
        Some(other) => bail!("{other} cannot be enforced here"),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
