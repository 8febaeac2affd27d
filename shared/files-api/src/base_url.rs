use files_domain::{FileId, FileName};
use lambda_http::request::RequestContext;
use lambda_http::{Request, RequestExt};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The characters of a path segment that are encoded: all except the unreserved ones (RFC 3986, section 2.3).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The URL of the API as clients reach it, without a path. It is never taken from the `Host` header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl(String);

impl BaseUrl {
    /// Returns the configured URL, otherwise that of API Gateway's domain name in the request.
    #[must_use]
    pub fn of(request: &Request, configured: Option<&str>) -> Self {
        if let Some(url) = configured {
            return Self(url.trim_end_matches('/').to_owned());
        }
        let domain = match request.request_context_ref() {
            Some(RequestContext::ApiGatewayV2(context)) => context.domain_name.clone(),
            _ => None,
        };
        Self(format!("https://{}", domain.unwrap_or_default()))
    }

    /// Returns a configured URL, for functions without requests.
    #[must_use]
    pub fn configured(url: &str) -> Self {
        Self(url.trim_end_matches('/').to_owned())
    }

    /// Returns the URL of a file.
    #[must_use]
    pub fn file(&self, id: FileId) -> String {
        format!("{}/v1/files/{id}", self.0)
    }

    /// Returns the URL of a file's poster.
    #[must_use]
    pub fn poster(&self, id: FileId) -> String {
        format!("{}/v1/posters/{id}", self.0)
    }

    /// Returns the URL for the download of a file. HTTP APIs decode a path twice, truncate it at a question mark that appears after the
    /// first decoding, and reject a percent sign without two digits, so these two characters of a name are encoded twice.
    #[must_use]
    pub fn download(&self, id: FileId, name: &FileName) -> String {
        let name = name.as_str().replace('%', "%25").replace('?', "%3F");
        format!("{}/{}", self.file(id), utf8_percent_encode(&name, SEGMENT))
    }

    /// Returns the URL of a list with this query.
    #[must_use]
    pub fn list(&self, query: &str) -> String {
        format!("{}/v1/files?{query}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use files_domain::Timestamp;

    #[test]
    fn a_name_is_one_path_segment() {
        let base = BaseUrl("https://files.example".into());
        let id = FileId::new(Timestamp::from_millis(1));
        let url = base.download(id, &FileName::clean("a b?#%🎬.mp4").unwrap());
        assert_eq!(url, format!("https://files.example/v1/files/{id}/a%20b%253F%23%2525%F0%9F%8E%AC.mp4"));
    }
}
