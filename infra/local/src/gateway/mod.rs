//! API Gateway's HTTP API: routes, events of payload format 2.0, limits, CORS, and its own bare errors.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>

mod answer;
mod body;
mod cors;
mod event;
mod local;
mod page;
mod path;
mod routes;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use axum::http::{Request, Response, StatusCode};
use axum::middleware;
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::calls::Calls;
use crate::log::{Level, Log};
use crate::runtime::{Invocation, Lambda, Refused, WhenBusy};
use crate::template::{Cors, Function};
use crate::triggers::Schedules;
use page::Page;
use routes::Routes;

/// Most bytes of a request's body.
pub const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;

/// After this long the gateway answers by itself.
const INTEGRATION_TIMEOUT: Duration = Duration::from_secs(30);

/// Most bytes of the request line and all headers.
const MAX_HEADER_BYTES: usize = 10_240;

/// The HTTP API. Cheap to clone.
#[derive(Clone)]
pub struct Gateway {
    inner: Arc<Inner>,
}

struct Inner {
    routes: Routes,
    cors: Option<Cors>,
    authority: String,
    lambda: Lambda,
    calls: Arc<Calls>,
    schedules: Schedules,
    page: Page,
    log: Log,
}

/// What the gateway needs.
pub struct Settings {
    /// CORS of the API.
    pub cors: Option<Cors>,
    /// `127.0.0.1:8787`: becomes `requestContext.domainName`.
    pub authority: String,
    /// The functions behind it.
    pub lambda: Lambda,
    /// Shown at `/_local/calls`.
    pub calls: Arc<Calls>,
    /// Run at `/_local/schedule/{function}`.
    pub schedules: Schedules,
    /// Folder of the built web page, shown at `/`.
    pub page: PathBuf,
    /// Where its lines go.
    pub log: Log,
}

impl Gateway {
    /// A gateway to these functions' routes.
    ///
    /// # Errors
    /// Two functions have the same route.
    pub fn new(settings: Settings, functions: &[Function]) -> Result<Self> {
        let Settings { cors, authority, lambda, calls, schedules, page, log } = settings;
        let (routes, page) = (Routes::new(functions)?, Page::new(page));
        let inner = Inner { routes, cors, authority, lambda, calls, schedules, page, log };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Answers requests until it is dropped.
    ///
    /// # Errors
    /// The listener fails.
    pub async fn serve(self, listener: TcpListener) -> Result<()> {
        let router = Router::new()
            .route("/_local/health", get(local::health))
            .route("/_local/calls", get(local::calls).delete(local::clear_calls))
            .route("/_local/consumed", get(local::consumed).post(local::meter))
            .route("/_local/schedule/{function}", post(local::run_schedule))
            .route("/_local/faults", get(local::faults).post(local::add_faults).delete(local::clear_faults))
            .route("/_local/clock", get(local::clock).post(local::advance_clock))
            .route_layer(middleware::from_fn_with_state(self.clone(), local::only_own))
            .fallback(handle)
            .with_state(self);
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        // Answers are small: without this, Nagle's algorithm may hold one back for 40 ms.
        let listener = listener.tap_io(|connection| {
            let _ = connection.set_nodelay(true);
        });
        Ok(axum::serve(listener, service).await?)
    }
}

async fn handle(
    State(gateway): State<Gateway>,
    ConnectInfo(client): ConnectInfo<SocketAddr>,
    request: Request<Body>,
) -> Response<Body> {
    let inner = &gateway.inner;
    if let Some(wanted) = Page::wanted(&request)
        && let Some(page) = inner.page.answer(wanted).await
    {
        return page;
    }
    let request_id = Uuid::new_v4().to_string();
    let origin = cors::origin(request.headers());
    let preflight = inner.cors.is_some() && cors::is_preflight(&request);
    let mut response = if preflight {
        answer::empty(StatusCode::NO_CONTENT)
    } else {
        inner.answer(request, client, &request_id).await.unwrap_or_else(|problem| problem.response())
    };
    if let Some(cors) = &inner.cors {
        cors::apply(cors, origin.as_deref(), preflight, &mut response);
    }
    if let Ok(id) = request_id.parse() {
        response.headers_mut().insert("apigw-requestid", id);
    }
    response
}

/// What the gateway answers by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    BadRequest,
    NotFound,
    HeadersTooLarge,
    BodyTooLarge,
    InternalServerError,
    ServiceUnavailable,
}

impl Problem {
    fn response(self) -> Response<Body> {
        let (status, message) = match self {
            Self::BadRequest => (StatusCode::BAD_REQUEST, "Bad Request"),
            Self::NotFound => (StatusCode::NOT_FOUND, "Not Found"),
            Self::HeadersTooLarge => {
                (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "Request Header Fields Too Large")
            }
            Self::BodyTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large"),
            Self::InternalServerError => (StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
            Self::ServiceUnavailable => (StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
        };
        answer::bare(status, message)
    }
}

impl Inner {
    async fn answer(
        &self,
        request: Request<Body>,
        client: SocketAddr,
        request_id: &str,
    ) -> Result<Response<Body>, Problem> {
        let (parts, body) = request.into_parts();
        if event::header_bytes(&parts) > MAX_HEADER_BYTES {
            return Err(Problem::HeadersTooLarge);
        }
        if !event::has_host(&parts) {
            return Err(Problem::BadRequest);
        }
        let path = path::decode(parts.uri.path()).ok_or(Problem::BadRequest)?;
        let body = body::read(&parts, body).await?;
        let found = self.routes.find(parts.method.as_str(), &path).ok_or(Problem::NotFound)?;
        let surroundings = event::Surroundings {
            authority: &self.authority,
            client,
            request_id,
            path: &path,
            found: &found,
        };
        let payload = event::build(&parts, body, &surroundings);
        let invocation = Invocation::new(&found.function, payload.into(), WhenBusy::Throttle);
        let outcome = match tokio::time::timeout(INTEGRATION_TIMEOUT, self.lambda.invoke(invocation)).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(refused)) => return Err(self.refused(&found.function, refused)),
            Err(_) => return Err(Problem::ServiceUnavailable),
        };
        if outcome.failed {
            return Err(Problem::InternalServerError);
        }
        answer::read(&outcome.payload).map_err(|error| {
            let text = format!("the answer is no response of format 2.0: {error:#}");
            self.log.line(&found.function, Level::Error, &text);
            Problem::InternalServerError
        })
    }

    /// Lambda refuses more than 6 MB with a 413 of its own, which the gateway passes on; being throttled or gone is a
    /// 503 to the client.
    fn refused(&self, function: &str, refused: Refused) -> Problem {
        self.log.line("gateway", Level::Warn, &format!("{function} was not invoked: {refused:?}"));
        match refused {
            Refused::RequestTooLarge => Problem::BodyTooLarge,
            Refused::TooManyRequests | Refused::Stopping => Problem::ServiceUnavailable,
            Refused::UnknownFunction => Problem::InternalServerError,
        }
    }
}
