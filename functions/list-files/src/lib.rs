//! `GET /v1/files`

mod query;

use files_api::{Answer, ApiError, BaseUrl, Cursor, FileBody, ListBody, answer, authority, for_key_holder};
use files_domain::{CheckKey, ListFiles, Page, Scope, Timestamp};
use lambda_http::Request;
use lambda_http::http::header::LINK;
use lambda_http::http::{HeaderValue, StatusCode};

use crate::query::ListQuery;

/// Lists an owner's files, newest first.
pub struct ListFilesHandler<R> {
    /// Where files are found.
    pub records: R,
    /// The address clients use, if it is not the gateway's own.
    pub public_url: Option<String>,
}

impl<R: CheckKey + ListFiles + Sync> ListFilesHandler<R> {
    /// Answers one request.
    ///
    /// # Errors
    /// What the client is told instead.
    pub async fn answer(&self, request: &Request, now: Timestamp) -> Answer {
        let access = authority(request, Scope::Read, now)?;
        let query = for_key_holder(&self.records, &access, ListQuery::read(request, access.owner())).await?;
        let Page { files, next } = self.records.list_files(&access, query.page()).await?;
        let base = BaseUrl::of(request, self.public_url.as_deref());
        let next_cursor = next.map(|id| Cursor::after(id, access.owner(), &query.shape()));
        let files = files.iter().map(|file| FileBody::summary(file, &base)).collect();
        let link = next_cursor.as_deref().map(|cursor| base.list(&query.with_cursor(cursor)));
        let mut response = answer(StatusCode::OK, &ListBody { files, next_cursor });
        if let Some(link) = link {
            let link =
                HeaderValue::from_str(&format!("<{link}>; rel=\"next\"")).map_err(ApiError::internal)?;
            response.headers_mut().insert(LINK, link);
        }
        Ok(response)
    }
}
