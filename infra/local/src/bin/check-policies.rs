//! `check-policies`: checks that the template's policies allow exactly the requests that the functions made in a test run.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use files_local::iam::{Principal, proof};
use files_local::options::name_and_value;
use files_local::template::{self, Surroundings};
use serde::Deserialize;

/// Compares the template's policies with the requests that the functions made in a test run.
#[derive(Debug, Parser)]
struct Options {
    /// The template.
    #[arg(long, value_name = "FILE", default_value = "template.yaml")]
    template: PathBuf,
    /// The folder in which the run's clouds recorded (`files-local --record-requests`).
    #[arg(long, value_name = "DIR", default_value = "target/requests")]
    requests: PathBuf,
    /// The list of permissions that no test uses, with the reasons.
    #[arg(long, value_name = "FILE", default_value = "unused-permissions.yaml")]
    reasons: PathBuf,
    /// Value of a parameter of the template, instead of its default. Repeatable.
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = name_and_value)]
    parameters: Vec<(String, String)>,
    /// Instead, say for each line of standard input (`{"function", "action", "resource"}`) whether the template allows it.
    #[arg(long)]
    verdicts: bool,
}

/// A line of standard input.
#[derive(Deserialize)]
struct Question {
    function: String,
    action: String,
    resource: String,
}

/// Writes `allowed` or `denied` for each line of standard input.
fn verdicts(principals: &[Principal]) -> Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lines() {
        let line = line?;
        let asked: Question = serde_json::from_str(&line)
            .with_context(|| format!("not a JSON object with function, action and resource: {line}"))?;
        let allowed = proof::allows(principals, &asked.function, &asked.action, &asked.resource);
        writeln!(out, "{}", if allowed { "allowed" } else { "denied" })?;
    }
    Ok(ExitCode::SUCCESS)
}

fn main() -> Result<ExitCode> {
    let options = Options::parse();
    let name = options.template.display();
    let text = std::fs::read_to_string(&options.template).with_context(|| format!("cannot read {name}"))?;
    let surroundings =
        Surroundings { parameters: options.parameters.into_iter().collect(), ..Surroundings::default() };
    let model = template::load(&text, &surroundings).with_context(|| format!("{name}"))?;
    if options.verdicts {
        return verdicts(&model.principals());
    }
    let recorded = proof::recorded(&options.requests)?;
    let findings = proof::prove(&model.principals(), &recorded, &proof::reasons(&options.reasons)?);
    for fault in &findings.faults {
        writeln!(std::io::stderr(), "{name}: {fault}")?;
    }
    if !findings.faults.is_empty() {
        return Ok(ExitCode::FAILURE);
    }
    let (grants, asked, excused) = (findings.grants, recorded.len(), findings.excused);
    writeln!(
        std::io::stdout(),
        "{name}: {grants} permissions, each was used or has a reason ({excused}); {asked} kinds of requests, all allowed"
    )?;
    Ok(ExitCode::SUCCESS)
}
