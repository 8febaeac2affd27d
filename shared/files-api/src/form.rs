use std::collections::BTreeMap;

use bytes::Bytes;
use files_domain::clean_content_type;
use files_domain::limits::MAX_API_UPLOAD_BYTES;
use futures_util::stream::{self, Stream};
use multer::{Field, Multipart};
use sha2::{Digest, Sha256};

use crate::{ApiError, Reason};

/// Fields that are text, and the longest text that is read of one, in bytes.
const MAX_TEXT_BYTES: usize = 64 * 1024;
/// More parts than this are nobody's form.
const MAX_PARTS: usize = 32;
/// How much of the body is handed to the parser at a time: it copies what it is given.
const SLICE_BYTES: usize = 64 * 1024;

/// A form's text fields and its file.
#[derive(Debug, Default)]
pub(crate) struct Form {
    pub(crate) texts: BTreeMap<String, String>,
    pub(crate) file: Option<FilePart>,
}

/// The `file` of a form: where it is in the body, and what was found when reading over it. Its bytes are read out of the
/// body again when they are sent on, so that they are never in memory twice.
#[derive(Clone, Debug)]
pub struct FilePart {
    body: Bytes,
    boundary: String,
    index: usize,
    /// The name that the form gives.
    pub file_name: Option<String>,
    /// The type that the form gives.
    pub content_type: Option<String>,
    /// Bytes.
    pub size: u64,
    /// SHA-256 in hex.
    pub sha256: String,
}

fn parser(body: Bytes, boundary: &str) -> Multipart<'static> {
    let slices = stream::unfold(body, |mut rest| async move {
        // The parser takes all that is ready before it looks at any of it: so each slice is ready only after a pause.
        tokio::task::yield_now().await;
        let next = rest.split_to(rest.len().min(SLICE_BYTES));
        (!next.is_empty()).then_some((Ok::<_, std::io::Error>(next), rest))
    });
    Multipart::new(slices, boundary)
}

fn malformed(error: multer::Error) -> ApiError {
    ApiError::from(Reason::MalformedRequest)
        .with_message("The multipart body cannot be read")
        .caused_by(error)
}

impl Form {
    /// Reads a form. The file is read over, not kept.
    pub(crate) async fn read(body: Bytes, content_type: &str) -> Result<Self, ApiError> {
        let boundary = multer::parse_boundary(content_type).map_err(malformed)?;
        let mut parts = parser(body.clone(), &boundary);
        let mut form = Self::default();
        let mut count = 0;
        while let Some(mut field) = parts.next_field().await.map_err(malformed)? {
            count += 1;
            if count > MAX_PARTS {
                return Err(
                    ApiError::from(Reason::MalformedRequest).with_message("The form has too many parts")
                );
            }
            match field.name().map(str::to_owned) {
                Some(name) if name == "file" => {
                    let file = FilePart::scan(&mut field, &body, &boundary).await?;
                    if form.file.is_some() {
                        let once = "Only one file can be sent at a time";
                        return Err(ApiError::from(Reason::FileAndUrlGiven).with_message(once));
                    }
                    form.file = Some(file).filter(|file| !file.is_unused_input());
                }
                Some(name) => {
                    let text = read_text(&mut field, &name).await?;
                    form.texts.insert(name, text);
                }
                None => {
                    return Err(
                        ApiError::from(Reason::MalformedRequest).with_message("A form field has no name")
                    );
                }
            }
        }
        Ok(form)
    }
}

async fn read_text(field: &mut Field<'_>, name: &str) -> Result<String, ApiError> {
    let mut text = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(malformed)? {
        if text.len() + chunk.len() > MAX_TEXT_BYTES {
            return Err(ApiError::from(Reason::MalformedRequest).with_message("A form field is too long"));
        }
        text.extend_from_slice(&chunk);
    }
    String::from_utf8(text).map_err(|error| {
        let shown: String =
            name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(64).collect();
        ApiError::from(Reason::MalformedRequest).on_field(&shown, Some("not UTF-8".into())).caused_by(error)
    })
}

impl FilePart {
    async fn scan(field: &mut Field<'_>, body: &Bytes, boundary: &str) -> Result<Self, ApiError> {
        let file_name = field.file_name().map(str::to_owned);
        let content_type = field.content_type().and_then(|mime| clean_content_type(mime.as_ref()));
        let index = field.index();
        let (mut size, mut hash) = (0_u64, Sha256::new());
        while let Some(chunk) = field.chunk().await.map_err(malformed)? {
            size += chunk.len() as u64;
            hash.update(&chunk);
            if size > MAX_API_UPLOAD_BYTES {
                return Err(Reason::BodyTooLarge.into());
            }
        }
        let (body, boundary) = (body.clone(), boundary.to_owned());
        Ok(Self {
            body,
            boundary,
            index,
            file_name,
            content_type,
            size,
            sha256: hex::encode(hash.finalize()),
        })
    }

