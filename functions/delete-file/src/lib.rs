//! The function of `DELETE /v1/files/{id}`: deletes a file.

use files_api::{ApiResult, Endpoint, authenticate, check_if_match, etag, file_id, no_content};
use files_deletion::Deletion;
use files_domain::{Scope, Timestamp};
use files_queues::{DeliveryMessage, Queue};
use lambda_http::Request;
use lambda_startup::announce_events;

/// Deletes a file with its record and objects.
pub struct DeleteFile {
    /// Records and objects.
    pub deletion: Deletion,
    /// The queue of `deliver-webhook`, for events.
    pub deliveries: Queue<DeliveryMessage>,
}

impl Endpoint for DeleteFile {
    async fn handle(&self, request: Request, now: Timestamp) -> ApiResult {
        let parse = |request: &Request, _: &_| file_id(request);
        let keys = self.deletion.records.keys();
        let (caller, id) = authenticate(keys, &request, Scope::Delete, now, parse).await?;
        self.deletion.delete(&caller, id, |file| check_if_match(&request, &etag(file.version))).await?;
        announce_events(self.deletion.records.unchecked(), &self.deliveries).await;
        Ok(no_content())
    }
}
