//! Proves that each function's policy allows what the function does, and no more.
//!
//! Both sides are known exactly: a test run records the requests of the functions, and the template lists their permissions.
//! Every recorded request must be allowed. Every action on every resource that is allowed must have been requested exactly as
//! it is written, or be in the list of reasons.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::glob::matches;
pub use super::recording::Recorded;
use super::recording::read;
use super::{Principal, Request};

/// A permission that no test uses, with the reason for it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// The function, by its binary's name.
    pub function: String,
    /// The action as in the template.
    pub action: String,
    /// A pattern of the resource's ARN.
    pub resource: String,
    /// The reason, in a sentence.
    pub reason: String,
}

/// One action on one resource that the template allows to a function.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    function: String,
    action: String,
    resource: String,
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} on {}", self.function, self.action, self.resource)
    }
}

/// The result of the proof.
#[derive(Debug, Default)]
pub struct Findings {
    /// The violations, one line each.
    pub faults: Vec<String>,
    /// How many permissions the template grants.
    pub grants: usize,
    /// How many of these are unused and in the list of reasons.
    pub excused: usize,
}

/// Reads the recordings in a folder.
///
/// # Errors
/// The folder contains none, or one cannot be read.
pub fn recorded(folder: &Path) -> Result<BTreeSet<Recorded>> {
    let all = read(folder)?;
    anyhow::ensure!(!all.is_empty(), "nothing was recorded in {}: run the tests first", folder.display());
    Ok(all)
}

/// Reads the list of reasons.
///
/// # Errors
/// It cannot be read, or an entry has no reason.
pub fn reasons(file: &Path) -> Result<Vec<Reason>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let reasons: Option<Vec<Reason>> = serde_norway::from_str(&text).with_context(|| {
        format!("{} is not a list of function, action, resource and reason", file.display())
    })?;
    let reasons = reasons.unwrap_or_default();
    anyhow::ensure!(reasons.iter().all(|entry| !entry.reason.trim().is_empty()), "an entry without a reason");
    Ok(reasons)
}

/// Returns whether a function, by its binary's name, may do `action` on `resource`.
#[must_use]
pub fn allows(principals: &[Principal], function: &str, action: &str, resource: &str) -> bool {
    let principal = principals.iter().find(|known| known.caller == function);
    principal.is_some_and(|principal| principal.allows(&Request::new(action, resource)))
}

/// Compares the permissions with the recorded requests.
#[must_use]
pub fn prove(principals: &[Principal], recorded: &BTreeSet<Recorded>, reasons: &[Reason]) -> Findings {
    let mut findings = Findings::default();
    for asked in recorded {
        let (function, action, resource) = (&asked.function, &asked.request.action, &asked.request.resource);
        if !allows(principals, function, action, resource) {
            findings
                .faults
                .push(format!("{function}: {action} on {resource} was requested, and is not allowed"));
        }
    }
    let mut listed = vec![false; reasons.len()];
    let mut grants = BTreeSet::new();
    for grant in principals.iter().flat_map(grants_of) {
        let excuses = reasons.iter().zip(&mut listed).filter(|(reason, _)| reason.is_of(&grant));
        let excused = excuses.map(|(_, listed)| *listed = true).count() > 0;
        if !grants.insert(grant.clone()) {
            findings.faults.push(format!("{grant} is allowed twice"));
        } else if !recorded.iter().any(|asked| grant.is_used_by(asked)) {
            findings.excused += usize::from(excused);
            if !excused {
                findings.faults.push(format!("{grant} is allowed, and was never requested"));
            }
        }
    }
    for (reason, _) in reasons.iter().zip(listed).filter(|(_, listed)| !listed) {
        let Reason { function, action, resource, .. } = reason;
        findings.faults.push(format!("{function}: {action} on {resource} has a reason, and is not allowed"));
    }
    findings.grants = grants.len();
    findings
}

/// Returns all permissions of a function, one by one.
fn grants_of(principal: &Principal) -> Vec<Grant> {
    let mut grants = Vec::new();
    for statement in &principal.statements {
        for action in &statement.actions {
            grants.extend(statement.resources.iter().map(|resource| Grant {
                function: principal.caller.clone(),
                action: action.clone(),
                resource: resource.clone(),
            }));
        }
    }
    grants
}

impl Grant {
    /// Returns whether exactly this was requested. A pattern that also allows other requests was not.
    fn is_used_by(&self, asked: &Recorded) -> bool {
        let request = &asked.request;
        asked.function == self.function
            && request.action.eq_ignore_ascii_case(&self.action)
            && request.resource == self.resource
    }
}

impl Reason {
    fn is_of(&self, grant: &Grant) -> bool {
        self.function == grant.function
            && self.action.eq_ignore_ascii_case(&grant.action)
            && matches(&self.resource, &grant.resource)
    }
}

#[cfg(test)]
mod tests;
