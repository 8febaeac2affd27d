//! What a function's process finds in its environment: what Lambda gives, and nothing of the operator's.

use std::collections::BTreeMap;

use super::Settings;
use crate::account::REGION;
use crate::template::Function;

/// The variables of a process of `function` whose Runtime API is at `api`.
pub(super) fn variables(function: &Function, settings: &Settings, api: &str) -> BTreeMap<String, String> {
    let keys = settings.identities.keys(&function.binary);
    let task_root = settings.functions.display().to_string();
    let given = [
        ("AWS_LAMBDA_RUNTIME_API", api),
        ("AWS_LAMBDA_FUNCTION_NAME", &function.name),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &function.memory_mb.to_string()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", &format!("/aws/lambda/{}", function.name)),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "local"),
        ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
        ("AWS_LAMBDA_LOG_LEVEL", "INFO"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_REGION", REGION),
        ("AWS_DEFAULT_REGION", REGION),
        ("AWS_ACCESS_KEY_ID", &keys.access_key_id),
        ("AWS_SECRET_ACCESS_KEY", &keys.secret_access_key),
        ("AWS_ENDPOINT_URL_S3", &settings.endpoints.s3),
        ("AWS_ENDPOINT_URL_DYNAMODB", &settings.endpoints.dynamodb),
        ("AWS_ENDPOINT_URL_SQS", &settings.endpoints.sqs),
        ("AWS_ENDPOINT_URL_LAMBDA", &settings.endpoints.lambda),
        ("LAMBDA_TASK_ROOT", &task_root),
        ("_HANDLER", &function.handler),
        ("PATH", "/usr/local/bin:/usr/bin:/bin:/opt/bin"),
        ("LANG", "en_US.UTF-8"),
        ("TZ", ":UTC"),
    ];
    // A function's own variables cannot replace Lambda's reserved ones.
    let mut variables = function.environment.clone();
    variables.extend(given.map(|(name, value)| (name.to_owned(), value.to_owned())));
    variables
}