    /// What a browser sends for an `<input type=file>` in which nothing was chosen.
    fn is_unused_input(&self) -> bool {
        self.size == 0 && self.file_name.as_deref().is_none_or(str::is_empty)
    }

    /// The bytes, in pieces, read out of the form once more.
    pub fn bytes(&self) -> impl Stream<Item = Result<Bytes, multer::Error>> + Send + Sync + 'static {
        let start = (parser(self.body.clone(), &self.boundary), None);
        let index = self.index;
        stream::try_unfold(start, move |(mut parts, field)| async move {
            let mut field = match field {
                Some(field) => field,
                None => match field_at(&mut parts, index).await? {
                    Some(field) => field,
                    None => return Ok(None),
                },
            };
            Ok(field.chunk().await?.map(|chunk| (chunk, (parts, Some(field)))))
        })
    }
}

async fn field_at(
    parts: &mut Multipart<'static>,
    index: usize,
) -> Result<Option<Field<'static>>, multer::Error> {
    while let Some(field) = parts.next_field().await? {
        if field.index() == index {
            return Ok(Some(field));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::TryStreamExt;

    const TYPE: &str = "multipart/form-data; boundary=B";

    fn form(file: &[u8]) -> Bytes {
        let mut body = b"--B\r\ncontent-disposition: form-data; name=\"name\"\r\n\r\nclip\r\n--B\r\n\
            content-disposition: form-data; name=\"file\"; filename=\"a.mp4\"\r\ncontent-type: video/mp4\r\n\r\n"
            .to_vec();
        body.extend_from_slice(file);
        body.extend_from_slice(b"\r\n--B--\r\n");
        body.into()
    }

    #[tokio::test]
    async fn the_file_is_read_over_and_can_be_read_again() {
        let bytes: Vec<u8> = (0..2_000_000_u32).map(|i| (i % 251) as u8).collect();
        let form = Form::read(form(&bytes), TYPE).await.unwrap();
        let file = form.file.unwrap();
        assert_eq!(form.texts["name"], "clip");
        assert_eq!((file.size, file.file_name.as_deref()), (2_000_000, Some("a.mp4")));
        assert_eq!(file.sha256, hex::encode(Sha256::digest(&bytes)));
        for _ in 0..2 {
            let again: Vec<Bytes> = file.bytes().try_collect().await.unwrap();
            assert_eq!(again.concat(), bytes);
            let largest = again.iter().map(Bytes::len).max().unwrap();
            // A step of the parser takes in a slice, and the parts before the file are a few steps.
            assert!(
                largest <= 8 * SLICE_BYTES,
                "{largest} bytes in one piece: the parser holds a copy of the body"
            );
        }
    }

    #[tokio::test]
    async fn a_form_cut_anywhere_is_refused() {
        let whole = form(b"some bytes");
        let end = whole.len() - 4; // the last dashes and line end may be missing
        for cut in 0..end {
            let error = Form::read(whole.slice(..cut), TYPE).await.expect_err("cut form");
            assert_eq!(error.reason(), Reason::MalformedRequest, "cut at {cut}");
        }
    }

    #[tokio::test]
    async fn limits_are_exact() {
        let full = vec![0; usize::try_from(MAX_API_UPLOAD_BYTES).unwrap()];
        assert!(Form::read(form(&full), TYPE).await.is_ok());
        let over = [full, vec![0]].concat();
        assert_eq!(Form::read(form(&over), TYPE).await.unwrap_err().reason(), Reason::BodyTooLarge);
    }

    #[tokio::test]
    async fn an_empty_file_input_is_no_file() {
        let body = "--B\r\ncontent-disposition: form-data; name=\"file\"; filename=\"\"\r\n\r\n\r\n--B--\r\n";
        assert!(Form::read(body.into(), TYPE).await.unwrap().file.is_none());
    }

    #[tokio::test]
    async fn an_empty_file_input_before_the_file_does_not_take_its_place() {
        let empty = "--B\r\ncontent-disposition: form-data; name=\"file\"; filename=\"\"\r\n\r\n\r\n";
        let body = [empty.as_bytes(), &form(b"some bytes")].concat();
        let file = Form::read(body.into(), TYPE).await.unwrap().file.unwrap();
        let bytes: Vec<Bytes> = file.bytes().try_collect().await.unwrap();
        assert_eq!(bytes.concat(), b"some bytes");
    }
}
