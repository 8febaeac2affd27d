use std::collections::HashMap;

use lambda_http::Body;

use super::*;

fn request(headers: &[(&str, &str)], body: Body) -> Request {
    let builder = http::Request::builder();
    let builder = headers.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value));
    builder.body(body).unwrap()
}

fn json(content_type: &str, body: &str) -> Result<JsonObject, Reason> {
    let request = request(&[("content-type", content_type)], Body::Text(body.to_owned()));
    json_object(&request).map_err(|error| error.reason())
}

#[test]
fn a_json_body_of_another_media_type_is_refused_unless_it_looks_like_an_object() {
    const FORM: &str = "application/x-www-form-urlencoded";
    for content_type in [FORM, "text/plain", "multipart/form-data; boundary=B"] {
        assert_eq!(json(content_type, "name=a").unwrap_err(), Reason::UnsupportedMediaType, "{content_type}");
        assert!(json(content_type, " {}").is_ok() && json(content_type, "").is_ok(), "{content_type}");
    }
    for content_type in
        ["", "application/json", "APPLICATION/JSON; charset=utf-8", "application/merge-patch+json"]
    {
        assert_eq!(json(content_type, "name=a").unwrap_err(), Reason::MalformedRequest, "{content_type}");
    }
}

#[test]
fn json_that_is_not_utf_8_is_refused_before_and_after_its_conversion() {
    let bytes = b"{\"name\":\"gr\xFCn\"}".to_vec();
    let converted = String::from_utf8_lossy(&bytes).into_owned();
    let length = bytes.len().to_string();
    let sent = [("content-type", "application/json"), ("content-length", length.as_str())];
    for body in [Body::Binary(bytes), Body::Text(converted.clone())] {
        let error = json_object(&request(&sent, body)).unwrap_err();
        assert_eq!(error.reason(), Reason::MalformedRequest);
        assert!(format!("{error:?}").contains("not UTF-8"), "{error:?}");
    }
    let length = converted.len().to_string();
    let sent = [("content-type", "application/json"), ("content-length", length.as_str())];
    assert!(json_object(&request(&sent, Body::Text(converted.clone()))).is_ok(), "the client's own U+FFFD");
    assert!(json_object(&request(&[], Body::Text(converted))).is_ok(), "the length is unknown");
}

#[test]
fn a_repeated_query_parameter_is_named() {
    let check = |limits: &[&str]| {
        let limits = limits.iter().map(|&limit| limit.to_owned()).collect();
        let parameters =
            HashMap::from([("limit".to_owned(), limits), ("order".to_owned(), vec!["asc".to_owned()])]);
        check_query(&Request::default().with_query_string_parameters(parameters))
    };
    assert!(check(&["1"]).is_ok());
    let error = check(&["1", "2"]).unwrap_err();
    assert_eq!(error.reason(), Reason::MalformedParameter);
    assert!(format!("{error:?}").contains("parameter limit is given more than once"), "{error:?}");
}
