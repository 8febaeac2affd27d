//! Reads an object in S3 by a presigned URL.

use bytes::Bytes;
use http::header::{CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_MATCH, RANGE};
use http::uri::InvalidUri;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Uri};
use lambda_startup::{DownloadError, Downloads};
use media_probe::{FIRST_READ_BYTES, RangeSource, ReadError};

/// Maximum number of bytes for the detection of the media type, enough for the first names in a ZIP archive.
const MAX_HEAD: usize = 8192;
/// Maximum number of bytes of S3's error response, in addition to the requested bytes.
const MAX_ERROR_BYTES: u64 = 64 * 1024;

/// The error of an object that could not be read. A retry with another URL may succeed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ObjectError {
    #[error("the object could not be read")]
    Download(#[from] DownloadError),
    /// 403: the URL, or the session that signed it, has expired. 412: the object has changed since the first read.
    #[error("S3 responded {0}")]
    Status(StatusCode),
    #[error("S3's response lacks {0}")]
    Lacks(HeaderName),
    #[error("S3 sent {0} bytes instead of {1}")]
    Length(usize, u64),
    #[error("no URL")]
    Url(#[from] InvalidUri),
}

/// A version of an object, pinned by its entity tag.
pub(crate) struct Object {
    downloads: Downloads,
    url: Uri,
    size: u64,
    etag: HeaderValue,
    content_type: Option<String>,
    beginning: Bytes,
}

impl Object {
    /// Opens the object of a presigned GET by reading the bytes that every probe reads first. `None`: there is no such object.
    pub(crate) async fn open(downloads: Downloads, url: String) -> Result<Option<Self>, ObjectError> {
        let url: Uri = url.try_into()?;
        let mut response = get(&downloads, &url, range(0, FIRST_READ_BYTES), FIRST_READ_BYTES).await?;
        if response.status() == StatusCode::RANGE_NOT_SATISFIABLE {
            response = get(&downloads, &url, HeaderMap::new(), 0).await?; // an empty object has no valid range
        }
        let size = match response.status() {
            StatusCode::NOT_FOUND => return Ok(None),
            StatusCode::OK => response.body().len() as u64,
            StatusCode::PARTIAL_CONTENT => whole_size(&response)?,
            other => return Err(ObjectError::Status(other)),
        };
        let expected = size.min(FIRST_READ_BYTES);
        let etag = response.headers().get(ETAG).cloned().ok_or(ObjectError::Lacks(ETAG))?;
        let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let content_type = content_type.map(str::to_owned);
        let beginning = exactly(response.into_body(), expected)?;
        Ok(Some(Self { downloads, url, size, etag, content_type, beginning }))
    }

    /// Returns the entity tag, with its quotes.
    pub(crate) fn etag(&self) -> &str {
        self.etag.to_str().unwrap_or_default()
    }

    /// Returns the stored media type.
    pub(crate) fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// Returns the first bytes.
    pub(crate) fn head(&self) -> &[u8] {
        &self.beginning[..self.beginning.len().min(MAX_HEAD)]
    }

    async fn read_on(&self, start: u64, end: u64) -> Result<Bytes, ObjectError> {
        let mut headers = range(start, end);
        headers.insert(IF_MATCH, self.etag.clone());
        let response = get(&self.downloads, &self.url, headers, end - start).await?;
        match response.status() {
            StatusCode::PARTIAL_CONTENT => exactly(response.into_body(), end - start),
            other => Err(ObjectError::Status(other)),
        }
    }
}

impl RangeSource for Object {
    fn size(&self) -> u64 {
        self.size
    }

    async fn read(&self, start: u64, end: u64) -> Result<Bytes, ReadError> {
        if let (Ok(first), Ok(last)) = (usize::try_from(start), usize::try_from(end))
            && last <= self.beginning.len()
        {
            return Ok(self.beginning.slice(first..last));
        }
        self.read_on(start, end).await.map_err(ReadError::new)
    }
}

async fn get(
    downloads: &Downloads,
    url: &Uri,
    headers: HeaderMap,
    bytes: u64,
) -> Result<Response<Bytes>, ObjectError> {
    let room = usize::try_from(bytes + MAX_ERROR_BYTES).unwrap_or(usize::MAX);
    Ok(downloads.get(url, &headers, room).await?)
}

fn range(start: u64, end: u64) -> HeaderMap {
    let value = HeaderValue::try_from(format!("bytes={start}-{}", end - 1));
    value.map(|value| HeaderMap::from_iter([(RANGE, value)])).unwrap_or_default()
}

/// Returns the size of the whole object from the `Content-Range` of a response (RFC 9110, section 14.4).
fn whole_size(response: &Response<Bytes>) -> Result<u64, ObjectError> {
    let header = response.headers().get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
    let size = header.and_then(|text| text.rsplit_once('/')).and_then(|(_, size)| size.parse().ok());
    size.ok_or(ObjectError::Lacks(CONTENT_RANGE))
}

fn exactly(bytes: Bytes, expected: u64) -> Result<Bytes, ObjectError> {
    if bytes.len() as u64 == expected { Ok(bytes) } else { Err(ObjectError::Length(bytes.len(), expected)) }
}
