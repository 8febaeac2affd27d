//! Handles S3's calls: names, counts and checks each one, injects faults, passes it to `s3s`, and adds CORS headers.

use std::sync::Arc;

use http::header::{CONTENT_TYPE, EXPECT};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, S3Error, S3ErrorCode};
use time::OffsetDateTime;

use super::authorization::Authorization;
use super::cors::Cors;
use super::credentials::{Presented, Secrets, header_in_query};
use super::drain::{Lent, Returned, lend};
use super::errors::finish;
use super::fault::{Fault, Outcome};
use super::operations::NoOperations;
use super::request_head::RequestHead;
use super::store::Store;
use super::verified::Verified;
use super::{Settings, route};
use crate::calls::Calls;
use crate::connection::{Connection, ServiceResult, boxed};
use crate::faults::{Action, ErrorKind, Faults, Service};
use crate::iam::S3Call;

/// Handles HTTP requests.
pub(super) struct Server {
    service: S3Service,
    cors: Cors,
    region: String,
    authorization: Authorization,
    calls: Arc<Calls>,
}

impl Server {
    pub(super) fn new(store: Arc<Store>, settings: Settings) -> Self {
        let mut service = S3ServiceBuilder::new(NoOperations);
        service.set_auth(Secrets(settings.identities.clone()));
        let authorization = Authorization { identities: settings.identities, policies: settings.policies };
        service.set_route(Verified::new(store, authorization.clone()));
        Self {
            service: service.build(),
            cors: Cors::new(settings.bucket, settings.cors),
            region: settings.region,
            authorization,
            calls: settings.calls,
        }
    }

    /// Handles one request.
    pub(super) async fn handle(
        &self,
        request: Request<Incoming>,
        connection: &Connection,
        faults: &Faults,
    ) -> ServiceResult {
        let (mut parts, body) = request.into_parts();
        let operation = route::operation(&parts.method, &parts.uri, &parts.headers);
        let (method, uri, headers) = (parts.method.clone(), parts.uri.clone(), parts.headers.clone());
        let head = RequestHead { method, uri, headers };
        let presented = Presented::find(&head.uri, &head.headers);
        let caller = presented.caller(&self.authorization.identities);
        self.calls.count(&caller, "s3", operation);
        if parts.method == Method::OPTIONS {
            return Ok(boxed(finish(self.preflight(&head), &head).await));
        }
        let action = faults.decide(&caller, Service::S3, operation);
        let injected = faults.before(action, connection).await?.map(injected);
        let cors = self.cors.actual(&head.method, &head.uri, &head.headers);
        let checked = presented
            .check(&parts.headers, &self.region, OffsetDateTime::now_utc())
            .and_then(|()| presented.check_token(&self.authorization.identities))
            .and_then(|()| refuse_forms(&parts));
        let waits = parts.headers.contains_key(EXPECT);
        prepare(&mut parts, &presented);
        let (body, returned) = lend(body);
        let response = match checked.map(|()| injected) {
            Ok(None) => self.perform(Request::from_parts(parts, body), action, &caller, operation).await,
            Ok(Some(error)) => refused(body, error),
            Err(fault) => refused(body, fault.into()),
        };
        drain_refused(&response, waits, returned).await;
        let mut response = finish(response, &head).await;
        response.headers_mut().extend(cors);
        faults.after(action, connection, boxed(response)).await
    }

    async fn perform(
        &self,
        request: Request<Lent>,
        action: Option<Action>,
        caller: &str,
        operation: &str,
    ) -> Response<Body> {
        if action == Some(Action::ErrorIn200) {
            drain_all(request.into_body()).await;
            return error_in_200();
        }
        let (uri, headers) = (request.uri().clone(), request.headers().clone());
        match self.service.call(request.map(Body::http_body_unsync)).await {
            Ok(response) => {
                let bucket = uri.path().trim_start_matches('/').split('/').next().unwrap_or_default();
                let call = S3Call { operation, bucket, key: "", query: "", headers: &headers };
                if self.authorization.may_know(caller, response.status(), call) {
                    return response;
                }
                refusal(S3Error::with_message(S3ErrorCode::AccessDenied, "Access Denied"))
            }
            Err(error) => {
                tracing::error!(?error, "S3 cannot write a response");
                refusal(S3ErrorCode::InternalError.into())
            }
        }
    }

