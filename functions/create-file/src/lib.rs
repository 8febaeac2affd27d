//! `POST /v1/files`

mod bytes;
mod import;
mod presigned;

use files_api::{
    Answer, ApiError, BaseUrl, CreateRequest, CreateWhat, FileBody, answer, authority, for_key_holder,
};
use files_domain::{
    Authority, CheckKey, CreateFile, Created, Detail, File, FullProbe, Idempotency, QueueImport, RemoveFile,
    Scope, Timestamp,
};
use files_objects::Objects;
use lambda_http::http::header::LOCATION;
use lambda_http::http::{HeaderValue, StatusCode};
use lambda_http::{Body, Request, Response};
use safe_fetch::Allowed;
use serde_json::Value;

use crate::presigned::Announced;

/// Creates files: from the bytes in the request, from a URL, or from bytes that a presigned PUT will bring.
pub struct CreateFileHandler<R, Q> {
    /// Where files are written down.
    pub records: R,
    /// Where their bytes go.
    pub objects: Objects,
    /// Where imports are queued.
    pub imports: Q,
    /// Private hosts that imports may reach.
    pub allowed: Allowed,
    /// Largest file, in bytes.
    pub max_file_bytes: u64,
    /// The address clients use, if it is not the gateway's own.
    pub public_url: Option<String>,
}

/// What all three ways have in common.
struct Order {
    access: Authority,
    base: BaseUrl,
    now: Timestamp,
    request: CreateOptions,
}

/// The request without its bytes.
struct CreateOptions {
    name: Option<files_domain::FileName>,
    metadata: files_domain::Metadata,
    expires_at: Option<Timestamp>,
    checksum_sha256: Option<String>,
    idempotency: Option<Idempotency>,
}

impl<R: CheckKey + CreateFile + RemoveFile + Sync, Q: QueueImport + Sync> CreateFileHandler<R, Q> {
    /// Answers one request.
    ///
    /// # Errors
    /// What the client is told instead.
    pub async fn answer(&self, request: Request, now: Timestamp) -> Answer {
        let access = authority(&request, Scope::Write, now)?;
        let base = BaseUrl::of(&request, self.public_url.as_deref());
        let parsed = CreateRequest::read(request);
        let CreateRequest { what, name, metadata, expires_in, checksum_sha256, idempotency } =
            for_key_holder(&self.records, &access, parsed).await?;
        let expires_at = expires_in.map(|lifetime| now.plus(lifetime));
        let request = CreateOptions { name, metadata, expires_at, checksum_sha256, idempotency };
        let order = Order { access, base, now, request };
        match what {
            CreateWhat::Bytes(part) => self.store(order, part).await,
            CreateWhat::Url { url, headers } => self.import(order, &url, headers).await,
            CreateWhat::Presigned { size, content_type, multipart } => {
                self.presign(order, Announced { size, content_type, multipart }).await
            }
        }
    }

    /// Writes a new file down, or finds the one that the same request had created.
    async fn create(
        &self,
        order: &Order,
        file: File,
        detail: Detail,
    ) -> Result<(bool, File, Detail), ApiError> {
        let idempotency = order.request.idempotency.as_ref();
        Ok(match self.records.create_file(&order.access, &file, &detail, idempotency).await? {
            Created::New => (true, file, detail),
            Created::Before(file, detail) => (false, file, detail),
        })
    }
}

/// The answer about a file that was created, now or before.
fn created(status: StatusCode, order: &Order, file: &File, detail: &Detail) -> FileBodyAnswer {
    let full = match &detail.full_probe {
        Some(FullProbe::Inline(packed)) => files_records::unpack_probe(packed).unwrap_or_default(),
        _ => Value::Null, // get-file shows it
    };
    FileBodyAnswer {
        status,
        location: order.base.file(file.id),
        body: FileBody::complete(file, detail, &full, &order.base),
    }
}

struct FileBodyAnswer {
    status: StatusCode,
    location: String,
    body: FileBody,
}

impl FileBodyAnswer {
    fn send(self) -> Result<Response<Body>, ApiError> {
        let mut response = answer(self.status, &self.body);
        let location = HeaderValue::from_str(&self.location).map_err(ApiError::internal)?;
        response.headers_mut().insert(LOCATION, location);
        Ok(response)
    }
}
