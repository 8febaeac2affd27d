//! The Runtime API of one process.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::{HeaderMap, Response, StatusCode};
use axum::middleware::{self, Next};
use axum::routing::{get, post};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use rustix::process::Signal;
use serde_json::json;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::lineage::trace_header;
use super::spawner::signal_group;
use super::{Lineage, MAX_PAYLOAD_BYTES, Outcome};
use crate::faults::Processes;
use crate::foreign;

/// An event for a process.
pub(super) struct Job {
    pub(super) request_id: String,
    pub(super) function_arn: String,
    pub(super) payload: Bytes,
    pub(super) lineage: Lineage,
    /// The function's time limit.
    pub(super) timeout: Duration,
    /// Whether the process's connections are closed before it is resumed.
    pub(super) close_connections: bool,
    /// Receives the deadline once the process has taken the event.
    pub(super) taken: oneshot::Sender<Instant>,
    pub(super) reply: oneshot::Sender<Outcome>,
}

/// State that the handlers of one process share.
pub(super) struct Shared {
    jobs: tokio::sync::Mutex<mpsc::Receiver<Job>>,
    current: Mutex<Option<(String, oneshot::Sender<Outcome>)>>,
    init_error: Mutex<Option<Bytes>>,
    /// The process id, which is also the id of its group.
    id: u32,
    processes: Processes,
}

impl Shared {
    pub(super) fn new(jobs: mpsc::Receiver<Job>, id: u32, processes: Processes) -> Self {
        let (jobs, current, init_error) = (tokio::sync::Mutex::new(jobs), Mutex::new(None), Mutex::new(None));
        Self { jobs, current, init_error, id, processes }
    }

    /// Returns the next event; `None` after the last one. While no event waits, the process is frozen: all its threads are
    /// stopped. A process that still works on an event is not frozen, whichever thread asks.
    async fn next_job(&self) -> Option<Job> {
        let mut jobs = self.jobs.lock().await;
        let waiting = match jobs.try_recv() {
            Ok(job) if !job.close_connections => return Some(job),
            other => other.ok(),
        };
        let frozen = lock(&self.current).is_none().then(|| Frozen::new(self.id));
        let job = if waiting.is_some() { waiting } else { jobs.recv().await };
        if job.as_ref().is_some_and(|job| job.close_connections) {
            self.processes.close_connections(self.id).await;
        }
        drop(frozen);
        job
    }

    /// Returns the error that the process reported of its initialization.
    pub(super) fn init_error(&self) -> Option<Bytes> {
        lock(&self.init_error).take()
    }

    /// Takes the current event if its request id is `id`.
    fn take_current(&self, id: &str) -> Option<oneshot::Sender<Outcome>> {
        let mut current = lock(&self.current);
        match current.take() {
            Some((request_id, reply)) if request_id == id => Some(reply),
            other => {
                *current = other;
                None
            }
        }
    }
}

/// A process group that is stopped until this value is dropped.
struct Frozen(u32);

impl Frozen {
    fn new(group: u32) -> Self {
        signal_group(group, Signal::STOP);
        Self(group)
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        signal_group(self.0, Signal::CONT);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the routes of the Runtime API.
pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
        .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
        .route("/2018-06-01/runtime/init/error", post(init_error))
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn(only_programs))
        .with_state(shared)
}

/// Refuses requests of web pages.
async fn only_programs(request: Request, next: Next) -> Response<Body> {
    let checked = foreign::check_host(request.uri(), request.headers())
        .and_then(|()| foreign::check_origin(request.headers()));
    match checked {
        Ok(()) => next.run(request).await,
        Err(foreign) => status(StatusCode::FORBIDDEN, foreign),
    }
}

async fn next(State(shared): State<Arc<Shared>>) -> Response<Body> {
    let Some(job) = shared.next_job().await else {
        return status(StatusCode::GONE, "Gone");
    };
    let trace = trace_header(&job.request_id, &job.lineage);
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + job.timeout;
    let response = Response::builder()
        .header("content-type", "application/json")
        .header("lambda-runtime-aws-request-id", &job.request_id)
        .header("lambda-runtime-deadline-ms", unix.as_millis().to_string())
        .header("lambda-runtime-invoked-function-arn", &job.function_arn)
        .header("lambda-runtime-trace-id", trace)
        .body(Body::from(job.payload));
    if let Some((_, abandoned)) = lock(&shared.current).replace((job.request_id, job.reply)) {
        let message = "the function asked for the next event without a response to this one";
        let _ = abandoned.send(failure("Runtime.NoResponse", message));
    }
    let _ = job.taken.send(Instant::now() + job.timeout);
    response.unwrap_or_else(|_| status(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError"))
}

async fn response(State(shared): State<Arc<Shared>>, Path(id): Path<String>, body: Body) -> Response<Body> {
    let Some(reply) = shared.take_current(&id) else {
        return invalid_request_id();
    };
    match read(body).await {
        Ok(payload) => {
            let _ = reply.send(Outcome { payload, failed: false });
            status(StatusCode::ACCEPTED, "OK")
        }
        Err(TooLarge) => {
            let message = "Response payload size exceeded maximum allowed payload size (6291556 bytes).";
            let _ = reply.send(failure("Function.ResponseSizeTooLarge", message));
            status(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge")
        }
    }
}

async fn error(State(shared): State<Arc<Shared>>, Path(id): Path<String>, body: Body) -> Response<Body> {
    let Some(reply) = shared.take_current(&id) else {
        return invalid_request_id();
    };
    let payload = read(body).await.unwrap_or_default();
    let _ = reply.send(Outcome { payload, failed: true });
    status(StatusCode::ACCEPTED, "OK")
}

async fn init_error(State(shared): State<Arc<Shared>>, _headers: HeaderMap, body: Body) -> Response<Body> {
    *lock(&shared.init_error) = Some(read(body).await.unwrap_or_default());
    status(StatusCode::ACCEPTED, "OK")
}

struct TooLarge;

/// Reads a payload up to the limit. A broken connection yields an empty payload: the process has ended, which is handled
/// elsewhere.
async fn read(body: Body) -> Result<Bytes, TooLarge> {
    match Limited::new(body, MAX_PAYLOAD_BYTES).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(TooLarge),
        Err(_) => Ok(Bytes::new()),
    }
}

fn invalid_request_id() -> Response<Body> {
    status(StatusCode::BAD_REQUEST, "InvalidRequestID")
}

fn status(status: StatusCode, text: &str) -> Response<Body> {
    let body = if status.is_success() {
        json!({"status": text})
    } else {
        json!({"errorType": text, "errorMessage": text})
    };
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert("content-type", axum::http::HeaderValue::from_static("application/json"));
    response
}

/// Returns Lambda's own description of a failure.
pub(super) fn failure(error_type: &str, message: &str) -> Outcome {
    let payload = json!({"errorType": error_type, "errorMessage": message}).to_string().into();
    Outcome { payload, failed: true }
}
