use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use files_domain::{FileName, Idempotency, Metadata, SourceHeaders, clean_content_type, limits};
use http::header::CONTENT_TYPE;
use lambda_http::{Body, Request};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::form::{FilePart, Form};
use crate::json_object::{self, JsonObject};
use crate::params::check_not_encoded;
use crate::webhook::check_webhook_length;
use crate::{ApiError, Reason, header};

/// A request to create a file, validated as far as possible without the records.
#[derive(Debug)]
pub struct CreateRequest {
    /// Where the bytes come from.
    pub what: CreateWhat,
    /// The requested name.
    pub name: Option<FileName>,
    /// The client's metadata.
    pub metadata: Metadata,
    /// Lifetime of the file.
    pub expires_in: Option<Duration>,
    /// SHA-256 in lower-case hex that the bytes must have.
    pub checksum_sha256: Option<String>,
    /// URL of the webhook for this file, as the client wrote it.
    pub webhook: Option<String>,
    /// The idempotency key, with the hash of the request.
    pub idempotency: Option<Idempotency>,
}

/// The source of a file's bytes.
#[derive(Debug)]
pub enum CreateWhat {
    /// The bytes are in the request.
    Bytes(FilePart),
    /// An import fetches the bytes.
    Url {
        /// The URL as the client wrote it.
        url: String,
        /// Headers for the requests to the source.
        headers: SourceHeaders,
    },
    /// The client uploads the bytes to S3, by a presigned PUT or a multipart upload.
    Presigned {
        /// Size in bytes.
        size: u64,
        /// Media type, if the client named one.
        content_type: Option<String>,
        /// Whether the client requests a multipart upload.
        multipart: bool,
    },
}

/// The fields of a body in any format.
#[derive(Debug, Default)]
struct Fields {
    file_url: Option<String>,
    headers: Option<BTreeMap<String, String>>,
    name: Option<String>,
    size: Option<i128>,
    content_type: Option<String>,
    metadata: Option<BTreeMap<String, String>>,
    webhook: Option<String>,
    multipart: Option<bool>,
    expires_in: Option<i128>,
    checksum_sha256: Option<String>,
    /// The name of an unknown field, for an error.
    other: Option<String>,
}

impl CreateRequest {
    /// Parses and validates the body.
    ///
    /// # Errors
    /// [`ApiError`] with the reason of the first invalid field.
    pub fn read(request: Request) -> Result<Self, ApiError> {
        let idempotency_key = idempotency_key(&request)?;
        check_not_encoded(&request)?;
        let content_type = header(&request, CONTENT_TYPE.as_str()).unwrap_or_default().to_owned();
        let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let body = into_bytes(request.into_body());
        let (fields, file) = match essence.as_str() {
            "multipart/form-data" => Fields::from_form(Form::read(body, &content_type)?)?,
            "application/x-www-form-urlencoded" => Fields::from_form(Form::read_urlencoded(&body)?)?,
            "application/json" => (Fields::from_json(JsonObject::read(&body)?)?, None),
            _ if body.is_empty() => return Err(file_or_url_required(None)),
            _ => return Err(Reason::UnsupportedMediaType.into()),
        };
        fields.check(file, idempotency_key)
    }
}

/// Returns the bytes of a body without copying them.
fn into_bytes(body: Body) -> Bytes {
    match body {
        Body::Text(text) => text.into(),
        Body::Binary(bytes) => bytes.into(),
        _ => Bytes::new(),
    }
}

fn idempotency_key(request: &Request) -> Result<Option<String>, ApiError> {
    let Some(key) = request.headers().get("idempotency-key") else {
        return Ok(None);
    };
    let key = key.to_str().unwrap_or_default().trim();
    if key.is_empty() || key.len() > limits::MAX_IDEMPOTENCY_KEY_BYTES {
        let message = "Idempotency-Key must be 1 to 255 visible ASCII characters";
        return Err(ApiError::from(Reason::MalformedParameter).with_message(message));
    }
    Ok(Some(key.to_owned()))
}

impl Fields {
    fn from_json(mut json: JsonObject) -> Result<Self, ApiError> {
        let fields = Self {
            file_url: json.string("file_url", Reason::InvalidUrl)?,
            headers: json.strings("headers", Reason::InvalidHeaders)?,
            name: json.string("name", Reason::InvalidName)?,
            size: json.integer("size", Reason::InvalidSize)?,
            content_type: json.string("content_type", Reason::InvalidContentType)?,
            metadata: json.strings("metadata", Reason::InvalidMetadata)?,
            webhook: json.string("webhook", Reason::InvalidWebhook)?,
            multipart: json.boolean("multipart", Reason::InvalidMultipart)?,
            expires_in: json.integer("expires_in", Reason::InvalidExpiry)?,
            checksum_sha256: json.string("checksum_sha256", Reason::InvalidChecksum)?,
            other: None,
        };
        Ok(Self { other: json.other_field(), ..fields })
    }

