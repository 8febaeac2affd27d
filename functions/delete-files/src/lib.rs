//! The function of `POST /v1/files/delete`: deletes several files.

use files_api::{
    ApiError, ApiResult, Endpoint, ItemResult, Reason, ResultsBody, authenticate, json_object, respond,
};
use files_deletion::Deletion;
use files_domain::{Caller, FileId, Scope, Timestamp};
use files_queues::{DeliveryMessage, Queue};
use futures_util::{StreamExt, stream};
use lambda_http::Request;
use lambda_http::http::StatusCode;
use lambda_startup::announce_events;

/// Maximum number of files in a request.
const MAX_FILES: usize = 100;
/// Files deleted concurrently. Each deletion changes the owner's usage item, so more would only conflict.
const CONCURRENCY: usize = 4;

/// Deletes several files, each like `DELETE /v1/files/{id}`.
pub struct DeleteFiles {
    /// Records and objects.
    pub deletion: Deletion,
    /// The queue of `deliver-webhook`, for events.
    pub deliveries: Queue<DeliveryMessage>,
}

impl Endpoint for DeleteFiles {
    async fn handle(&self, request: Request, now: Timestamp) -> ApiResult {
        let parse = |request: &Request, _: &_| ids(request);
        let keys = self.deletion.records.keys();
        let (caller, ids) = authenticate(keys, &request, Scope::Delete, now, parse).await?;
        keys.check_now(&caller).await?;
        let results = stream::iter(ids).map(|id| self.delete(&request, &caller, id)).buffered(CONCURRENCY);
        let results = results.collect().await;
        announce_events(self.deletion.records.unchecked(), &self.deliveries).await;
        Ok(respond(StatusCode::OK, &ResultsBody { results }))
    }
}

impl DeleteFiles {
    async fn delete(&self, request: &Request, caller: &Caller, id: FileId) -> ItemResult {
        let deleted = self.deletion.delete(caller, id, |_| Ok::<_, ApiError>(())).await;
        ItemResult::new(request, id, deleted.map(|()| StatusCode::NO_CONTENT))
    }
}

/// Reads the ids, without duplicates.
fn ids(request: &Request) -> Result<Vec<FileId>, ApiError> {
    let wrong = || ApiError::from(Reason::InvalidIds).on_field("ids", None);
    let given = json_object(request)?.take("ids").ok_or_else(wrong)?;
    let given = given.as_array().filter(|ids| (1..=MAX_FILES).contains(&ids.len())).ok_or_else(wrong)?;
    let mut ids = Vec::with_capacity(given.len());
    for (index, id) in given.iter().enumerate() {
        let id: FileId = id.as_str().and_then(|id| id.parse().ok()).ok_or_else(|| {
            let message = format!("ids[{index}] is not the id of a file: no file has been deleted");
            ApiError::from(Reason::InvalidIds)
                .with_message(&message)
                .on_field(&format!("ids[{index}]"), Some(message))
        })?;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok(ids)
}
