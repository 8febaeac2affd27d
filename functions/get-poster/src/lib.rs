//! The function of `GET` and `HEAD /v1/posters/{id}`: redirects to the poster of a file.

use files_api::{ApiError, ApiResult, Endpoint, Reason, UrlQuery, authenticate, file_id};
use files_domain::{Scope, Timestamp};
use files_objects::Objects;
use files_records::ClientRecords;
use lambda_http::Request;
use lambda_http::http::Method;

/// Redirects a client to a presigned URL of a file's poster.
pub struct GetPoster {
    /// The records.
    pub records: ClientRecords,
    /// The objects.
    pub objects: Objects,
}

impl Endpoint for GetPoster {
    async fn handle(&self, request: Request, now: Timestamp) -> ApiResult {
        let parse = |request: &Request, _: &_| Ok((UrlQuery::read(request)?, file_id(request)?));
        let (caller, (query, id)) =
            authenticate(self.records.keys(), &request, Scope::Read, now, parse).await?;
        let file = self.records.find_file(&caller, id).await?;
        if !file.has_poster() {
            return Err(
                ApiError::from(Reason::NotFound).with_message("The file has no poster: see its poster_url")
            );
        }
        let head = request.method() == Method::HEAD && query.redirect;
        let presigned = self.objects.presign_poster(&file, head, now, query.lifetime(&file, now)).await?;
        query.respond(&presigned)
    }
}
