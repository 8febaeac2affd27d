//! Parses forms: `multipart/form-data` (RFC 7578) and `application/x-www-form-urlencoded`.

use std::collections::BTreeMap;
use std::convert::Infallible;

use bytes::Bytes;
use files_domain::clean_content_type;
use files_domain::limits::MAX_API_UPLOAD_BYTES;
use futures_util::stream::{self, Stream};
use header_params::FieldValue;
use percent_encoding::percent_decode;
use sha2::{Digest, Sha256};

use crate::json_object::printable;
use crate::multipart::{self, MultipartError, Part, Parts};
use crate::{ApiError, Reason};

/// Longest text of one field, in bytes.
const MAX_TEXT_BYTES: usize = 64 * 1024;
/// Maximum number of fields of a form.
const MAX_FIELDS: usize = 32;
/// Size in bytes of the chunks in which the file is streamed.
const CHUNK_BYTES: usize = 64 * 1024;
/// The known fields. Others are ignored, since upload widgets send additional ones.
const KNOWN: [&str; 11] = [
    "file_url",
    "headers",
    "name",
    "size",
    "content_type",
    "metadata",
    "webhook",
    "multipart",
    "expires_in",
    "expires_at",
    "checksum_sha256",
];
/// Fields that are objects: `metadata[project]=x` is one of their members.
const OBJECTS: [&str; 2] = ["metadata", "headers"];

/// A form's text fields and its file.
#[derive(Debug, Default)]
pub(crate) struct Form {
    /// The known fields by name.
    pub(crate) texts: BTreeMap<String, String>,
    /// Members of fields that are objects, such as `metadata[project]`.
    pub(crate) members: BTreeMap<&'static str, BTreeMap<String, String>>,
    /// The part `file`, if it has a file name.
    pub(crate) file: Option<FilePart>,
    /// Whether the form has a text field `file`.
    pub(crate) has_file_text: bool,
    /// The name of an unknown field, in a form that is safe in a response.
    pub(crate) other_field: Option<String>,
    count: usize,
}

/// The `file` of a form. Its bytes are a slice of the request's body.
#[derive(Clone, Debug)]
pub struct FilePart {
    content: Bytes,
    /// The file name in the form.
    pub file_name: Option<String>,
    /// The media type in the form.
    pub content_type: Option<String>,
    /// Length in bytes.
    pub size: u64,
    /// SHA-256 in hex.
    pub sha256: String,
}

impl FilePart {
    fn read(part: Part, file_name: String) -> Result<Self, ApiError> {
        let size = part.content.len() as u64;
        if size > MAX_API_UPLOAD_BYTES {
            return Err(Reason::BodyTooLarge.into());
        }
        let content_type = part.header("content-type").map(String::from_utf8_lossy);
        Ok(Self {
            file_name: Some(file_name).filter(|name| !name.is_empty()),
            content_type: content_type.and_then(|text| clean_content_type(&text)),
            size,
            sha256: hex::encode(Sha256::digest(&part.content)),
            content: part.content,
        })
    }

    /// Returns the bytes in chunks, which are slices of the body and not copies.
    pub fn bytes(&self) -> impl Stream<Item = Result<Bytes, Infallible>> + Send + Sync + 'static {
        stream::unfold(self.content.clone(), |mut rest| async move {
            let chunk = rest.split_to(rest.len().min(CHUNK_BYTES));
            (!chunk.is_empty()).then_some((Ok(chunk), rest))
        })
    }
}

impl Form {
    /// Reads `multipart/form-data`.
    ///
    /// # Errors
    /// [`Reason::MalformedRequest`], [`Reason::BodyTooLarge`], [`Reason::FileAndUrlGiven`] for a second file,
    /// [`Reason::FileOrUrlRequired`] for a file under another name, [`Reason::UnsupportedEncoding`], [`Reason::RepeatedField`].
    pub(crate) fn read(body: Bytes, content_type: &str) -> Result<Self, ApiError> {
        let boundary =
            multipart::boundary(&FieldValue::parse_strict(content_type.as_bytes())).map_err(malformed)?;
        let mut form = Self::default();
        if body.is_empty() {
            return Ok(form);
        }
        let mut parts = Parts::new(body, &boundary).map_err(malformed)?;
        while let Some(part) = parts.next().map_err(malformed)? {
            form.count()?;
            form.add_part(part)?;
        }
        Ok(form)
    }