    /// Reads the fields of a form. An empty text counts as absent.
    fn from_form(mut form: Form) -> Result<(Self, Option<FilePart>), ApiError> {
        let metadata = form_strings(&mut form, "metadata", Reason::InvalidMetadata)?;
        let headers = form_strings(&mut form, "headers", Reason::InvalidHeaders)?;
        let Form { mut texts, file, has_file_text, other_field: other, .. } = form;
        let mut take = |name: &str| texts.remove(name).filter(|text| !text.is_empty());
        let fields = Self {
            file_url: take("file_url"),
            headers,
            name: take("name"),
            size: take("size").map(|text| whole("size", &text, Reason::InvalidSize)).transpose()?,
            content_type: take("content_type"),
            metadata,
            webhook: take("webhook"),
            multipart: take("multipart").map(|text| truth(&text)).transpose()?,
            expires_in: take("expires_in")
                .map(|text| whole("expires_in", &text, Reason::InvalidExpiry))
                .transpose()?,
            checksum_sha256: take("checksum_sha256"),
            other: other.filter(|name| name != "file"),
        };
        let is_empty = file.is_none() && fields.file_url.is_none() && fields.size.is_none();
        if has_file_text && is_empty {
            let message =
                "the part named file has no filename, so it is a text field: send the file with its filename";
            return Err(ApiError::from(Reason::FileOrUrlRequired).on_field("file", Some(message.into())));
        }
        Ok((fields, file))
    }

    fn check(self, mut file: Option<FilePart>, key: Option<String>) -> Result<CreateRequest, ApiError> {
        if let Some(webhook) = &self.webhook {
            check_webhook_length("webhook", webhook)?;
        }
        let content_type = self.content_type.map(check_content_type).transpose()?;
        let headers = self.headers.map(check_headers).transpose()?.unwrap_or_default();
        if self.file_url.is_none() && !headers.is_empty() {
            let message = "headers are sent to the source of file_url, and there is none";
            return Err(ApiError::from(Reason::InvalidHeaders).on_field("headers", Some(message.into())));
        }
        if let Some(file) = &mut file {
            file.content_type = content_type.clone().or(file.content_type.take());
        }
        let multipart = self.multipart.unwrap_or(false);
        let other = self.other;
        let what =
            what(file, self.file_url, headers, self.size, content_type, multipart, self.name.is_some())?
                .ok_or_else(|| file_or_url_required(other))?;
        let name = self.name.as_deref().map(check_name).transpose()?;
        if name.is_none() && matches!(what, CreateWhat::Presigned { .. }) {
            return Err(ApiError::from(Reason::InvalidName)
                .with_message("name is required")
                .on_field("name", Some("missing".into())));
        }
        let mut request = CreateRequest {
            what,
            name,
            metadata: self.metadata.map(check_metadata).transpose()?.unwrap_or_default(),
            expires_in: self.expires_in.map(check_expiry).transpose()?,
            checksum_sha256: self.checksum_sha256.map(check_sha256).transpose()?,
            webhook: self.webhook,
            idempotency: None,
        };
        request.idempotency = key.map(|key| Idempotency { key, request_hash: request.hash() });
        Ok(request)
    }
}

/// Builds the error for a request without bytes. Its details name the three ways to give them, and an unknown field.
fn file_or_url_required(other: Option<String>) -> ApiError {
    let error = ApiError::from(Reason::FileOrUrlRequired)
        .on_field("file", Some("a file in a multipart/form-data form".into()))
        .on_field("file_url", Some("or the URL of a file to import".into()))
        .on_field("size", Some("or name and size, for a presigned upload".into()));
    match other {
        Some(name) => error.with_detail(&name, Reason::UnknownField.as_str(), Reason::UnknownField.message()),
        None => error,
    }
}

/// Returns the requested source of the bytes; `None` if there is none.
fn what(
    file: Option<FilePart>,
    file_url: Option<String>,
    headers: SourceHeaders,
    size: Option<i128>,
    content_type: Option<String>,
    multipart: bool,
    has_name: bool,
) -> Result<Option<CreateWhat>, ApiError> {
    match (file, file_url, size) {
        (Some(file), None, None) => Ok(Some(CreateWhat::Bytes(file))),
        (None, Some(url), None) => Ok(Some(CreateWhat::Url { url, headers })),
        (None, None, Some(size)) => {
            Ok(Some(CreateWhat::Presigned { size: check_size(size)?, content_type, multipart }))
        }
        (None, None, None) if has_name => {
            Err(ApiError::from(Reason::InvalidSize).on_field("size", Some("missing".into())))
        }
        (None, None, None) => Ok(None),
        _ => Err(Reason::FileAndUrlGiven.into()),
    }
}

