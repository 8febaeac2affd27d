//! The function of all other methods and paths.

use files_api::{ApiError, ApiResult, Endpoint, Reason, allowed_methods};
use files_domain::Timestamp;
use lambda_http::http::Method;
use lambda_http::{Request, RequestExt};

/// Responds 405 with the methods of the path, or 404 for an unknown path or a route that this deployment lacks.
pub struct NotFound;

impl Endpoint for NotFound {
    async fn handle(&self, request: Request, _: Timestamp) -> ApiResult {
        let deployed_elsewhere = |methods: &str| {
            *request.method() != Method::OPTIONS
                && methods.split(", ").any(|one| one == request.method().as_str())
        };
        Err(match allowed_methods(request.raw_http_path()) {
            Some(methods) if !deployed_elsewhere(&methods) => {
                let message = format!("{} is not allowed here: see Allow", request.method());
                ApiError::from(Reason::MethodNotAllowed).with_message(message).allowing(&methods)
            }
            _ => Reason::NotFound.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lambda_http::Body;

    #[tokio::test]
    async fn known_paths_list_their_methods_and_others_are_not_found() {
        for (method, path, reason) in [
            (Method::PUT, "/v1/files/x", Reason::MethodNotAllowed),
            (Method::POST, "/docs", Reason::MethodNotAllowed),
            (Method::GET, "/docs", Reason::NotFound), // in a deployment without this route
            (Method::GET, "/v2/files", Reason::NotFound),
        ] {
            let mut request = Request::new(Body::Empty).with_raw_http_path(path);
            *request.method_mut() = method.clone();
            let error = NotFound.handle(request, Timestamp::from_millis(0)).await.unwrap_err();
            assert_eq!(error.reason(), reason, "{path}");
            let named = format!("{method} is not allowed here");
            assert_eq!(
                format!("{error:?}").contains(&named),
                reason == Reason::MethodNotAllowed,
                "{error:?}"
            );
        }
    }
}
