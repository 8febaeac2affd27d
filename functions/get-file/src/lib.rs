//! `GET /v1/files/{id}`

use files_api::{
    Answer, ApiError, BaseUrl, FileBody, answer, authority, etag, file_id, for_key_holder, is_fresh,
};
use files_domain::{CheckKey, File, FindFile, FullProbe, Scope, Timestamp};
use files_objects::Objects;
use lambda_http::http::header::{CACHE_CONTROL, ETAG};
use lambda_http::http::{HeaderValue, StatusCode};
use lambda_http::{Body, Request, Response};
use serde_json::Value;

/// Shows one file with all there is to say of it.
pub struct GetFile<R> {
    /// Where files are found.
    pub records: R,
    /// Where ffprobe's output is when it is too large for the record.
    pub objects: Objects,
    /// The address clients use, if it is not the gateway's own.
    pub public_url: Option<String>,
}

impl<R: CheckKey + FindFile + Sync> GetFile<R> {
    /// Answers one request.
    ///
    /// # Errors
    /// What the client is told instead.
    pub async fn answer(&self, request: &Request, now: Timestamp) -> Answer {
        let access = authority(request, Scope::Read, now)?;
        let id = for_key_holder(&self.records, &access, file_id(request)).await?;
        let (file, detail) = self.records.find_file_with_detail(&access, id).await?;
        let tag = etag(file.version);
        if is_fresh(request, &tag) {
            return with_etag(not_modified(), &tag);
        }
        let full = self.full_probe(&file, detail.full_probe.as_ref()).await?;
        let base = BaseUrl::of(request, self.public_url.as_deref());
        with_etag(answer(StatusCode::OK, &FileBody::complete(&file, &detail, &full, &base)), &tag)
    }

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

fn with_etag(mut response: Response<Body>, tag: &str) -> Answer {
    response.headers_mut().insert(ETAG, HeaderValue::from_str(tag).map_err(ApiError::internal)?);
    Ok(response)
}
