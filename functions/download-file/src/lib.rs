//! The function of `GET` and `HEAD /v1/files/{id}/{filename}`: redirects to the bytes of a file.

mod query;

use files_api::{ApiError, ApiResult, Endpoint, Reason, authenticate, file_id, file_name};
use files_domain::{File, Scope, Timestamp, spelling};
use files_objects::{DownloadHeaders, Objects, ObjectsError, Presigned};
use files_records::ClientRecords;
use lambda_http::Request;
use lambda_http::http::Method;

use crate::query::DownloadQuery;

/// Redirects clients to a presigned URL of a file's bytes.
pub struct DownloadFile {
    /// The records.
    pub records: ClientRecords,
    /// The objects.
    pub objects: Objects,
}

impl Endpoint for DownloadFile {
    async fn handle(&self, request: Request, now: Timestamp) -> ApiResult {
        let parse = |request: &Request, _: &_| Ok((DownloadQuery::read(request)?, file_id(request)?));
        let (caller, (query, id)) =
            authenticate(self.records.keys(), &request, Scope::Read, now, parse).await?;
        let file = self.records.find_file(&caller, id).await?;
        check_name(&request, &file)?;
        if !self.has_bytes(&file).await? {
            return Err(no_bytes(&file));
        }
        let head = request.method() == Method::HEAD && query.url.redirect;
        let presigned = self.presign(&file, &query, head, now).await?;
        query.url.respond(&presigned)
    }
}

impl DownloadFile {
    /// Returns whether S3 has the bytes. The record of an unprobed file does not contain this, so this sends a HEAD request to S3.
    async fn has_bytes(&self, file: &File) -> Result<bool, ApiError> {
        if file.status().is_terminal() || file.import().is_some() {
            return Ok(file.has_bytes());
        }
        match self.objects.head_file(file.owner, file.id).await {
            Ok(_) => Ok(true),
            Err(ObjectsError::NotFound) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    async fn presign(
        &self,
        file: &File,
        query: &DownloadQuery,
        head: bool,
        now: Timestamp,
    ) -> Result<Presigned, ApiError> {
        // The declared type of unprobed bytes is unchecked, so they are served as an attachment.
        let content_type = file.content_type.as_deref().filter(|_| file.has_bytes());
        let headers = DownloadHeaders::new(&file.name, content_type, query.disposition);
        let lifetime = query.url.lifetime(file, now);
        Ok(self.objects.presign_download(file, &headers, head, now, lifetime).await?)
    }
}

/// Checks that the path has the file's name, or an earlier one. The id identifies the file, so every spelling in which a name may
/// reach the function is accepted.
fn check_name(request: &Request, file: &File) -> Result<(), ApiError> {
    let (as_sent, decoded) = file_name(request);
    let is_named = file.is_named(&[spelling(&as_sent), spelling(&decoded)]);
    if is_named { Ok(()) } else { Err(Reason::NotFound.into()) }
}

fn no_bytes(file: &File) -> ApiError {
    let message = match file.error() {
        Some(error) => format!("The file has no bytes to download: {error}"),
        None => format!("The file has no bytes to download yet: its status is {}", file.status()),
    };
    ApiError::from(Reason::NoBytesYet).with_message(message)
}
