use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use files_domain::{FileName, Idempotency, Metadata, SourceHeaders, clean_content_type, limits};
use http::header::CONTENT_TYPE;
use lambda_http::{Body, Request};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::form::{FilePart, Form};
use crate::{ApiError, Reason, header};

/// A request to create a file, checked as far as that needs no store.
#[derive(Debug)]
pub struct CreateRequest {
    /// How the bytes come.
    pub what: CreateWhat,
    /// The name asked for.
    pub name: Option<FileName>,
    /// The caller's own strings.
    pub metadata: Metadata,
    /// How long the file shall live.
    pub expires_in: Option<Duration>,
    /// SHA-256 in lower-case hex that the bytes must have.
    pub checksum_sha256: Option<String>,
    /// The client's promise that the same key means the same request.
    pub idempotency: Option<Idempotency>,
}

/// How a file's bytes come.
#[derive(Debug)]
pub enum CreateWhat {
    /// With this request.
    Bytes(FilePart),
    /// From elsewhere.
    Url {
        /// Where, as the client wrote it.
        url: String,
        /// What to send along to the source.
        headers: SourceHeaders,
    },
    /// By a presigned PUT, or by several of its parts.
    Presigned {
        /// Bytes.
        size: u64,
        /// Media type, if the client named one.
        content_type: Option<String>,
        /// Whether the client wants it to come in parts.
        multipart: bool,
    },
}

/// The fields of either kind of body.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Fields {
    file_url: Option<String>,
    headers: Option<Value>,
    name: Option<String>,
    size: Option<i128>,
    content_type: Option<String>,
    metadata: Option<Value>,
    webhook: Option<Value>,
    multipart: Option<bool>,
    expires_in: Option<i128>,
    checksum_sha256: Option<String>,
}

impl CreateRequest {
    /// Reads and checks the body.
    ///
    /// # Errors
    /// What is wrong with it.
    pub async fn read(request: Request) -> Result<Self, ApiError> {
        let idempotency_key = idempotency_key(&request)?;
        let content_type = header(&request, CONTENT_TYPE.as_str()).unwrap_or_default().to_owned();
        let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let body = into_bytes(request.into_body());
        let (fields, file) = match essence.as_str() {
            "multipart/form-data" => {
                let form = Form::read(body, &content_type).await?;
                (Fields::from_form(form.texts)?, form.file)
            }
            "application/json" => (Fields::from_json(&body)?, None),
            _ if body.is_empty() => return Err(Reason::FileOrUrlRequired.into()),
            _ => return Err(Reason::UnsupportedMediaType.into()),
        };
        let request_hash = fields.hash(file.as_ref());
        let idempotency = idempotency_key.map(|key| Idempotency { key, request_hash });
        fields.check(file, idempotency)
    }
}

