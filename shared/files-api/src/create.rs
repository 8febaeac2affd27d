use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use files_domain::{FileName, Idempotency, Metadata, SourceHeaders, Timestamp, clean_content_type, limits};
use http::header::CONTENT_TYPE;
use lambda_http::{Body, Request};

use crate::expiry::{check_expiry, moment, two_expiries};
use crate::form::{FilePart, Form};
use crate::json_object::{self, JsonObject, unknown_field};
use crate::params::{check_not_encoded, check_utf8};
use crate::webhook::check_webhook_length;
use crate::{ApiError, Reason, header};

/// A request to create a file, validated as far as possible without the records.
#[derive(Debug)]
pub struct CreateRequest {
    /// Where the bytes come from.
    pub source: CreateSource,
    /// The requested name.
    pub name: Option<FileName>,
    /// The client's metadata.
    pub metadata: Metadata,
    /// Lifetime of the file.
    pub lifetime: Lifetime,
    /// SHA-256 in lower-case hex that the bytes must have.
    pub checksum_sha256: Option<String>,
    /// URL of the webhook for this file, as the client wrote it.
    pub webhook: Option<String>,
    /// The idempotency key, with the hash of the request.
    pub idempotency: Option<Idempotency>,
}

/// How long a new file exists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lifetime {
    /// As long as its owner's files do that are created without a lifetime.
    #[default]
    OfOwner,
    /// Until it is deleted, whatever the owner's default: `"expires_in": null` or `"expires_at": null`.
    Endless,
    /// This long.
    For(Duration),
    /// Until this time.
    Until(Timestamp),
}

/// The source of a file's bytes.
#[derive(Debug)]
pub enum CreateSource {
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
    expires_at: Option<String>,
    never_expires: bool,
    checksum_sha256: Option<String>,
    /// The name of an unknown field, for an error.
    other: Option<String>,
}

impl CreateRequest {
    /// Parses and validates the body of a request that was received at `now`.
    ///
    /// # Errors
    /// [`ApiError`] with the reason of the first invalid field.
    pub fn read(request: Request, now: Timestamp) -> Result<Self, ApiError> {
        let idempotency_key = idempotency_key(&request)?;
        check_not_encoded(&request)?;
        let content_type = header(&request, CONTENT_TYPE.as_str()).unwrap_or_default().to_owned();
        let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if essence == "application/json" {
            check_utf8(&request)?;
        }
        let body = into_bytes(request.into_body());
        let (fields, file) = match essence.as_str() {
            "multipart/form-data" => Fields::from_form(Form::read(body, &content_type)?)?,
            "application/x-www-form-urlencoded" => Fields::from_form(Form::read_urlencoded(&body)?)?,
            "application/json" => (Fields::from_json(JsonObject::read_with_nulls(&body)?)?, None),
            _ if body.is_empty() => return Err(file_or_url_required(None)),
            _ => return Err(Reason::UnsupportedMediaType.into()),
        };
        fields.check(file, idempotency_key, now)
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
    /// Reads the fields of a JSON object. `null` counts as absent, but for the expiry.
    fn from_json(json: JsonObject) -> Result<Self, ApiError> {
        let never_expires = json.is_null("expires_in") || json.is_null("expires_at");
        if json.has("expires_in") && json.has("expires_at") {
            return Err(two_expiries());
        }
        let mut json = json.without_nulls();
        if json.has("file") {
            return Err(ApiError::from(Reason::UnknownField)
                .with_message(NO_FILE_IN_JSON)
                .on_field("file", Some(NO_FILE_IN_JSON.into())));
        }
        let fields = Self {
            never_expires,
            file_url: json.string("file_url", Reason::InvalidUrl)?,
            headers: json.strings("headers", Reason::InvalidHeaders)?,
            name: json.string("name", Reason::InvalidName)?,
            size: json.integer("size", Reason::InvalidSize)?,
            content_type: json.string("content_type", Reason::InvalidContentType)?,
            metadata: json.strings("metadata", Reason::InvalidMetadata)?,
            webhook: json.string("webhook", Reason::InvalidWebhook)?,
            multipart: json.boolean("multipart", Reason::InvalidMultipart)?,
            expires_in: json.integer("expires_in", Reason::InvalidExpiry)?,
            expires_at: json.string("expires_at", Reason::InvalidExpiry)?,
            checksum_sha256: json.string("checksum_sha256", Reason::InvalidChecksum)?,
            other: None,
        };
        let other = json.other_field();
        let names_bytes = fields.file_url.is_some() || fields.size.is_some();
        match other {
            Some(field) if names_bytes => Err(unknown_field(&field)),
            other => Ok(Self { other, ..fields }),
        }
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
            expires_at: take("expires_at"),
            never_expires: false,
            checksum_sha256: take("checksum_sha256"),
            other: other.filter(|name| name != "file"),
        };
        if fields.expires_in.is_some() && fields.expires_at.is_some() {
            return Err(two_expiries());
        }
        let is_empty = file.is_none() && fields.file_url.is_none() && fields.size.is_none();
        if has_file_text && is_empty {
            let message =
                "the part named file has no filename, so it is a text field: send the file with its filename";
            return Err(ApiError::from(Reason::FileOrUrlRequired).on_field("file", Some(message.into())));
        }
        Ok((fields, file))
    }