/// Removes an object of strings from a form: JSON in a field, or members in fields such as `metadata[project]`.
pub(crate) fn form_strings(
    form: &mut Form,
    field: &str,
    reason: Reason,
) -> Result<Option<BTreeMap<String, String>>, ApiError> {
    if let Some(members) = form.members.remove(field) {
        return Ok(Some(members));
    }
    let Some(text) = form.texts.remove(field).filter(|text| !text.is_empty()) else { return Ok(None) };
    let message = format!("{field} must be a JSON object of strings, or fields such as {field}[key]");
    let value = json_object::unique_value(text.as_bytes())
        .map_err(|_| ApiError::from(reason).with_message(&message).on_field(field, Some(message)))?;
    json_object::strings(field, value, reason).map(Some)
}

fn whole(field: &str, text: &str, reason: Reason) -> Result<i128, ApiError> {
    text.trim().parse().map_err(|_| {
        let message = format!("{field} must be a whole number");
        ApiError::from(reason).with_message(&message).on_field(field, Some(message))
    })
}

fn truth(text: &str) -> Result<bool, ApiError> {
    match text.trim() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(ApiError::from(Reason::InvalidMultipart).on_field("multipart", None)),
    }
}

impl CreateRequest {
    /// Returns the hash of the request, independent of its spelling: a form's boundary differs between attempts, a checksum may be in
    /// capitals, empty metadata counts as absent.
    fn hash(&self) -> String {
        let what = match &self.what {
            CreateWhat::Bytes(file) => json!({"file": (&file.sha256, &file.file_name, &file.content_type)}),
            CreateWhat::Url { url, headers } => {
                json!({"url": url, "headers": headers.iter().collect::<BTreeMap<_, _>>()})
            }
            CreateWhat::Presigned { size, content_type, multipart } => {
                json!({"size": size, "content_type": content_type, "multipart": multipart})
            }
        };
        let mut asked = json!({
            "what": what,
            "name": self.name.as_ref().map(FileName::as_str),
            "metadata": self.metadata,
            "expires_in": self.expires_in.map(|lifetime| lifetime.as_secs()),
            "checksum_sha256": self.checksum_sha256,
        });
        if let Some(webhook) = &self.webhook {
            asked["webhook"] = json!(webhook); // absent without a webhook, so that hashes of earlier versions stay valid
        }
        hex::encode(Sha256::digest(asked.to_string()))
    }
}

pub(crate) fn check_name(name: &str) -> Result<FileName, ApiError> {
    FileName::clean(name).ok_or_else(|| ApiError::from(Reason::InvalidName).on_field("name", None))
}

fn check_size(size: i128) -> Result<u64, ApiError> {
    u64::try_from(size).map_err(|_| ApiError::from(Reason::InvalidSize).on_field("size", None))
}

pub(crate) fn check_expiry(seconds: i128) -> Result<Duration, ApiError> {
    let seconds = u64::try_from(seconds).ok().filter(|s| (1..=limits::MAX_EXPIRES_IN.as_secs()).contains(s));
    seconds
        .map(Duration::from_secs)
        .ok_or_else(|| ApiError::from(Reason::InvalidExpiry).on_field("expires_in", None))
}

fn check_sha256(digest: String) -> Result<String, ApiError> {
    let digest = digest.to_ascii_lowercase();
    let good = digest.len() == 64 && digest.bytes().all(|b| b.is_ascii_hexdigit());
    if good {
        Ok(digest)
    } else {
        Err(ApiError::from(Reason::InvalidChecksum).on_field("checksum_sha256", None))
    }
}

fn check_content_type(text: String) -> Result<String, ApiError> {
    let wrong = || ApiError::from(Reason::InvalidContentType).on_field("content_type", None);
    clean_content_type(&text).ok_or_else(wrong)
}

pub(crate) fn check_headers(entries: BTreeMap<String, String>) -> Result<SourceHeaders, ApiError> {
    SourceHeaders::new(entries)
        .map_err(|error| ApiError::from(Reason::InvalidHeaders).on_field("headers", Some(error.to_string())))
}

pub(crate) fn check_metadata(entries: BTreeMap<String, String>) -> Result<Metadata, ApiError> {
    Metadata::new(entries).map_err(|error| {
        ApiError::from(Reason::InvalidMetadata).on_field("metadata", Some(error.to_string()))
    })
}

#[cfg(test)]
#[path = "create_tests.rs"]
mod tests;