/// The body as bytes, moved, not copied.
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
    fn from_json(body: &[u8]) -> Result<Self, ApiError> {
        serde_json::from_slice(body).map_err(|error| {
            let message =
                format!("The JSON body cannot be read (line {}, column {})", error.line(), error.column());
            ApiError::from(Reason::MalformedRequest).with_message(message) // the error itself would quote the body
        })
    }

    fn from_form(mut texts: BTreeMap<String, String>) -> Result<Self, ApiError> {
        let mut take = |name: &str| texts.remove(name).filter(|text| !text.is_empty());
        let metadata = take("metadata").map(|text| serde_json::from_str(&text));
        let headers = take("headers").map(|text| serde_json::from_str(&text));
        let whole = |text: Option<String>, reason: Reason| {
            text.map(|text| text.trim().parse().map_err(|_| ApiError::from(reason))).transpose()
        };
        Ok(Self {
            file_url: take("file_url"),
            headers: headers
                .transpose()
                .map_err(|_| ApiError::from(Reason::InvalidHeaders).on_field("headers", None))?,
            name: take("name"),
            size: whole(take("size"), Reason::InvalidSize)?,
            content_type: take("content_type"),
            metadata: metadata.transpose().map_err(|_| ApiError::from(Reason::InvalidMetadata))?,
            webhook: take("webhook").map(Value::String),
            multipart: None,
            expires_in: whole(take("expires_in"), Reason::InvalidExpiry)?,
            checksum_sha256: take("checksum_sha256"),
        })
    }

    /// What the request asks for, whichever way it is written: a form's boundary may differ from try to try.
    fn hash(&self, file: Option<&FilePart>) -> String {
        let mut asked = json!({
            "file": file.map(|file| (&file.sha256, &file.file_name, &file.content_type)),
            "file_url": self.file_url,
            "name": self.name,
            "size": self.size.map(|size| size.to_string()),
            "content_type": self.content_type,
            "metadata": self.metadata,
            "expires_in": self.expires_in.map(|seconds| seconds.to_string()),
            "checksum_sha256": self.checksum_sha256,
            "multipart": self.multipart.unwrap_or(false),
        });
        // Not always there: what was asked before there were headers has the hash it had.
        if let Some(headers) = self.headers.as_ref().filter(|headers| !headers.is_null()) {
            asked["headers"] = headers.clone();
        }
        hex::encode(Sha256::digest(asked.to_string()))
    }

    fn check(
        self,
        file: Option<FilePart>,
        idempotency: Option<Idempotency>,
    ) -> Result<CreateRequest, ApiError> {
        if self.webhook.as_ref().is_some_and(|webhook| !webhook.is_null()) {
            return Err(ApiError::from(Reason::NotAvailable).on_field("webhook", None));
        }
        let content_type = self.content_type.map(check_content_type).transpose()?;
        let headers = self.headers.map(check_headers).transpose()?.unwrap_or_default();
        if self.file_url.is_none() && !headers.is_empty() {
            let message = "headers are sent to the source of file_url, and there is none";
            return Err(ApiError::from(Reason::InvalidHeaders).on_field("headers", Some(message.into())));
        }
        let what = match (file, self.file_url, self.size) {
            (Some(mut file), None, None) => {
                file.content_type = content_type.or(file.content_type);
                CreateWhat::Bytes(file)
            }
            (None, Some(url), None) => CreateWhat::Url { url, headers },
            (None, None, Some(size)) => CreateWhat::Presigned {
                size: check_size(size)?,
                content_type,
                multipart: self.multipart.unwrap_or(false),
            },
            (None, None, None) if self.name.is_some() => {
                return Err(ApiError::from(Reason::InvalidSize).on_field("size", Some("missing".into())));
            }
            (None, None, None) => return Err(Reason::FileOrUrlRequired.into()),
            _ => return Err(Reason::FileAndUrlGiven.into()),
        };
        let name = self.name.as_deref().map(check_name).transpose()?;
        if name.is_none() && matches!(what, CreateWhat::Presigned { .. }) {
            return Err(ApiError::from(Reason::InvalidName)
                .with_message("name is required")
                .on_field("name", Some("missing".into())));
        }
        Ok(CreateRequest {
            what,
            name,
            metadata: self.metadata.map(check_metadata).transpose()?.unwrap_or_default(),
            expires_in: self.expires_in.map(check_expiry).transpose()?,
            checksum_sha256: self.checksum_sha256.map(check_sha256).transpose()?,
            idempotency,
        })
    }
}

fn check_name(name: &str) -> Result<FileName, ApiError> {
    FileName::clean(name).ok_or_else(|| ApiError::from(Reason::InvalidName).on_field("name", None))
}

fn check_size(size: i128) -> Result<u64, ApiError> {
    u64::try_from(size).map_err(|_| ApiError::from(Reason::InvalidSize).on_field("size", None))
}

