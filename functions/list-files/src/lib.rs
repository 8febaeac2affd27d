//! The function of `GET /v1/files`: lists files.

mod query;

use files_api::{ApiError, ApiResult, BaseUrl, Cursor, Endpoint, FileBody, ListBody, authenticate, respond};
use files_domain::{Page, Scope, Timestamp};
use files_records::ClientRecords;
use lambda_http::Request;
use lambda_http::http::header::LINK;
use lambda_http::http::{HeaderValue, StatusCode};

use crate::query::ListQuery;

/// Lists the files of an owner, newest first by default.
pub struct ListFiles {
    /// The records.
    pub records: ClientRecords,
    /// The URL of the API, if it is not that of API Gateway.
    pub public_url: Option<String>,
}

impl Endpoint for ListFiles {
    async fn handle(&self, request: Request, now: Timestamp) -> ApiResult {
        let (caller, query) =
            authenticate(self.records.keys(), &request, Scope::Read, now, ListQuery::read).await?;
        let Page { files, next } = self.records.list_files(&caller, query.page()).await?;
        let base = BaseUrl::of(&request, self.public_url.as_deref());
        let next_cursor = next.map(|id| Cursor::after(id, caller.owner(), &query.shape()));
        let files = files.iter().map(|file| FileBody::summary(file, &base)).collect();
        let link = next_cursor.as_deref().map(|cursor| base.list(&query.with_cursor(cursor)));
        let mut response = respond(StatusCode::OK, &ListBody { files, next_cursor });
        if let Some(link) = link {
            let link =
                HeaderValue::from_str(&format!("<{link}>; rel=\"next\"")).map_err(ApiError::internal)?;
            response.headers_mut().insert(LINK, link);
        }
        Ok(response)
    }
}
