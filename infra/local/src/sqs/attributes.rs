//! Bodies and attributes of messages: their rules, and the checksums that the SDKs compare.
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html>

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};

use super::error::{SqsError, invalid};

/// Maximum of a message with its attributes in bytes, and of a batch (1 MiB since August 2025).
pub(super) const MAX_MESSAGE_BYTES: usize = 1024 * 1024;
const MAX_ATTRIBUTES: usize = 10;

/// Attributes by name.
pub(super) type Attributes = BTreeMap<String, Attribute>;

/// One attribute's value.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Attribute {
    /// `String`, `Number` or `Binary`, optionally with a label: `Number.int`.
    data_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    string_value: Option<String>,
    /// Base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    binary_value: Option<String>,
}

/// Returns the MD5 in hex.
pub(super) fn md5_hex(bytes: &[u8]) -> String {
    hex::encode(Md5::digest(bytes))
}

/// Refuses a body that is empty, too large, or has characters that XML 1.0 lacks.
pub(super) fn check_body(body: &str) -> Result<(), SqsError> {
    if body.is_empty() {
        return Err(SqsError::MissingParameter("MessageBody"));
    }
    check_size(body.len())?;
    if body.chars().all(is_allowed) { Ok(()) } else { Err(SqsError::InvalidMessageContents) }
}

/// Returns whether XML 1.0 allows this character.
fn is_allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// Refuses a message of more than [`MAX_MESSAGE_BYTES`].
pub(super) fn check_size(bytes: usize) -> Result<(), SqsError> {
    if bytes <= MAX_MESSAGE_BYTES {
        return Ok(());
    }
    let reason = format!("Message must be shorter than {MAX_MESSAGE_BYTES} bytes.");
    Err(SqsError::InvalidParameterValue(format!("One or more parameters are invalid. Reason: {reason}")))
}

/// Refuses too many attributes, and an attribute with an invalid name, type or value. Returns their size in bytes.
pub(super) fn check_attributes(attributes: &Attributes) -> Result<usize, SqsError> {
    if attributes.len() > MAX_ATTRIBUTES {
        let message =
            format!("Number of message attributes [{}] exceeds the allowed maximum [10].", attributes.len());
        return Err(SqsError::InvalidParameterValue(message));
    }
    let mut size = 0;
    for (name, attribute) in attributes {
        check_name(name)?;
        size += name.len() + attribute.data_type.len() + attribute.value(name)?.len();
    }
    Ok(size)
}

/// Returns the checksum of attributes, or `None` without attributes. See
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html#sqs-attributes-md5-message-digest-calculation>.
pub(super) fn md5_of_attributes(attributes: &Attributes) -> Result<Option<String>, SqsError> {
    if attributes.is_empty() {
        return Ok(None);
    }
    let mut digest = Md5::new();
    for (name, attribute) in attributes {
        update(&mut digest, name.as_bytes());
        update(&mut digest, attribute.data_type.as_bytes());
        digest.update([if attribute.is_binary() { 2 } else { 1 }]);
        update(&mut digest, &attribute.value(name)?);
    }
    Ok(Some(hex::encode(digest.finalize())))
}

/// Adds a field: its length in four bytes, then its bytes.
fn update(digest: &mut Md5, field: &[u8]) {
    digest.update(u32::try_from(field.len()).unwrap_or(u32::MAX).to_be_bytes());
    digest.update(field);
}

/// Returns the attributes that a receiver requests by `names`: a name, `prefix.*`, `All` or `.*`.
pub(super) fn select(attributes: Attributes, names: &[String]) -> Attributes {
    let asked = |name: &str| {
        names.iter().any(|pattern| match pattern.as_str() {
            "All" | ".*" => true,
            pattern => pattern.strip_suffix(".*").map_or(name == pattern, |prefix| name.starts_with(prefix)),
        })
    };
    attributes.into_iter().filter(|(name, _)| asked(name)).collect()
}

impl Attribute {
    fn is_binary(&self) -> bool {
        self.data_type.split('.').next() == Some("Binary")
    }

    /// Returns the value's bytes, if type and value match.
    fn value(&self, name: &str) -> Result<Vec<u8>, SqsError> {
        let refuse = |reason: &str| {
            let message = format!("The message attribute '{name}' {reason}");
            Err(SqsError::InvalidParameterValue(message))
        };
        let kind = self.data_type.split('.').next().unwrap_or_default();
        let known = matches!(kind, "String" | "Number" | "Binary") && self.data_type.chars().all(is_allowed);
        if self.data_type.len() > 256 || !known {
            return refuse(
                "has an invalid message attribute type, the supported prefixes are Binary, Number, and String.",
            );
        }
        let value = match (&self.string_value, &self.binary_value) {
            (Some(text), None) if !self.is_binary() => text.clone().into_bytes(),
            (None, Some(base64)) if self.is_binary() => match STANDARD.decode(base64) {
                Ok(bytes) => bytes,
                Err(_) => return refuse("is not Base64."),
            },
            _ => {
                return refuse(&format!("with type '{kind}' must use the field of its type, and only that."));
            }
        };
        let text = self.string_value.as_deref().unwrap_or_default();
        match kind {
            _ if value.is_empty() => refuse("must contain a non-empty value."),
            _ if !text.chars().all(is_allowed) => refuse("contains characters outside the allowed set."),
            "Number" if !is_number(text) => refuse("must be a number."),
            _ => Ok(value),
        }
    }
}

/// Returns whether a text is a decimal number. Rust also parses `NaN` and `inf`, which are none.
fn is_number(text: &str) -> bool {
    let digits = text.trim();
    digits.chars().all(|c| c.is_ascii_digit() || "+-.eE".contains(c)) && digits.parse::<f64>().is_ok()
}

/// Refuses an invalid name. Letters are those of Unicode: AWS accepts `attr.1øßä`, contrary to its documentation.
fn check_name(name: &str) -> Result<(), SqsError> {
    let reserved = ["aws.", "amazon."].iter().any(|prefix| name.to_ascii_lowercase().starts_with(prefix));
    let characters = name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'));
    let dots = name.starts_with('.') || name.ends_with('.') || name.contains("..");
    if name.is_empty() || name.chars().count() > 256 || reserved || !characters || dots {
        let reason = "A name has 1 to 256 letters, digits, '_', '-' and single inner '.', and does not start with \
                      'AWS.' or 'Amazon.'.";
        return Err(invalid(name, "MessageAttributeName", reason));
    }
    Ok(())
}