fn check_expiry(seconds: i128) -> Result<Duration, ApiError> {
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

pub(crate) fn check_headers(value: Value) -> Result<SourceHeaders, ApiError> {
    if value.is_null() {
        return Ok(SourceHeaders::default());
    }
    let invalid =
        |message: Option<String>| ApiError::from(Reason::InvalidHeaders).on_field("headers", message);
    let entries: BTreeMap<String, String> = serde_json::from_value(value).map_err(|_| invalid(None))?;
    SourceHeaders::new(entries).map_err(|error| invalid(Some(error.to_string())))
}

fn check_metadata(value: Value) -> Result<Metadata, ApiError> {
    if value.is_null() {
        return Ok(Metadata::default());
    }
    let invalid =
        |message: Option<String>| ApiError::from(Reason::InvalidMetadata).on_field("metadata", message);
    let entries: BTreeMap<String, String> = serde_json::from_value(value).map_err(|_| invalid(None))?;
    Metadata::new(entries).map_err(|error| invalid(Some(error.to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn json(body: Value) -> Result<CreateRequest, ApiError> {
        let request = http::Request::builder().header("content-type", "application/json; charset=utf-8");
        CreateRequest::read(request.body(Body::Text(body.to_string())).unwrap()).await
    }

    #[tokio::test]
    async fn each_of_the_ways_is_told_from_the_others() {
        let presigned = json(json!({"name": "a.mp4", "size": 7, "content_type": "video/mp4"})).await.unwrap();
        assert!(matches!(
            presigned.what,
            CreateWhat::Presigned { size: 7, content_type: Some(_), multipart: false }
        ));
        let by_parts = json(json!({"name": "a.mp4", "size": 7, "multipart": true})).await.unwrap();
        assert!(matches!(by_parts.what, CreateWhat::Presigned { multipart: true, .. }));
        let import = json(json!({"file_url": "https://example.com/a", "name": "b"})).await.unwrap();
        assert!(matches!(import.what, CreateWhat::Url { url, headers }
            if url == "https://example.com/a" && headers.is_empty()));
    }

    #[tokio::test]
    async fn a_source_may_be_sent_headers_and_nothing_shows_them() {
        let import = json!({"file_url": "https://a.example", "headers": {"Referer": "https://hush.example"}});
        let request = json(import).await.unwrap();
        assert!(!format!("{request:?}").contains("hush"), "{request:?}");
        let CreateWhat::Url { headers, .. } = request.what else { panic!("an import") };
        assert_eq!(headers.iter().collect::<Vec<_>>(), [("referer", "https://hush.example")]);

        for (body, known) in [
            (json!({"name": "a", "size": 1, "headers": {"Cookie": "hush"}}), "there is none"),
            (json!({"file_url": "https://a.example", "headers": "Cookie: hush"}), "an object of strings"),
            (
                json!({"file_url": "https://a.example", "headers": {"Cookie": ["hush"]}}),
                "an object of strings",
            ),
            (json!({"file_url": "https://a.example", "headers": {"Host": "hush"}}), "Host cannot be sent"),
            (json!({"file_url": "https://a.example", "headers": {"Cookie": "hush\r\n"}}), "visible ASCII"),
        ] {
            let error = json(body).await.unwrap_err();
            assert_eq!(error.reason(), Reason::InvalidHeaders);
            let shown = format!("{error:?}");
            assert!(
                shown.contains(known) && shown.contains("\"headers\"") && !shown.contains("hush"),
                "{shown}"
            );
        }
        for none in [json!(null), json!({})] {
            assert!(json(json!({"name": "a", "size": 1, "headers": none})).await.is_ok());
        }
    }

    #[tokio::test]
    async fn what_is_wrong_is_said() {
        for (body, reason) in [
            (json!({}), Reason::FileOrUrlRequired),
            (json!({"name": "a"}), Reason::InvalidSize),
            (json!({"size": 3}), Reason::InvalidName),
            (json!({"name": "..", "size": 3}), Reason::InvalidName),
            (json!({"name": "a", "size": -1}), Reason::InvalidSize),
            (json!({"name": "a", "size": 1, "file_url": "https://x"}), Reason::FileAndUrlGiven),
            (json!({"name": "a", "size": 1, "content_type": "video"}), Reason::InvalidContentType),
            (json!({"name": "a", "size": 1, "content_type": "a/b\r\nx: y"}), Reason::InvalidContentType),
            (json!({"name": "a", "size": 1, "checksum_sha256": "00"}), Reason::InvalidChecksum),
            (json!({"name": "a", "size": 1, "expires_in": 0}), Reason::InvalidExpiry),
            (json!({"name": "a", "size": 1, "metadata": {"k": 1}}), Reason::InvalidMetadata),
            (json!({"name": "a", "size": 1, "webhook": "https://x"}), Reason::NotAvailable),
            (json!({"name": "a", "size": 1, "multipart": "yes"}), Reason::MalformedRequest),
            (json!({"name": 1}), Reason::MalformedRequest),
            (json!([]), Reason::FileOrUrlRequired),
        ] {
            let shown = body.to_string();
            assert_eq!(json(body).await.unwrap_err().reason(), reason, "{shown}");
        }
    }

    #[tokio::test]
    async fn the_same_request_has_the_same_hash_whatever_its_spelling() {
        let hash = |body: &'static str| async move {
            let request = http::Request::builder()
                .header("content-type", "application/json")
                .header("Idempotency-Key", "k");
            let request = CreateRequest::read(request.body(Body::Text(body.into())).unwrap()).await.unwrap();
            request.idempotency.unwrap().request_hash
        };
        let one = hash(r#"{"name":"a","size":1,"metadata":{"x":"1","y":"2"}}"#).await;
        assert_eq!(one, hash(r#"{"metadata":{"y":"2","x":"1"}, "size":1, "name":"a"}"#).await);
        assert_ne!(one, hash(r#"{"name":"a","size":2,"metadata":{"x":"1","y":"2"}}"#).await);
        let by_parts = r#"{"name":"a","size":1,"metadata":{"x":"1","y":"2"},"multipart":true}"#;
        assert_ne!(one, hash(by_parts).await);
        let import = hash(r#"{"file_url":"https://a.example"}"#).await;
        assert_eq!(import, hash(r#"{"file_url":"https://a.example","headers":null}"#).await);
        let with_headers = hash(r#"{"file_url":"https://a.example","headers":{"Cookie":"a"}}"#).await;
        assert_ne!(import, with_headers);
        assert_ne!(with_headers, hash(r#"{"file_url":"https://a.example","headers":{"Cookie":"b"}}"#).await);
    }
}
