//! Limits of an owner that a request would exceed, as errors of the API.

use files_domain::{Limit, LimitExceeded, human_bytes};

use crate::{ApiError, Reason};

/// Seconds after which an owner with too many of something at once should try again.
fn retry_after(limit: Limit) -> u64 {
    match limit {
        Limit::PendingUploads | Limit::Imports => 30,
        _ => 5,
    }
}

impl From<LimitExceeded> for ApiError {
    fn from(exceeded: LimitExceeded) -> Self {
        let LimitExceeded { limit, used, max, requested } = exceeded;
        let numbers = format!("{used} of {max} used, {requested} requested");
        let (reason, message) = match limit {
            Limit::FileBytes => {
                let size = human_bytes(max);
                (
                    Reason::FileTooLarge,
                    format!("The file has {requested} bytes, and your limit is {max} ({size})"),
                )
            }
            Limit::StoredBytes => (
                Reason::QuotaExceeded,
                format!(
                    "Your limit of stored bytes would be exceeded: {numbers}. Delete files, or ask for a higher limit"
                ),
            ),
            Limit::Files => (
                Reason::QuotaExceeded,
                format!(
                    "Your limit of files would be exceeded: {numbers}. Delete files, or ask for a higher limit"
                ),
            ),
            Limit::PendingUploads => (
                Reason::TooManyAtOnce,
                format!(
                    "Too many uploads wait for their bytes: {numbers}. Finish or delete some, or try again later"
                ),
            ),
            Limit::Imports => (
                Reason::TooManyAtOnce,
                format!("Too many imports are queued or running: {numbers}. Try again when some have ended"),
            ),
            Limit::Previews => (
                Reason::TooManyAtOnce,
                format!("Too many previews run at the same time: {numbers}. Try again when one has ended"),
            ),
            Limit::RequestsPerSecond => (
                Reason::TooManyRequests,
                format!("Your limit is {max} requests per second: try again in a second"),
            ),
        };
        let error = Self::from(reason).with_detail(limit.as_str(), reason.as_str(), message.clone());
        let error = error.with_message(message);
        match reason {
            Reason::TooManyAtOnce => error.retry_after(retry_after(limit)),
            Reason::TooManyRequests => error.retry_after(1).with_rate_limit(max),
            _ => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(limit: Limit) -> lambda_http::Response<lambda_http::Body> {
        let exceeded = LimitExceeded { limit, used: 900, max: 1000, requested: 200 };
        ApiError::from(exceeded).into_response("id")
    }

    #[test]
    fn an_error_has_the_numbers_and_names_the_limit() {
        for (limit, status, reason) in [
            (Limit::StoredBytes, 403, "quota_exceeded"),
            (Limit::Files, 403, "quota_exceeded"),
            (Limit::FileBytes, 413, "file_too_large"),
            (Limit::PendingUploads, 429, "too_many_at_once"),
            (Limit::Imports, 429, "too_many_at_once"),
            (Limit::Previews, 429, "too_many_at_once"),
        ] {
            let response = response(limit);
            assert_eq!(response.status().as_u16(), status);
            assert_eq!(response.headers().contains_key("retry-after"), status == 429);
            let lambda_http::Body::Text(body) = response.body() else { panic!("no text") };
            let body: serde_json::Value = serde_json::from_str(body).unwrap();
            assert_eq!(
                (&body["reason"], &body["details"][0]["field"]),
                (&reason.into(), &limit.as_str().into())
            );
            let message = body["message"].as_str().unwrap();
            assert!(message.contains("1000") && message.contains("200"), "{message}");
        }
    }
}
