//! The audit: the log line of each request tells who asked for what, of which file, from where, and what came of it. It has ids only,
//! never a secret and never a name.

use files_domain::{Caller, FileId, KeyHash};
use lambda_http::request::RequestContext;
use lambda_http::{Request, RequestExt};
use tracing::field::{Empty, display};
use tracing::{Span, info_span};

use crate::Reason;

/// Starts the span of a request, whose fields every line of the request has. Those of the caller are filled in when they are known.
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

/// Adds the caller to the lines of the request: the owner that the key or token names, and its id. Neither has to be true yet.
pub(crate) fn audit_caller(caller: &Caller) {
    Span::current().record("owner", display(caller.owner())).record("key", display(caller.hash().id()));
}

/// Adds the file that a request has created to the lines of the request.
pub fn audit_file(id: FileId) {
    Span::current().record("file", display(id));
}

/// Adds the upload token that a request has created or deleted to the lines of the request.
pub fn audit_upload_token(hash: KeyHash) {
    Span::current().record("token", display(hash.id()));
}

/// Returns the client's address, as the gateway saw it.
fn source_address(request: &Request) -> Option<String> {
    match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => context.http.source_ip.clone(),
        _ => None,
    }
}

/// Returns what the audit calls a request that succeeded: a change, or a link to download a file. `None`: it only read.
pub(crate) fn kind_of_success(route: &str) -> Option<&'static str> {
    let (method, path) = route.split_once(' ')?;
    match (method, path) {
        (_, "/v1/files/{id}/{filename}") => Some("download_link"),
        ("GET" | "HEAD", _) | (_, "/v1/preview") => None,
        _ => Some("change"),
    }
}

/// Returns what the audit calls a refused request: the use of a key that does not open what was asked for. `None`: the key is not why.
pub(crate) fn kind_of_refusal(reason: Reason) -> Option<&'static str> {
    let of_key = [Reason::InvalidApiKey, Reason::MissingScope, Reason::UploadTokenUsedUp];
    of_key.contains(&reason).then_some("refused_key")
}

#[cfg(test)]
#[path = "audit_tests.rs"]
mod tests;
