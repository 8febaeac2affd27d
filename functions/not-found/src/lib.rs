//! Every route and method that is not one of ours.

use files_api::{Answer, ApiError, Reason};
use lambda_http::{Request, RequestExt};

/// 405 with the methods there are where the path is one of ours, else 404.
///
/// # Errors
/// Always: this is what the function is for.
pub fn answer(request: &Request) -> Answer {
    let segments: Vec<&str> = request.raw_http_path().split('/').collect();
    Err(match segments.as_slice() {
        ["", "v1", "files"] => method_not_allowed("GET, POST, OPTIONS"),
        ["", "v1", "preview"] => method_not_allowed("POST, OPTIONS"),
        ["", "v1", "files", id] if !id.is_empty() => method_not_allowed("GET, DELETE, OPTIONS"),
        ["", "v1", "files", id, name] if !id.is_empty() && !name.is_empty() => {
            method_not_allowed("GET, HEAD, OPTIONS")
        }
        ["", "v1", "uploads", id, "parts"] if !id.is_empty() => method_not_allowed("GET, POST, OPTIONS"),
        ["", "v1", "uploads", id, "sign" | "complete"] if !id.is_empty() => {
            method_not_allowed("POST, OPTIONS")
        }
        _ => Reason::NotFound.into(),
    })
}

fn method_not_allowed(methods: &'static str) -> ApiError {
    ApiError::from(Reason::MethodNotAllowed).allowing(methods)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lambda_http::Body;

    #[test]
    fn our_paths_have_other_methods_and_all_else_is_not_found() {
        for (path, reason) in [
            ("/v1/files", Reason::MethodNotAllowed),
            ("/v1/files/", Reason::NotFound),
            ("/v1/preview", Reason::MethodNotAllowed),
            ("/v1/preview/", Reason::NotFound),
            ("/v1/files/x", Reason::MethodNotAllowed),
            ("/v1/files/x/y.mp4", Reason::MethodNotAllowed),
            ("/v1/files/x/y/z", Reason::NotFound),
            ("/", Reason::NotFound),
            ("/v2/files", Reason::NotFound),
            ("/v1/uploads/x", Reason::NotFound),
            ("/v1/uploads/x/sign", Reason::MethodNotAllowed),
            ("/v1/uploads/x/parts", Reason::MethodNotAllowed),
            ("/v1/uploads/x/complete", Reason::MethodNotAllowed),
            ("/v1/uploads//complete", Reason::NotFound),
            ("/v1/uploads/x/else", Reason::NotFound),
        ] {
            let request = Request::new(Body::Empty).with_raw_http_path(path);
            assert_eq!(answer(&request).unwrap_err().reason(), reason, "{path}");
        }
    }
}
