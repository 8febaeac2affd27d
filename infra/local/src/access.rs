//! Authenticates the calls of the JSON services (DynamoDB, SQS, Lambda): finds the caller, verifies the signature, counts the
//! call.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use bytes::Bytes;
use http::request::Parts;

use crate::calls::Calls;
use crate::iam::Policies;
use crate::identity::Identities;
use crate::sigv4::{self, SignatureError};

/// The caller under whose name calls with an invalid signature are counted.
pub const ANONYMOUS: &str = "anonymous";

/// Authentication, counts and policies, which every service needs for its callers.
#[derive(Clone)]
pub struct Access {
    /// The callers' keys.
    pub identities: Identities,
    /// The counts of all calls.
    pub calls: Arc<Calls>,
    /// The permissions of each caller.
    pub policies: Policies,
    /// The region that signatures must name.
    pub region: String,
}

/// A call with a valid signature.
pub(crate) struct Call {
    /// The caller's name, as in [`Identities::keys`].
    pub(crate) caller: String,
    /// The operation, such as `SendMessage`; empty if the request names none.
    pub(crate) operation: String,
    /// The request without its body.
    pub(crate) parts: Parts,
    /// The request's body.
    pub(crate) body: Bytes,
}

/// The reason why a call does not reach its service.
pub(crate) enum Refusal {
    /// The signature is missing or wrong.
    Signature(SignatureError),
    /// The body is larger than the service accepts, or ended early.
    Body,
}

impl Access {
    /// Reads, authenticates and counts one request. Every call of a service passes through here, once.
    pub(crate) async fn admit(
        &self,
        service: &str,
        request: Request<Body>,
        max_body_bytes: usize,
    ) -> Result<Call, Refusal> {
        let (parts, body) = request.into_parts();
        let operation = operation(&parts);
        self.admit_operation(service, operation, Request::from_parts(parts, body), max_body_bytes).await
    }

    /// Authenticates a request as [`Access::admit`] does, for a service whose paths name the operations.
    pub(crate) async fn admit_operation(
        &self,
        service: &str,
        operation: String,
        request: Request<Body>,
        max_body_bytes: usize,
    ) -> Result<Call, Refusal> {
        let (parts, body) = request.into_parts();
        let Ok(body) = to_bytes(body, max_body_bytes).await else {
            self.calls.count(ANONYMOUS, service, counted(&operation));
            return Err(Refusal::Body);
        };
        let verified = sigv4::verify(&parts, &body, &self.identities, service, &self.region);
        let name = verified.as_deref().unwrap_or(ANONYMOUS);
        self.calls.count(name, service, counted(&operation));
        match verified {
            Ok(caller) => Ok(Call { caller, operation, parts, body }),
            Err(error) => Err(Refusal::Signature(error)),
        }
    }
}

/// Returns the operation in `X-Amz-Target: <service>_<version>.<operation>`.
fn operation(parts: &Parts) -> String {
    let target = parts.headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
    target.rsplit_once('.').map_or("", |(_, operation)| operation).to_owned()
}

/// Returns the name under which a call is counted: `unknown` for a text that does not look like an operation.
fn counted(operation: &str) -> &str {
    let plausible =
        (1..=64).contains(&operation.len()) && operation.bytes().all(|b| b.is_ascii_alphanumeric());
    if plausible { operation } else { "unknown" }
}