    /// Reads `application/x-www-form-urlencoded` (WHATWG URL, section 5.1), in which all fields are text.
    ///
    /// # Errors
    /// [`Reason::MalformedRequest`], [`Reason::RepeatedField`].
    pub(crate) fn read_urlencoded(body: &[u8]) -> Result<Self, ApiError> {
        if body.trim_ascii_start().starts_with(b"{") {
            let message = "The body looks like JSON: send it with Content-Type: application/json";
            return Err(ApiError::from(Reason::MalformedRequest).with_message(message));
        }
        if str::from_utf8(body).is_err() {
            return Err(bytes_instead_of_form());
        }
        let mut form = Self::default();
        for pair in body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            form.count()?;
            let split = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
            let name = decoded(&pair[..split]).map_err(|_| not_utf8("the name of a field"))?;
            let value = decoded(pair.get(split + 1..).unwrap_or_default()).map_err(|_| not_utf8(&name))?;
            form.add_text(name, value)?;
        }
        Ok(form)
    }

    fn count(&mut self) -> Result<(), ApiError> {
        self.count += 1;
        if self.count > MAX_FIELDS {
            let message = format!("The form has more than {MAX_FIELDS} fields");
            return Err(ApiError::from(Reason::MalformedRequest).with_message(message));
        }
        Ok(())
    }

    fn add_part(&mut self, part: Part) -> Result<(), ApiError> {
        let disposition = part.field("content-disposition");
        let no_name = "A part of the form has no name: Content-Disposition must be form-data with a name";
        let name = disposition
            .extended("name")
            .map(|name| browser_unescaped(&name))
            .ok_or_else(|| ApiError::from(Reason::MalformedRequest).with_message(no_name))?;
        check_encoding(&part, &name)?;
        let file_name = part.header("content-disposition").and_then(header_params::file_name);
        let is_file = disposition.all("filename").next().is_some() || file_name.is_some();
        if !is_file || KNOWN.contains(&name.as_str()) || object_member(&name).is_some() {
            return self.add_text_part(name, &part);
        }
        let file_name = file_name.map(|name| browser_unescaped(&name)).unwrap_or_default();
        if part.content.is_empty() && file_name.is_empty() {
            return Ok(()); // an <input type=file> without a chosen file
        }
        if name != "file" {
            return Err(misnamed_file(&name));
        }
        if self.file.is_some() {
            let once = "Only one file can be sent at a time";
            return Err(ApiError::from(Reason::FileAndUrlGiven)
                .with_message(once)
                .on_field("file", Some(once.into())));
        }
        self.file = Some(FilePart::read(part, file_name)?);
        Ok(())
    }

    fn add_text_part(&mut self, name: String, part: &Part) -> Result<(), ApiError> {
        if part.content.len() > MAX_TEXT_BYTES {
            let message = format!("The field is longer than {MAX_TEXT_BYTES} bytes");
            return Err(ApiError::from(Reason::MalformedRequest)
                .with_message(format!("{}: {message}", printable(&name)))
                .on_field(&printable(&name), Some(message)));
        }
        let charset = part.field("content-type").text("charset").unwrap_or_default();
        let text = text_in(&charset, &part.content).ok_or_else(|| not_utf8(&name))?;
        self.add_text(name, text)
    }

    fn add_text(&mut self, name: String, text: String) -> Result<(), ApiError> {
        self.has_file_text |= name == "file";
        let repeated = if let Some((object, rest)) = object_member(&name) {
            if self.texts.contains_key(object) {
                return Err(given_in_two_ways(object, &name));
            }
            let member = rest.strip_suffix(']').filter(|member| !member.contains(['[', ']']));
            let member = member.ok_or_else(|| malformed_member(object, &name))?;
            self.members.entry(object).or_default().insert(member.to_owned(), text).is_some()
        } else if KNOWN.contains(&name.as_str()) {
            if self.members.contains_key(name.as_str()) {
                return Err(given_in_two_ways(&name, &name));
            }
            self.texts.insert(name.clone(), text).is_some()
        } else {
            self.other_field.get_or_insert_with(|| printable(&name));
            false
        };
        if repeated {
            return Err(ApiError::from(Reason::RepeatedField)
                .with_message(format!("The field {} is given more than once", printable(&name)))
                .on_field(&printable(&name), None));
        }
        Ok(())
    }
}

