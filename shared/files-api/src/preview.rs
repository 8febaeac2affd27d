use std::collections::BTreeMap;

use bytes::Bytes;
use files_domain::SourceHeaders;
use http::header::CONTENT_TYPE;
use lambda_http::Request;

use crate::create::{check_headers, form_strings};
use crate::form::Form;
use crate::params::{check_not_encoded, json_object};
use crate::{ApiError, JsonObject, Reason, header};

/// A request for a preview of a URL.
#[derive(Debug)]
pub struct PreviewRequest {
    /// The URL as the client wrote it.
    pub file_url: String,
    /// Headers for the requests to the source.
    pub headers: SourceHeaders,
}

/// The fields of a body.
type Fields = (Option<String>, Option<BTreeMap<String, String>>);

impl PreviewRequest {
    /// Parses and validates the body: a form like that of an import, or JSON.
    ///
    /// # Errors
    /// [`Reason::MalformedRequest`], [`Reason::InvalidUrl`], [`Reason::InvalidHeaders`], [`Reason::RepeatedField`],
    /// [`Reason::UnsupportedEncoding`], [`Reason::UnsupportedMediaType`].
    pub fn read(request: &Request) -> Result<Self, ApiError> {
        check_not_encoded(request)?;
        let content_type = header(request, CONTENT_TYPE.as_str()).unwrap_or_default();
        let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let body: &[u8] = request.body();
        let is_json = body.trim_ascii_start().starts_with(b"{");
        let (file_url, headers) = match essence.as_str() {
            "multipart/form-data" => of_form(Form::read(Bytes::copy_from_slice(body), content_type)?)?,
            "application/x-www-form-urlencoded" if !is_json => of_form(Form::read_urlencoded(body)?)?,
            _ => of_json(json_object(request)?)?,
        };
        let file_url = file_url.ok_or_else(|| {
            let message = "file_url is required";
            ApiError::from(Reason::InvalidUrl)
                .with_message(message)
                .on_field("file_url", Some(message.into()))
        })?;
        Ok(Self { file_url, headers: headers.map(check_headers).transpose()?.unwrap_or_default() })
    }
}

fn of_form(mut form: Form) -> Result<Fields, ApiError> {
    let headers = form_strings(&mut form, "headers", Reason::InvalidHeaders)?;
    Ok((form.texts.remove("file_url").filter(|url| !url.is_empty()), headers))
}

fn of_json(mut json: JsonObject) -> Result<Fields, ApiError> {
    Ok((json.string("file_url", Reason::InvalidUrl)?, json.strings("headers", Reason::InvalidHeaders)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lambda_http::Body;

    fn read(content_type: &str, body: &str) -> Result<PreviewRequest, ApiError> {
        let request = http::Request::builder().header(CONTENT_TYPE, content_type);
        PreviewRequest::read(&request.body(Body::Text(body.to_owned())).unwrap())
    }

    #[test]
    fn forms_and_json_are_read() {
        const FORM: &str = "application/x-www-form-urlencoded";
        let part = |name: &str, text: &str| {
            format!("--B\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n")
        };
        let parts = part("file_url", "https://a.example") + &part("headers[Referer]", "b") + "--B--";
        for (content_type, body) in [
            ("multipart/form-data; boundary=B", parts.as_str()),
            (FORM, "file_url=https%3A%2F%2Fa.example&headers[Referer]=b"),
            (FORM, r#"{"file_url":"https://a.example","headers":{"Referer":"b"}}"#),
            ("application/json", r#"{"file_url":"https://a.example","headers":{"Referer":"b"}}"#),
            ("text/plain", r#"{"file_url":"https://a.example","headers":{"Referer":"b"}}"#),
        ] {
            let request = read(content_type, body).expect(content_type);
            assert_eq!(request.file_url, "https://a.example", "{content_type}");
            assert_eq!(request.headers.iter().collect::<Vec<_>>(), [("referer", "b")], "{content_type}");
        }
        for (content_type, body) in
            [("application/json", "{}"), (FORM, ""), (FORM, "url=x"), ("application/json", "")]
        {
            let error = read(content_type, body).unwrap_err();
            assert_eq!(error.reason(), Reason::InvalidUrl, "{body}");
            assert!(format!("{error:?}").contains("file_url is required"), "{error:?}");
        }
    }
}
