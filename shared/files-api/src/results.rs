use files_domain::FileId;
use http::StatusCode;
use lambda_http::Request;
use serde::Serialize;
use serde_json::Value;

use crate::ApiError;
use crate::service::{log_changed_item, log_item, request_id};

/// The results of a request about several files.
#[derive(Debug, Serialize)]
pub struct ResultsBody {
    /// One result per file, in the order of the request.
    pub results: Vec<ItemResult>,
}

/// What became of one of several files: the status that a request for this file alone would have had.
#[derive(Debug, Serialize)]
pub struct ItemResult {
    id: FileId,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Value>,
}

impl ItemResult {
    /// Returns the result of a file. The cause of an error goes to the log, its body into the result.
    #[must_use]
    pub fn new(request: &Request, id: FileId, outcome: Result<StatusCode, ApiError>) -> Self {
        match outcome {
            Ok(status) => {
                log_changed_item(id);
                Self { id, status: status.as_u16(), error: None }
            }
            Err(error) => {
                log_item(&error, id);
                let status = error.reason().status().as_u16();
                // Serializing it cannot fail: its keys are strings.
                let body = serde_json::to_value(error.body(&request_id(request))).unwrap_or_default();
                Self { id, status, error: Some(body) }
            }
        }
    }
}
