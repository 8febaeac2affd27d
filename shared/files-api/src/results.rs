use files_domain::FileId;
use http::StatusCode;
use lambda_http::Request;
use serde::Serialize;
use serde_json::Value;

use crate::ApiError;
use crate::service::{log_changed_item, log_item, request_id};

/// The results of a request for several files.
#[derive(Debug, Serialize)]
pub struct ResultsBody {
    /// One result per file, in the order of the request.
    pub results: Vec<ItemResult>,
}

/// The result of one of several files: the status of a request for this file only.
#[derive(Debug, Serialize)]
pub struct ItemResult {
    id: FileId,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Value>,
}

impl ItemResult {
    /// Returns the result of a file, with the body of an error. Logs the cause of the error.
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
                // Serialization cannot fail, since the keys are strings.
                let body = serde_json::to_value(error.body(&request_id(request))).unwrap_or_default();
                Self { id, status, error: Some(body) }
            }
        }
    }
}
