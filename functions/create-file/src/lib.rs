//! The function of `POST /v1/files`: creates files.

mod bytes;
mod import;
mod presigned;
mod token;

use files_api::{
    ApiError, ApiResult, BaseUrl, CreateRequest, CreateSource, Endpoint, FileBody, Lifetime, Reason,
    audit_file, authenticate_uploader, respond,
};
use files_domain::{Caller, Detail, File, FullProbe, Idempotency, Timestamp};
use files_objects::Objects;
use files_queues::{ImportMessage, Queue};
use files_records::{ClientRecords, Created};
use lambda_http::Request;
use lambda_http::http::header::LOCATION;
use lambda_http::http::{HeaderValue, StatusCode};
use safe_fetch::{Allowed, SourceUrl};
use serde_json::Value;

use crate::presigned::AnnouncedUpload;

/// Creates files from the bytes in the request, from a URL, or for bytes that the client uploads to S3.
pub struct CreateFile {
    /// The records.
    pub records: ClientRecords,
    /// The objects.
    pub objects: Objects,
    /// The queue of `import-file`.
    pub imports: Queue<ImportMessage>,
    /// The private hosts that imports may reach.
    pub allowed: Allowed,
    /// The largest file, in bytes.
    pub max_file_bytes: u64,
    /// The URL of the API, if it is not that of API Gateway.
    pub public_url: Option<String>,
}

/// The caller and the options of a request, which all ways to create a file need.
struct RequestContext {
    caller: Caller,
    base: BaseUrl,
    request: CreateOptions,
}

/// The fields of a request, without its bytes.
struct CreateOptions {
    name: Option<files_domain::FileName>,
    metadata: files_domain::Metadata,
    expires_at: Option<Timestamp>,
    checksum_sha256: Option<String>,
    webhook: Option<String>,
    idempotency: Option<Idempotency>,
}

impl Endpoint for CreateFile {
    async fn handle(&self, request: Request, now: Timestamp) -> ApiResult {
        let base = BaseUrl::of(&request, self.public_url.as_deref());
        let parse = |request, caller: &Caller| self.read(request, caller.now);
        let (caller, request) = authenticate_uploader(&self.records, request, now, parse).await?;
        let request = self.bounded(&caller, request).await?;
        let CreateRequest { source, name, metadata, lifetime, checksum_sha256, webhook, idempotency } =
            request;
        let expires_at = self.expiry(&caller, lifetime).await?;
        let request = CreateOptions { name, metadata, expires_at, checksum_sha256, webhook, idempotency };
        let context = RequestContext { caller, base, request };
        match source {
            CreateSource::Bytes(part) => self.store(context, part).await,
            CreateSource::Url { url, headers } => self.import(context, &url, headers).await,
            CreateSource::Presigned { size, content_type, multipart } => {
                self.presign(context, AnnouncedUpload { size, content_type, multipart }).await
            }
        }
    }
}

impl CreateFile {
    /// Reads a request. Checks the URL of a webhook as that of an import.
    fn read(&self, request: Request, now: Timestamp) -> Result<CreateRequest, ApiError> {
        let request = CreateRequest::read(request, now)?;
        let webhook = request.webhook.as_deref().map(|url| SourceUrl::parse(url, &self.allowed)).transpose();
        let webhook = webhook.map_err(|error| {
            ApiError::from(Reason::InvalidWebhook).on_field("webhook", Some(error.to_string()))
        })?;
        Ok(CreateRequest { webhook: webhook.map(|url| url.as_str().to_owned()), ..request })
    }

    /// Returns when a new file expires; `None`: never.
    async fn expiry(&self, caller: &Caller, lifetime: Lifetime) -> Result<Option<Timestamp>, ApiError> {
        let lifetime = match lifetime {
            Lifetime::OfOwner => self.records.owner_limits(caller).await?.retention(),
            Lifetime::Endless => None,
            Lifetime::For(lifetime) => Some(lifetime),
            Lifetime::Until(at) => return Ok(Some(at)),
        };
        Ok(lifetime.map(|lifetime| caller.now.plus(lifetime)))
    }

    /// Writes the record of a new file, or finds the file that an earlier attempt of the same request has created.
    async fn create(
        &self,
        context: &RequestContext,
        file: File,
        detail: Detail,
    ) -> Result<(File, Detail), ApiError> {
        let idempotency = context.request.idempotency.as_ref();
        let webhook = context.request.webhook.clone();
        let (file, detail) = (File { notify: webhook.is_some(), ..file }, Detail { webhook, ..detail });
        let (file, detail) =
            match self.records.create_file(&context.caller, &file, &detail, idempotency).await? {
                Created::New => (file, detail),
                Created::Before(file, detail) => (file, detail),
            };
        audit_file(file.id);
        Ok((file, detail))
    }
}

/// Builds the response for a file that this request, or an earlier attempt of it, has created.
fn created(status: StatusCode, context: &RequestContext, file: &File, detail: &Detail) -> CreatedResponse {
    let full = match &detail.full_probe {
        Some(FullProbe::Inline(packed)) => files_records::unpack_probe(packed).unwrap_or_default(),
        _ => Value::Null, // only get-file reads it from S3
    };
    CreatedResponse {
        status,
        location: context.base.file(file.id),
        body: FileBody::complete(file, detail, &full, &context.base),
    }
}

struct CreatedResponse {
    status: StatusCode,
    location: String,
    body: FileBody,
}

impl CreatedResponse {
    fn build(self) -> ApiResult {
        let mut response = respond(self.status, &self.body);
        let location = HeaderValue::from_str(&self.location).map_err(ApiError::internal)?;
        response.headers_mut().insert(LOCATION, location);
        Ok(response)
    }
}
