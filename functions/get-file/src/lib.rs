//! `GET /v1/files/{id}`

use files_api::{
    ApiResult, BaseUrl, Endpoint, FileBody, authenticate, etag, file_id, full_probe, is_fresh, respond,
    with_etag,
};
use files_domain::{Scope, Timestamp};
use files_objects::Objects;
use files_records::ClientRecords;
use lambda_http::http::header::CACHE_CONTROL;
use lambda_http::http::{HeaderValue, StatusCode};
use lambda_http::{Body, Request, Response};

/// Returns one file with its details.
pub struct GetFile {
    /// The records.
    pub records: ClientRecords,
    /// The objects, among them ffprobe's output that is too large for a record.
    pub objects: Objects,
    /// URL of the API, if it is not the gateway's own.
    pub public_url: Option<String>,
}

impl Endpoint for GetFile {
    async fn handle(&self, request: Request, now: Timestamp) -> ApiResult {
        let parse = |request: &Request, _: &_| file_id(request);
        let (caller, id) = authenticate(self.records.keys(), &request, Scope::Read, now, parse).await?;
        let (file, detail) = self.records.find_file_with_detail(&caller, id).await?;
        let tag = etag(file.version);
        if is_fresh(&request, &tag) {
            return with_etag(not_modified(), &tag);
        }
        let full = full_probe(&self.objects, &file, &detail).await?;
        let base = BaseUrl::of(&request, self.public_url.as_deref());
        with_etag(respond(StatusCode::OK, &FileBody::complete(&file, &detail, &full, &base)), &tag)
    }
}

fn not_modified() -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    // A 304 carries what a 200 would (RFC 9110, section 15.4.5).
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    response
}
