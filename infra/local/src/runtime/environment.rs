//! The environment of a function's process: Lambda's variables, and none of the operator's. Recorded for `provided.al2023` and
//! `python3.13`; only the addresses of the Runtime API and of the services are this machine's.

use std::collections::BTreeMap;
use std::path::Path;

use uuid::Uuid;

use super::{LayerFile, Settings};
use crate::account::REGION;
use crate::template::Function;

/// Variables that are the same for every function.
const FIXED: [(&str, &str); 13] = [
    ("AWS_DEFAULT_REGION", REGION),
    ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
    ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
    ("AWS_LAMBDA_LOG_STREAM_NAME", "local"),
    ("AWS_REGION", REGION),
    ("AWS_XRAY_CONTEXT_MISSING", "LOG_ERROR"),
    ("AWS_XRAY_DAEMON_ADDRESS", "169.254.100.1:2000"),
    ("_AWS_XRAY_DAEMON_ADDRESS", "169.254.100.1"),
    ("_AWS_XRAY_DAEMON_PORT", "2000"),
    ("LAMBDA_RUNTIME_DIR", "/var/runtime"),
    (
        "LD_LIBRARY_PATH",
        "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
    ),
    ("PATH", "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin"),
    ("TZ", ":UTC"),
];

/// Additional variables of Python's runtime.
const OF_PYTHON: [(&str, &str); 4] = [
    ("AWS_EXECUTION_ENV", "AWS_Lambda_python3.13"),
    ("LC_CTYPE", "C.UTF-8"),
    ("PYTHONPATH", "/var/runtime"),
    ("SHLVL", "0"),
];

/// Returns the variables of a process of `function` whose code is in `task` and whose Runtime API is at `api`.
pub(super) fn variables(
    function: &Function,
    settings: &Settings,
    task: &Path,
    api: &str,
) -> BTreeMap<String, String> {
    let mut variables: BTreeMap<_, _> = own_variables(function, settings).collect();
    // A function's own variables cannot replace Lambda's reserved ones.
    variables.extend(reserved(function, settings, &task.display().to_string(), api));
    if let (true, Some(daemon)) = (function.is_traced, settings.xray_daemon) {
        variables.insert("AWS_XRAY_DAEMON_ADDRESS".to_owned(), daemon.to_string());
    }
    variables
}

/// Returns the variables of a function's template.
fn own_variables(function: &Function, settings: &Settings) -> impl Iterator<Item = (String, String)> {
    let layers = if settings.jail.keeps_apart() { &[] } else { &*settings.layers };
    function.environment.iter().map(|(name, value)| (name.clone(), located(value, layers)))
}

/// Returns the variables that Lambda sets.
fn reserved(function: &Function, settings: &Settings, task: &str, api: &str) -> BTreeMap<String, String> {
    let keys = settings.identities.keys(&function.binary);
    let own = [
        ("AWS_LAMBDA_RUNTIME_API", api),
        ("AWS_LAMBDA_FUNCTION_NAME", &function.name),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &function.memory_mb.to_string()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", &format!("/aws/lambda/{}", function.name)),
        // Documented for functions that log as JSON.
        ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
        ("AWS_LAMBDA_LOG_LEVEL", "INFO"),
        ("AWS_ACCESS_KEY_ID", &keys.access_key_id),
        ("AWS_SECRET_ACCESS_KEY", &keys.secret_access_key),
        ("AWS_SESSION_TOKEN", keys.session_token.as_deref().unwrap_or_default()),
        ("AWS_ENDPOINT_URL_S3", &settings.endpoints.s3),
        ("AWS_ENDPOINT_URL_DYNAMODB", &settings.endpoints.dynamodb),
        ("AWS_ENDPOINT_URL_SQS", &settings.endpoints.sqs),
        ("AWS_ENDPOINT_URL_EVENTBRIDGE", &settings.endpoints.eventbridge),
        ("AWS_ENDPOINT_URL_LAMBDA", &settings.endpoints.lambda),
        ("LAMBDA_TASK_ROOT", task),
        ("LANG", "en_US.UTF-8"),
        ("_HANDLER", &function.handler),
        ("_X_AMZN_TRACE_ID", &trace()),
    ];
    let python = if function.is_python { &OF_PYTHON[..] } else { &[] };
    let working_directory = function.is_python.then_some(("PWD", task));
    let all = FIXED.iter().chain(&own).chain(python).copied().chain(working_directory);
    all.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Returns a variable's value. If functions have no `/opt`, the path of a layer's file becomes its path on this machine.
fn located(value: &str, layers: &[LayerFile]) -> String {
    let named = |layer: &&LayerFile| Path::new(value) == Path::new("/opt").join(&layer.at);
    layers.iter().find(named).map_or_else(|| value.to_owned(), |layer| layer.file.display().to_string())
}

/// Creates the trace id with which the process starts; each invocation brings its own.
fn trace() -> String {
    let (root, parent) = (Uuid::new_v4().simple().to_string(), Uuid::new_v4().simple().to_string());
    format!("Root=1-{}-{};Parent={};Sampled=0", &root[..8], &root[8..], &parent[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_opt_a_layers_file_has_its_real_path() {
        let layer = LayerFile { at: "bin/tool".into(), file: "/here/tool".into() };
        assert_eq!(located("/opt/bin/tool", std::slice::from_ref(&layer)), "/here/tool");
        assert_eq!(located("/opt/bin/tool", &[]), "/opt/bin/tool");
        assert_eq!(located("/opt/bin/other", &[layer]), "/opt/bin/other");
    }
}
