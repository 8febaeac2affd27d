//! Hashes requests to create a file, so that a request with a used idempotency key can be compared with the first.

use std::collections::BTreeMap;

use files_domain::FileName;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::Url;

use crate::{CreateRequest, CreateSource, FilePart, Lifetime};

impl CreateRequest {
    /// Returns the requested name, or that of the file in a form.
    fn effective_name(&self) -> Option<FileName> {
        let of_file = match &self.source {
            CreateSource::Bytes(file) => file.file_name.as_deref().and_then(FileName::clean),
            _ => None,
        };
        self.name.clone().or(of_file)
    }

    /// Returns the media type with which a file is stored.
    fn content_type_of(&self, file: &FilePart) -> String {
        let name = self.effective_name().unwrap_or_else(FileName::fallback);
        name.content_type(file.content_type.as_deref())
    }

    /// Returns the hash of the request, independent of its spelling: a form's boundary differs between attempts, a checksum may be in
    /// capitals, empty metadata counts as absent.
    pub(crate) fn hash(&self) -> String {
        let source = match &self.source {
            CreateSource::Bytes(file) => json!({"file": (&file.sha256, self.content_type_of(file))}),
            CreateSource::Url { url, headers } => {
                json!({"url": normalized(url), "headers": headers.iter().collect::<BTreeMap<_, _>>()})
            }
            CreateSource::Presigned { size, content_type, multipart } => {
                let usual = self.name.as_ref().map(FileName::usual_content_type);
                let content_type = content_type.as_deref().or(usual);
                json!({"size": size, "content_type": content_type, "multipart": multipart})
            }
        };
        let mut asked = json!({
            "what": source,
            "name": self.effective_name().as_ref().map(FileName::as_str),
            "metadata": self.metadata,
            "expires_in": match self.lifetime {
                Lifetime::OfOwner => Value::Null,
                Lifetime::Endless => json!("never"),
                Lifetime::For(lifetime) => json!(lifetime.as_secs()),
                Lifetime::Until(at) => json!(at.to_string()),
            },
            "checksum_sha256": self.checksum_sha256,
        });
        if let Some(webhook) = &self.webhook {
            asked["webhook"] = json!(normalized(webhook)); // absent without a webhook, so that hashes of earlier versions stay valid
        }
        hex::encode(Sha256::digest(asked.to_string()))
    }
}

/// Returns a URL in the form in which it is requested: without surrounding white space, the host in lower case, without the
/// default port. Text that is not a URL stays.
fn normalized(url: &str) -> String {
    Url::parse(url.trim()).map_or_else(|_| url.to_owned(), Into::into)
}
