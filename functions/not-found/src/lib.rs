//! Every other method and path.

use files_api::{ApiError, ApiResult, Endpoint, Reason, allowed_methods};
use files_domain::Timestamp;
use lambda_http::{Request, RequestExt};

/// Responds 405 with the methods that the path has, otherwise 404.
pub struct NotFound;

impl Endpoint for NotFound {
    async fn handle(&self, request: Request, _: Timestamp) -> ApiResult {
        Err(match allowed_methods(request.raw_http_path()) {
            Some(methods) => ApiError::from(Reason::MethodNotAllowed).allowing(&methods),
            None => Reason::NotFound.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lambda_http::Body;

    #[tokio::test]
    async fn a_known_path_has_other_methods_and_any_other_is_not_found() {
        for (path, reason) in [("/v1/files/x", Reason::MethodNotAllowed), ("/v2/files", Reason::NotFound)] {
            let request = Request::new(Body::Empty).with_raw_http_path(path);
            let error = NotFound.handle(request, Timestamp::from_millis(0)).await.unwrap_err();
            assert_eq!(error.reason(), reason, "{path}");
        }
    }
}
