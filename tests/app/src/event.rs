use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lambda_runtime::{Context, LambdaEvent};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The time limit of an event, unless the function's own timeout matters.
const TIME: Duration = Duration::from_secs(60);

/// Returns an event as Lambda passes it to a function, with a deadline in one minute.
pub fn event<T>(payload: T) -> LambdaEvent<T> {
    let end = (SystemTime::now() + TIME).duration_since(UNIX_EPOCH).expect("a time after 1970");
    let mut context = Context::default();
    context.deadline = u64::try_from(end.as_millis()).expect("a deadline");
    LambdaEvent { payload, context }
}

/// Returns an event whose payload is read from JSON, as the runtime of a function reads it.
///
/// # Panics
/// The function cannot read the payload.
pub fn json_event<T: DeserializeOwned>(payload: &Value) -> LambdaEvent<T> {
    event(serde_json::from_str(&payload.to_string()).expect("a payload of the function"))
}
