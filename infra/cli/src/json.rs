//! JSON values that keep the order of their fields.

use std::ops::Deref;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::failure::Failure;

/// A JSON value with the text that it was parsed from.
#[derive(Clone, Debug)]
pub(crate) struct Json {
    text: String,
    value: Value,
}

impl Json {
    /// Parses a response. Returns null for text that is not JSON.
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let read = str::from_utf8(bytes).ok().and_then(|text| Self::read(text).ok());
        read.unwrap_or_else(|| Self { text: "null".to_owned(), value: Value::Null })
    }

    fn read(text: &str) -> serde_json::Result<Self> {
        Ok(Self { value: serde_json::from_str(text)?, text: text.to_owned() })
    }

    /// Removes a field and returns its value. The text is unchanged.
    pub(crate) fn take(&mut self, name: &str) -> Value {
        self.value[name].take()
    }

    /// Returns the files of a page.
    ///
    /// # Errors
    /// [`Failure::Response`] if the page has no list of files.
    pub(crate) fn files(&self) -> Result<Vec<Self>, Failure> {
        #[derive(Deserialize)]
        struct Page<'a> {
            #[serde(borrow)]
            files: Vec<&'a RawValue>,
        }
        let wrong = |error: serde_json::Error| Failure::Response(error.to_string());
        let page: Page<'_> = serde_json::from_str(&self.text).map_err(wrong)?;
        page.files.into_iter().map(|file| Self::read(file.get())).collect::<Result<_, _>>().map_err(wrong)
    }

    /// Formats the value in one line.
    pub(crate) fn compact(&self) -> String {
        self.written(serde_json::Serializer::new(Vec::new()))
    }

    /// Formats the value in several indented lines.
    pub(crate) fn pretty(&self) -> String {
        self.written(serde_json::Serializer::pretty(Vec::new()))
    }

    fn written<F: serde_json::ser::Formatter>(&self, mut to: serde_json::Serializer<Vec<u8>, F>) -> String {
        let mut from = serde_json::Deserializer::from_str(&self.text);
        let written = serde_transcode::transcode(&mut from, &mut to);
        let bytes = written.map(|()| to.into_inner()).unwrap_or_default();
        escaped(&String::from_utf8(bytes).unwrap_or_default())
    }
}

impl Deref for Json {
    type Target = Value;

    fn deref(&self) -> &Value {
        &self.value
    }
}

/// Escapes characters that could control a terminal. In JSON they occur only in strings.
fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c != '\n' && crate::plain::is_control(c) {
            let mut units = [0; 2];
            out.extend(c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str =
        "{\"files\":[{\"name\":\"a\u{202e}b\u{9b}1m\",\"id\":\"7\",\"size\":12.48}],\"next\":null}";

    #[test]
    fn fields_keep_their_order_and_control_characters_are_escaped() {
        let page = Json::parse(PAGE.as_bytes());
        let file = &page.files().unwrap()[0];
        assert_eq!(file["size"], 12.48);
        assert_eq!(file.compact(), r#"{"name":"a\u202eb\u009b1m","id":"7","size":12.48}"#);
        assert_eq!(serde_json::from_str::<Value>(&file.pretty()).unwrap(), **file);
        assert!(file.pretty().starts_with("{\n  \"name\""), "{}", file.pretty());
    }

    #[test]
    fn text_that_is_not_json_becomes_null() {
        assert!(Json::parse(b"<html>").is_null() && Json::parse(b"\xff").is_null());
        assert!(Json::parse(b"{}").files().is_err());
    }
}
