//! `GET /v1/files/{id}`

use files_api::{
    ApiError, ApiResult, BaseUrl, Endpoint, FileBody, authenticate, etag, file_id, is_fresh, respond,
};
use files_domain::{File, FullProbe, Scope, Timestamp};
use files_objects::Objects;
use files_records::ClientRecords;
use lambda_http::http::header::{CACHE_CONTROL, ETAG};
use lambda_http::http::{HeaderValue, StatusCode};
use lambda_http::{Body, Request, Response};
use serde_json::Value;

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
        let full = self.full_probe(&file, detail.full_probe.as_ref()).await?;
        let base = BaseUrl::of(&request, self.public_url.as_deref());
        with_etag(respond(StatusCode::OK, &FileBody::complete(&file, &detail, &full, &base)), &tag)
    }
}

impl GetFile {
    async fn full_probe(&self, file: &File, full: Option<&FullProbe>) -> Result<Value, ApiError> {
        let packed = match full {
            None => return Ok(Value::Null),
            Some(FullProbe::Inline(packed)) => packed.clone().into(),
            Some(FullProbe::InObject) => {
                self.objects.get_probe(file.owner, file.id).await.map_err(ApiError::internal)?
            }
        };
        files_records::unpack_probe(&packed).map_err(ApiError::internal)
    }
}

fn not_modified() -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    // A 304 carries what a 200 would (RFC 9110, section 15.4.5).
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    response
}

fn with_etag(mut response: Response<Body>, tag: &str) -> ApiResult {
    response.headers_mut().insert(ETAG, HeaderValue::from_str(tag).map_err(ApiError::internal)?);
    Ok(response)
}
