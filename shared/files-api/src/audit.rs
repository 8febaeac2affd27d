//! The audit log: the log line of each request has the principal, the operation, the file, the source address and the result. It
//! has ids only, and neither secrets nor names.

use files_domain::{Caller, FileId, KeyHash};
use lambda_http::request::RequestContext;
use lambda_http::{Request, RequestExt};
use tracing::field::{Empty, display};
use tracing::{Span, info_span};

use crate::Reason;

/// Starts the span of a request, whose fields are in every log line of the request. The fields of the caller are set later.
pub(crate) fn request_span(request: &Request, request_id: &str, route: &str) -> Span {
    let span = info_span!(
        "request",
        request_id,
        route,
        source = source_address(request),
        owner = Empty,
        key = Empty,
        file = Empty,
        token = Empty,
    );
    let id = request.path_parameters_ref().and_then(|parameters| parameters.first("id"));
    if let Some(id) = id.and_then(|id| id.parse::<FileId>().ok()) {
        span.record("file", display(id));
    }
    span
}

/// Adds the caller to the log lines of the request: the owner in the key or token, and its id. Both may be unverified.
pub(crate) fn audit_caller(caller: &Caller) {
    Span::current().record("owner", display(caller.owner())).record("key", display(caller.hash().id()));
}

/// Adds the file that a request has created to the log lines of the request.
pub fn audit_file(id: FileId) {
    Span::current().record("file", display(id));
}

/// Adds the upload token that a request has created or deleted to the log lines of the request.
pub fn audit_upload_token(hash: KeyHash) {
    Span::current().record("token", display(hash.id()));
}

/// Returns the client's address, as API Gateway reports it.
fn source_address(request: &Request) -> Option<String> {
    match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => context.http.source_ip.clone(),
        _ => None,
    }
}

/// Returns the audit kind of a successful request: a change, or a download link. `None`: the request only reads.
pub(crate) fn kind_of_success(route: &str) -> Option<&'static str> {
    let (method, path) = route.split_once(' ')?;
    match (method, path) {
        (_, "/v1/files/{id}/{filename}") => Some("download_link"),
        ("GET" | "HEAD", _) | (_, "/v1/preview") => None,
        _ => Some("change"),
    }
}

/// Returns the audit kind of a rejected request whose key is invalid or lacks the scope. `None`: the reason is not the key.
pub(crate) fn kind_of_refusal(reason: Reason) -> Option<&'static str> {
    let of_key = [Reason::InvalidApiKey, Reason::MissingScope, Reason::UploadTokenUsedUp];
    of_key.contains(&reason).then_some("refused_key")
}

#[cfg(test)]
#[path = "audit_tests.rs"]
mod tests;
