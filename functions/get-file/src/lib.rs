//! The function of `GET /v1/files/{id}`: returns a file.

mod wait;

use std::time::Duration;

use files_api::{
    ApiError, ApiResult, BaseUrl, Endpoint, FileBody, authenticate, etag, file_id, full_probe, is_fresh,
    respond, with_etag,
};
use files_domain::{FileId, Scope, Timestamp};
use files_objects::Objects;
use files_records::{ClientRecords, WaitSlots};
use lambda_http::http::header::CACHE_CONTROL;
use lambda_http::http::{HeaderValue, StatusCode};
use lambda_http::{Body, Request, Response};

/// Returns a file with its details.
pub struct GetFile {
    /// The records.
    pub records: ClientRecords,
    /// The objects, including ffprobe's output that is too large for a record.
    pub objects: Objects,
    /// The URL of the API, if it is not that of API Gateway.
    pub public_url: Option<String>,
    /// The limits of concurrent waits.
    pub slots: WaitSlots,
}

/// A parsed request.
struct ParsedRequest {
    id: FileId,
    /// How long the response may be delayed until the file's status is terminal.
    wait: Option<Duration>,
}

impl ParsedRequest {
    fn read(request: &Request) -> Result<Self, ApiError> {
        Ok(Self { id: file_id(request)?, wait: wait::read(request)? })
    }
}

impl Endpoint for GetFile {
    async fn handle(&self, request: Request, now: Timestamp) -> ApiResult {
        let parse = |request: &Request, _: &_| ParsedRequest::read(request);
        let (caller, parsed) = authenticate(self.records.keys(), &request, Scope::Read, now, parse).await?;
        let found = self.records.find_file_with_detail(&caller, parsed.id).await?;
        let (file, detail) = self.wait_for_end(&caller, found, parsed.wait).await?;
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
    // A 304 has the header fields of a 200 (RFC 9110, section 15.4.5).
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    response
}
