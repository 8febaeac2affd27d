//! Authorizes calls whose signature is valid. A presigned URL is authorized when it is used, with the current permissions of the
//! role that signed it.

use http::StatusCode;
use s3s::access::{S3Access, S3AccessContext};
use s3s::path::S3Path;
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};

use crate::iam::{Called, Policies, S3Call, folder_of, missing_object, of_http, s3_requests};
use crate::identity::Identities;

/// The signer of a request; added to it once its signature is verified.
#[derive(Clone)]
pub(super) struct Caller(pub(super) String);

/// Authorizes calls; `s3s` calls it before it reads the rest of a request.
#[derive(Clone)]
pub(super) struct Authorization {
    pub(super) identities: Identities,
    pub(super) policies: Policies,
}

#[async_trait::async_trait]
impl S3Access for Authorization {
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        let caller = context.extensions_mut().get::<Caller>().cloned();
        let Caller(caller) = caller.ok_or_else(|| s3_error!(AccessDenied, "Access Denied"))?;
        let (bucket, key) = match context.s3_path() {
            S3Path::Root => ("", ""),
            S3Path::Bucket { bucket } => (bucket.as_ref(), ""),
            S3Path::Object { bucket, key } => (bucket.as_ref(), key.as_ref()),
        };
        let call = S3Call {
            operation: context.s3_op().name(),
            bucket,
            key,
            query: context.uri().query().unwrap_or_default(),
            headers: context.headers(),
        };
        let path =
            if key.is_empty() { format!("/{bucket}") } else { format!("/{bucket}/{}", folder_of(key)) };
        let shape = || of_http(context.method().as_str(), &path, call.query, call.headers);
        let called = Called { service: "s3", operation: call.operation, shape: &shape };
        self.policies
            .authorize(&caller, &called, &s3_requests(call))
            .map_err(|denied| S3Error::with_message(S3ErrorCode::AccessDenied, denied.to_string()))
    }
}

impl Authorization {
    /// Returns whether a caller may learn that an object does not exist.
    pub(super) fn may_know(&self, caller: &str, status: StatusCode, call: S3Call<'_>) -> bool {
        let needed = missing_object(call).filter(|_| status == StatusCode::NOT_FOUND);
        needed.is_none_or(|request| self.policies.permits(caller, call.operation, &request))
    }
}
