//! Errors of requests that would exceed a limit of their owner.

use files_domain::{Limit, LimitExceeded, human_bytes};

use crate::{ApiError, Reason};

/// Returns the seconds after which an owner at a limit of concurrency should retry.
fn retry_after(limit: Limit) -> u64 {
    match limit {
        Limit::PendingUploads | Limit::Imports => 30,
        _ => 5,
    }
}

/// Returns the reason and the sentence for clients.
fn explain(exceeded: LimitExceeded) -> (Reason, String) {
    let LimitExceeded { limit, used, max, requested } = exceeded;
    let numbers = format!("{used} of {max} used, {requested} requested");
    match limit {
        Limit::FileBytes => {
            let (limit, size) = (format!("your limit is {max}"), human_bytes(max));
            (Reason::FileTooLarge, format!("The file has {requested} bytes, and {limit} ({size})"))
        }
        Limit::StoredBytes => (Reason::QuotaExceeded, quota("stored bytes", &numbers)),
        Limit::Files => (Reason::QuotaExceeded, quota("files", &numbers)),
        Limit::PendingUploads => {
            let what = "Too many uploads wait for their bytes";
            (Reason::TooManyAtOnce, format!("{what}: {numbers}. Finish or delete some, or try again later"))
        }
        Limit::Imports => {
            let what = "Too many imports are queued or running";
            (Reason::TooManyAtOnce, format!("{what}: {numbers}. Try again when some have ended"))
        }
        Limit::Previews => {
            let what = "Too many previews run at the same time";
            (Reason::TooManyAtOnce, format!("{what}: {numbers}. Try again when one has ended"))
        }
        // No request exceeds a default.
        Limit::Retention => (Reason::InvalidExpiry, Reason::InvalidExpiry.message().to_owned()),
        Limit::RequestsPerSecond => {
            let what = format!("Your limit is {max} requests per second");
            (Reason::TooManyRequests, format!("{what}: try again in a second"))
        }
    }
}

fn quota(what: &str, numbers: &str) -> String {
    format!("Your limit of {what} would be exceeded: {numbers}. Delete files, or ask for a higher limit")
}

impl From<LimitExceeded> for ApiError {
    fn from(exceeded: LimitExceeded) -> Self {
        let (reason, message) = explain(exceeded);
        let LimitExceeded { limit, used, max, .. } = exceeded;
        let error = Self::from(reason).with_detail(limit.as_str(), reason.as_str(), message.clone());
        let error = error.with_message(message);
        match reason {
            // The quota returns when work ends, so it has no window.
            Reason::TooManyAtOnce => error.retry_after(retry_after(limit)).with_rate_limit(
                limit.as_str(),
                &format!("q={max};qu=\"concurrent-requests\""),
                &format!("r={}", max.saturating_sub(used)),
            ),
            Reason::TooManyRequests => {
                error.retry_after(1).with_rate_limit("requests", &format!("q={max};w=1"), "r=0;t=1")
            }
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
            assert_eq!(response.headers().contains_key("ratelimit"), status == 429);
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

    #[test]
    fn a_429_has_the_policy_of_its_limit() {
        for (limit, policy, left) in [
            (Limit::RequestsPerSecond, r#""requests";q=1000;w=1"#, r#""requests";r=0;t=1"#),
            (Limit::Imports, r#""imports";q=1000;qu="concurrent-requests""#, r#""imports";r=100"#),
            (Limit::Previews, r#""previews";q=1000;qu="concurrent-requests""#, r#""previews";r=100"#),
        ] {
            let response = response(limit);
            let header = |name| response.headers()[name].to_str().unwrap();
            assert_eq!((header("ratelimit-policy"), header("ratelimit")), (policy, left));
        }
    }
}
