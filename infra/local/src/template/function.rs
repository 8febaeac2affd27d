//! Functions.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::events;
use super::model::Function;
use super::properties::Properties;
use super::resolve::scalar;
use super::resources::queue_name;
use super::roles::Roles;
use crate::account::STACK_NAME;
use crate::iam::{self, Statement};

/// Lambda's default in seconds.
const TIMEOUT: u64 = 3;
const MEMORY_MB: u32 = 128;
const EPHEMERAL_STORAGE_MB: u64 = 512;
const RETRIES: u32 = 2;
const MAX_EVENT_AGE: Duration = Duration::from_secs(6 * 3600);
/// The supported runtimes: binaries, and Python with the virtual environment beside them.
const RUNTIMES: [&str; 2] = ["provided", PYTHON];
const PYTHON: &str = "python3.";
/// The handler of a binary.
const HANDLER: &str = "bootstrap";

pub(super) fn read(properties: &mut Properties<'_>, roles: &Roles) -> Result<Function> {
    let code = properties.text("CodeUri")?.context("a function without CodeUri")?;
    let binary = binary(&code).to_owned();
    let is_python = is_python(properties)?;
    let name =
        properties.text("FunctionName")?.unwrap_or_else(|| format!("{STACK_NAME}-{}", properties.place));
    let mut function = Function {
        logical_id: properties.place.clone(),
        name,
        binary,
        is_python,
        handler: properties.text("Handler")?.unwrap_or_else(|| HANDLER.to_owned()),
        timeout: Duration::from_secs(properties.number("Timeout")?.unwrap_or(TIMEOUT)),
        memory_mb: properties.number("MemorySize")?.unwrap_or(MEMORY_MB),
        ephemeral_storage_mb: ephemeral_storage_mb(properties)?,
        has_layers: properties.value("Layers")?.is_some(),
        environment: environment(properties)?,
        routes: Vec::new(),
        queue_sources: Vec::new(),
        object_sources: Vec::new(),
        schedules: Vec::new(),
        on_failure: None,
        max_retries: RETRIES,
        max_event_age: MAX_EVENT_AGE,
        policy: policy(properties, roles)?,
        is_traced: properties.text("Tracing")?.as_deref() == Some("Active"),
        recursive: properties.text("RecursiveLoop")?.as_deref() == Some("Allow"),
    };
    properties.without_effect("MemorySize");
    asynchronous(properties, &mut function)?;
    for (name, event) in properties.raw_map("Events") {
        events::add(properties, &name, &event, &mut function).with_context(|| format!("event {name}"))?;
    }
    Ok(function)
}

/// Returns whether the runtime is Python's.
fn is_python(properties: &mut Properties<'_>) -> Result<bool> {
    let Some(runtime) = properties.text("Runtime")? else { return Ok(false) };
    if !RUNTIMES.iter().any(|known| runtime.starts_with(known)) {
        bail!(
            "runtime {runtime}: the local cloud starts programs of the runtimes provided.* and python3.* only"
        );
    }
    Ok(runtime.starts_with(PYTHON))
}

/// Returns the program of a `CodeUri`: `<binary>/bootstrap.zip`, `<binary>/python.zip` for Python, or a folder with the
/// program's name.
fn binary(code: &str) -> &str {
    let packed = code.strip_suffix("/bootstrap.zip").or_else(|| code.strip_suffix("/python.zip"));
    let folder = packed.unwrap_or(code).trim_end_matches('/');
    folder.rsplit('/').next().unwrap_or_default()
}

fn environment(properties: &mut Properties<'_>) -> Result<std::collections::BTreeMap<String, String>> {
    let Some(mut environment) = properties.nested("Environment")? else {
        return Ok(Default::default());
    };
    let variables = environment.value("Variables")?.unwrap_or_default();
    properties.absorb(environment);
    let variables = variables.as_object().cloned().unwrap_or_default();
    variables.into_iter().map(|(name, value)| Ok((name, scalar(&value)?))).collect()
}

fn ephemeral_storage_mb(properties: &mut Properties<'_>) -> Result<u64> {
    let Some(mut storage) = properties.nested("EphemeralStorage")? else {
        return Ok(EPHEMERAL_STORAGE_MB);
    };
    let size = storage.number("Size")?.unwrap_or(EPHEMERAL_STORAGE_MB);
    properties.absorb(storage);
    Ok(size)
}

/// Reads the permissions of a function, from its policies or from a role of the template.
fn policy(properties: &mut Properties<'_>, roles: &Roles) -> Result<Vec<Statement>> {
    if properties.value("PermissionsBoundary")?.is_some() {
        bail!("property PermissionsBoundary: the local cloud enforces Policies and Role only");
    }
    let policies = properties.value("Policies")?;
    match (properties.text("Role")?, policies) {
        (None, None) => Ok(Vec::new()),
        (None, Some(policies)) => iam::policies(&policies).context("property Policies"),
        (Some(role), None) => roles.allowed(&role).context("property Role"),
        (Some(_), Some(_)) => bail!("SAM leaves Policies out where there is a Role"),
    }
}

/// Reads the settings of asynchronous invocations: retries, age, failure destination.
fn asynchronous(properties: &mut Properties<'_>, function: &mut Function) -> Result<()> {
    let Some(mut config) = properties.nested("EventInvokeConfig")? else {
        return Ok(());
    };
    function.max_retries = config.number("MaximumRetryAttempts")?.unwrap_or(RETRIES);
    if let Some(seconds) = config.number("MaximumEventAgeInSeconds")? {
        function.max_event_age = Duration::from_secs(seconds);
    }
    if let Some(mut destinations) = config.nested("DestinationConfig")? {
        if let Some(destination) = destinations.value("OnFailure")? {
            let text = |name: &str| destination.get(name).and_then(Value::as_str);
            match (text("Type"), text("Destination")) {
                (Some("SQS"), Some(arn)) => function.on_failure = Some(queue_name(arn)),
                _ => destinations.not_run(&format!("destination {destination}")),
            }
        }
        config.absorb(destinations);
    }
    properties.absorb(config);
    Ok(())
}