    /// Checks the fields.
    fn check(
        mut self,
        file: Option<FilePart>,
        key: Option<String>,
        now: Timestamp,
    ) -> Result<CreateRequest, ApiError> {
        if let Some(webhook) = &self.webhook {
            check_webhook_length("webhook", webhook)?;
        }
        let source = self.take_source(file)?;
        let name = self.name.as_deref().map(check_name).transpose()?;
        if name.is_none() && matches!(source, CreateSource::Presigned { .. }) {
            return Err(ApiError::from(Reason::InvalidName)
                .with_message("name is required")
                .on_field("name", Some("missing".into())));
        }
        let mut request = CreateRequest {
            source,
            name,
            metadata: self.metadata.map(check_metadata).transpose()?.unwrap_or_default(),
            lifetime: check_lifetime(self.expires_in, self.expires_at.as_deref(), self.never_expires, now)?,
            checksum_sha256: self.checksum_sha256.map(check_sha256).transpose()?,
            webhook: self.webhook,
            idempotency: None,
        };
        request.idempotency = key.map(|key| Idempotency { key, request_hash: request.hash() });
        Ok(request)
    }

    /// Takes the source of the bytes from the fields, with its headers and media type.
    fn take_source(&mut self, mut file: Option<FilePart>) -> Result<CreateSource, ApiError> {
        let content_type = self.content_type.take().map(check_content_type).transpose()?;
        let headers = self.headers.take().map(check_headers).transpose()?.unwrap_or_default();
        let file_url = self.file_url.take();
        if file_url.is_none() && !headers.is_empty() {
            let message = "headers are sent to the source of file_url, and there is none";
            return Err(ApiError::from(Reason::InvalidHeaders).on_field("headers", Some(message.into())));
        }
        if let Some(file) = &mut file {
            file.content_type = content_type.clone().or(file.content_type.take());
        }
        let multipart = self.multipart.unwrap_or(false);
        let source =
            source(file, file_url, headers, self.size, content_type, multipart, self.name.is_some())?;
        source.ok_or_else(|| file_or_url_required(self.other.take()))
    }
}

/// The message for a field `file` in JSON, such as a file in Base64.
const NO_FILE_IN_JSON: &str = "A file cannot be sent in JSON: send it as multipart/form-data in the field file, or send name and \
    size without file, for a presigned upload";

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
fn source(
    file: Option<FilePart>,
    file_url: Option<String>,
    headers: SourceHeaders,
    size: Option<i128>,
    content_type: Option<String>,
    multipart: bool,
    has_name: bool,
) -> Result<Option<CreateSource>, ApiError> {
    match (file, file_url, size) {
        (Some(file), None, None) => Ok(Some(CreateSource::Bytes(file))),
        (None, Some(url), None) => Ok(Some(CreateSource::Url { url, headers })),
        (None, None, Some(size)) => {
            Ok(Some(CreateSource::Presigned { size: check_size(size)?, content_type, multipart }))
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
    let value =
        json_object::unique_value(text.as_bytes()).map_err(|error| {
            match json_object::repeated_name(&error) {
                Some(name) => repeated_in(field, &name),
                None => ApiError::from(reason).with_message(&message).on_field(field, Some(message)),
            }
        })?;
    json_object::strings(field, value, reason).map(Some)
}

/// Builds the error for a name that the JSON in a field of a form repeats.
fn repeated_in(field: &str, name: &str) -> ApiError {
    let message = format!("The JSON in {field} gives {name} more than once");
    ApiError::from(Reason::RepeatedField).with_message(&message).on_field(field, Some(message))
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

pub(crate) fn check_name(name: &str) -> Result<FileName, ApiError> {
    FileName::clean(name).ok_or_else(|| ApiError::from(Reason::InvalidName).on_field("name", None))
}

fn check_size(size: i128) -> Result<u64, ApiError> {
    u64::try_from(size).map_err(|_| ApiError::from(Reason::InvalidSize).on_field("size", None))
}

fn check_lifetime(
    seconds: Option<i128>,
    at: Option<&str>,
    never_expires: bool,
    now: Timestamp,
) -> Result<Lifetime, ApiError> {
    match (seconds, at) {
        (Some(seconds), _) => check_expiry(seconds).map(Lifetime::For),
        (None, Some(at)) => moment(Some(at), now).map(Lifetime::Until),
        (None, None) if never_expires => Ok(Lifetime::Endless),
        (None, None) => Ok(Lifetime::OfOwner),
    }
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