    fn preflight(&self, head: &RequestHead) -> Response<Body> {
        match self.cors.preflight(&head.uri, &head.headers) {
            Ok(headers) => {
                let mut response = Response::new(Body::empty());
                *response.headers_mut() = headers;
                response
            }
            Err(fault) => refusal(fault.into()),
        }
    }
}

/// Adapts requests that S3 accepts and `s3s` would refuse. Leaves everything that is signed unchanged.
fn prepare(parts: &mut Parts, presented: &Presented<'_>) {
    const SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");
    const TRAILER: HeaderName = HeaderName::from_static("x-amz-trailer");
    if presented.in_query() {
        if !presented.signs(SHA256.as_str()) {
            parts.headers.remove(SHA256);
        }
        // SDKs may send such a signed header only in the query.
        let signed = presented.signed_headers().split(';').filter(|name| name.starts_with("x-amz-"));
        for name in signed.filter_map(|name| HeaderName::try_from(name).ok()) {
            let value = header_in_query(&parts.uri, name.as_str());
            if let (false, Some(value)) = (parts.headers.contains_key(&name), value) {
                parts.headers.insert(name, value);
            }
        }
    } else if parts.headers.get(SHA256).is_some_and(|form| form == "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
        && !parts.headers.contains_key(TRAILER)
    {
        // Removed again once the signature is verified.
        parts.headers.insert(TRAILER, HeaderValue::from_static(""));
    }
}

/// Refuses browser forms (`multipart/form-data`), which `s3s` would hold in memory.
fn refuse_forms(request: &Parts) -> Outcome<()> {
    let content_type = request.headers.get(CONTENT_TYPE);
    let is_form = content_type.is_some_and(|value| value.as_bytes().starts_with(b"multipart/form-data"));
    if request.method == Method::POST && is_form {
        return Err(Fault::new(S3ErrorCode::NotImplemented, "POST policies are not implemented"));
    }
    Ok(())
}

/// Drains the body of a refused request, unless the client waits for `100 Continue` and has sent nothing.
async fn drain_refused(response: &Response<Body>, waits: bool, returned: Returned) {
    if !waits && (response.status().is_client_error() || response.status().is_server_error()) {
        returned.drain().await;
    }
}

/// Creates an injected error with S3's message.
fn injected(kind: ErrorKind) -> S3Error {
    let (code, message) = match kind {
        ErrorKind::Throttling => (S3ErrorCode::SlowDown, "Please reduce your request rate."),
        ErrorKind::Conflict => (
            S3ErrorCode::ConditionalRequestConflict,
            "The conditional request cannot succeed due to a conflicting operation against this resource.",
        ),
        _ => (S3ErrorCode::InternalError, "We encountered an internal error. Please try again."),
    };
    let mut error = S3Error::with_message(code, message);
    if kind == ErrorKind::Conflict {
        error.set_status_code(StatusCode::CONFLICT);
    }
    error
}

/// Creates the response of an operation that fails after S3 has sent status 200 to keep the connection open.
fn error_in_200() -> Response<Body> {
    let body = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>InternalError</Code>\
                <Message>We encountered an internal error. Please try again.</Message></Error>";
    let mut response = Response::new(Body::from(body.to_owned()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    response
}

/// Reads and discards a request's body.
async fn drain_all(body: Lent) {
    let mut body = body;
    while let Some(Ok(_)) = body.frame().await {}
}

/// Refuses a request without reading its body.
fn refused(body: Lent, error: S3Error) -> Response<Body> {
    drop(body);
    refusal(error)
}

fn refusal(error: S3Error) -> Response<Body> {
    error.to_http_response().unwrap_or_else(|_| {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}
