//! Multipart forms (RFC 7578), built by hand so that tests can also send invalid ones.

/// A form builder.
#[derive(Clone, Debug, Default)]
pub struct Form {
    body: Vec<u8>,
}

/// The delimiter of the parts.
pub const BOUNDARY: &str = "a-boundary-that-no-file-holds";

impl Form {
    /// Creates an empty form.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a text field.
    #[must_use]
    pub fn text(self, name: &str, value: &str) -> Self {
        self.part(&format!("name=\"{name}\""), None, value.as_bytes())
    }

    /// Adds a file. Quotes in its name are encoded as in browsers.
    #[must_use]
    pub fn file(self, file_name: &str, content_type: Option<&str>, bytes: &[u8]) -> Self {
        let file_name = file_name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A");
        self.part(&format!("name=\"file\"; filename=\"{file_name}\""), content_type, bytes)
    }

    fn part(mut self, disposition: &str, content_type: Option<&str>, bytes: &[u8]) -> Self {
        let mut head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; {disposition}\r\n");
        if let Some(content_type) = content_type {
            head.push_str(&format!("Content-Type: {content_type}\r\n"));
        }
        self.body.extend_from_slice(head.as_bytes());
        self.body.extend_from_slice(b"\r\n");
        self.body.extend_from_slice(bytes);
        self.body.extend_from_slice(b"\r\n");
        self
    }

    /// Returns the body.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        self.body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
        self.body
    }

    /// Returns the `Content-Type` of the body.
    #[must_use]
    pub fn content_type() -> String {
        format!("multipart/form-data; boundary={BOUNDARY}")
    }
}
