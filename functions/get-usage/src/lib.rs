//! The function of `GET /v1/usage`: returns the usage and limits of an owner.

use files_api::{ApiResult, Endpoint, UsageBody, authenticate, respond};
use files_domain::{Scope, Timestamp};
use files_records::ClientRecords;
use lambda_http::Request;
use lambda_http::http::StatusCode;

/// Returns the usage and the limits of an owner.
pub struct GetUsage {
    /// The records.
    pub records: ClientRecords,
}

impl Endpoint for GetUsage {
    async fn handle(&self, request: Request, now: Timestamp) -> ApiResult {
        let parse = |_: &Request, _: &_| Ok(());
        let (caller, ()) = authenticate(self.records.keys(), &request, Scope::Read, now, parse).await?;
        let (usage, limits) = self.records.usage(&caller).await?;
        Ok(respond(StatusCode::OK, &UsageBody::new(usage, &limits)))
    }
}
