//! The function of `GET /v1/deliveries`: lists deliveries.

mod query;

use files_api::{ApiResult, Cursor, DeliveriesBody, DeliveryBody, Endpoint, authenticate, respond};
use files_domain::{Scope, Timestamp};
use files_records::{ClientRecords, DeliveryPage};
use lambda_http::Request;
use lambda_http::http::StatusCode;

use crate::query::DeliveriesQuery;

/// Lists deliveries with their attempts, those of the newest files first.
pub struct ListDeliveries {
    /// The records.
    pub records: ClientRecords,
}

impl Endpoint for ListDeliveries {
    async fn handle(&self, request: Request, now: Timestamp) -> ApiResult {
        let (caller, query) =
            authenticate(self.records.keys(), &request, Scope::Read, now, DeliveriesQuery::read).await?;
        let DeliveriesQuery { filter, limit, after } = query;
        let DeliveryPage { deliveries, next } =
            self.records.list_deliveries(&caller, filter, limit, after).await?;
        let next_cursor = next.map(|id| Cursor::after(id, caller.owner(), &query.shape()));
        let deliveries = deliveries.iter().map(|(id, delivery)| DeliveryBody::new(*id, delivery)).collect();
        Ok(respond(StatusCode::OK, &DeliveriesBody { deliveries, next_cursor }))
    }
}