/// Builds the error for an object that is given as JSON and by its members.
fn given_in_two_ways(object: &str, field: &str) -> ApiError {
    let message =
        format!("{object} is given as JSON and as fields such as {object}[key]: give it in one way");
    ApiError::from(Reason::RepeatedField).with_message(&message).on_field(&printable(field), Some(message))
}

/// Builds the error for a name such as `metadata[a][b]` or `metadata[a`.
fn malformed_member(object: &str, field: &str) -> ApiError {
    let reason = if object == "headers" { Reason::InvalidHeaders } else { Reason::InvalidMetadata };
    let message = format!("{}: a member of {object} must be a field such as {object}[key]", printable(field));
    ApiError::from(reason).with_message(&message).on_field(&printable(field), Some(message))
}

/// Returns the object in a name such as `metadata[project]`, and the text after the first bracket.
fn object_member(name: &str) -> Option<(&'static str, &str)> {
    let (object, rest) = name.split_once('[')?;
    let object = OBJECTS.into_iter().find(|known| *known == object)?;
    Some((object, rest))
}

/// Rejects parts whose header fields declare an encoding, so that the body differs from the file.
fn check_encoding(part: &Part, name: &str) -> Result<(), ApiError> {
    let refuse = |message: String| {
        Err(ApiError::from(Reason::UnsupportedEncoding)
            .with_message(format!("{}: {message}", printable(name)))
            .on_field(&printable(name), Some(message)))
    };
    if part.field("content-type").value().starts_with("multipart/") {
        return refuse("a part cannot be multipart itself: send one file, in a part of its own".into());
    }
    for (header, harmless) in [
        ("content-transfer-encoding", ["", "7bit", "8bit", "binary"].as_slice()),
        ("content-encoding", ["", "identity"].as_slice()),
    ] {
        let encoding = part.field(header).value().to_owned();
        if !harmless.contains(&encoding.as_str()) {
            return refuse(format!(
                "{header} {} is not supported: send the bytes as they are",
                printable(&encoding)
            ));
        }
    }
    Ok(())
}

fn misnamed_file(name: &str) -> ApiError {
    let message = format!("The form has a file in the field {}: send it in the field file", printable(name));
    ApiError::from(Reason::FileOrUrlRequired).with_message(&message).on_field(&printable(name), Some(message))
}

/// Reverts the escaping of quotes and line ends in names by browsers (HTML, section 4.10.22.8, "escape a multipart/form-data name").
fn browser_unescaped(name: &str) -> String {
    name.replace("%22", "\"").replace("%0D", "\r").replace("%0A", "\n")
}

/// Decodes the text of a part; `None` for bytes that are invalid in its charset, and for charsets other than UTF-8 and ISO-8859-1.
fn text_in(charset: &str, bytes: &[u8]) -> Option<String> {
    match charset.to_ascii_lowercase().as_str() {
        "" | "utf-8" | "utf8" | "us-ascii" | "ascii" => std::str::from_utf8(bytes).ok().map(str::to_owned),
        "iso-8859-1" | "latin1" => Some(bytes.iter().map(|byte| char::from(*byte)).collect()),
        _ => None,
    }
}

fn decoded(text: &[u8]) -> Result<String, std::string::FromUtf8Error> {
    let blanks: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    String::from_utf8(percent_decode(&blanks).collect())
}

/// Returns the error for `curl --data-binary @clip.mp4`, which declares any bytes as a form.
fn bytes_instead_of_form() -> ApiError {
    let message = "The form is not valid UTF-8. Send a file as multipart/form-data in the field file";
    ApiError::from(Reason::MalformedRequest).with_message(message)
}

fn malformed(error: MultipartError) -> ApiError {
    ApiError::from(Reason::MalformedRequest)
        .with_message(format!("The multipart body cannot be read: {error}"))
        .caused_by(error)
}

fn not_utf8(name: &str) -> ApiError {
    let message = "the text is not UTF-8";
    ApiError::from(Reason::MalformedRequest)
        .with_message(format!("{}: {message}", printable(name)))
        .on_field(&printable(name), Some(message.into()))
}

#[cfg(test)]
#[path = "form_tests.rs"]
mod tests;
