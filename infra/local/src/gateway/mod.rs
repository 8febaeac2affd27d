//! API Gateway's HTTP API: routes, events of payload format 2.0, limits, CORS, and the gateway's own errors.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>

mod body;
mod cors;
mod event;
mod local;
mod path;
mod problem;
mod response;
mod router;
mod routes;
mod web;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use axum::http::{Request, Response, StatusCode};
use axum::middleware;
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::calls::Calls;
use crate::eventbridge::EventBridge;
use crate::log::{Level, Log};
use crate::runtime::{Invocation, Lambda, Refused, WhenBusy};
use crate::template::{Cors, Function};
use crate::triggers::Schedules;
pub use problem::Problem;
pub use response::read as read_response;
pub use router::{Routed, Router};
use web::WebApp;

/// Maximum of a request's body in bytes.
pub const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;

/// The time after which the gateway responds with its own error.
const INTEGRATION_TIMEOUT: Duration = Duration::from_secs(30);

/// The HTTP API. Cheap to clone.
#[derive(Clone)]
pub struct Gateway {
    inner: Arc<Inner>,
}

struct Inner {
    router: Router,
    cors: Option<Cors>,
    lambda: Lambda,
    calls: Arc<Calls>,
    schedules: Schedules,
    events: EventBridge,
    web: Option<WebApp>,
    log: Log,
}

/// The settings of a gateway.
pub struct Settings {
    /// The CORS configuration.
    pub cors: Option<Cors>,
    /// Host and port (`127.0.0.1:8787`): becomes `requestContext.domainName`.
    pub authority: String,
    /// The functions.
    pub lambda: Lambda,
    /// The counts behind `/_local/calls`.
    pub calls: Arc<Calls>,
    /// The schedules behind `/_local/schedule/{function}`.
    pub schedules: Schedules,
    /// The events behind `/_local/events`.
    pub events: EventBridge,
    /// The folder of a built web app, served at `/`.
    pub web: Option<PathBuf>,
    /// The log of the gateway.
    pub log: Log,
}

impl Gateway {
    /// Creates a gateway with the routes of these functions.
    ///
    /// # Errors
    /// Two functions have the same route.
    pub fn new(settings: Settings, functions: &[Function]) -> Result<Self> {
        let Settings { cors, authority, lambda, calls, schedules, events, web, log } = settings;
        let (router, web) = (Router::new(functions, &authority)?, web.map(WebApp::new));
        let inner = Inner { router, cors, lambda, calls, schedules, events, web, log };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Handles requests until the future is dropped.
    ///
    /// # Errors
    /// The listener fails.
    pub async fn serve(self, listener: TcpListener) -> Result<()> {
        let server = axum::Router::new()
            .route("/_local/health", get(local::health))
            .route("/_local/calls", get(local::calls).delete(local::clear_calls))
            .route("/_local/consumed", get(local::consumed).post(local::meter))
            .route("/_local/schedule/{function}", post(local::run_schedule))
            .route("/_local/faults", get(local::faults).post(local::add_faults).delete(local::clear_faults))
            .route("/_local/events", get(local::events))
            .route("/_local/clock", get(local::clock).post(local::advance_clock))
            .route_layer(middleware::from_fn_with_state(self.clone(), local::refuse_foreign))
            .fallback(handle)
            .with_state(self);
        let service = server.into_make_service_with_connect_info::<SocketAddr>();
        // Responses are small: without this, Nagle's algorithm can delay one by 40 ms.
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
    if let (Some(web), Some(file)) = (&inner.web, WebApp::file(&request))
        && let Some(response) = web.respond(file).await
    {
        return response;
    }
    let request_id = Uuid::new_v4().to_string();
    let origin = cors::origin(request.headers());
    let preflight = inner.cors.is_some() && cors::is_preflight(&request);
    let mut response = if preflight {
        response::empty(StatusCode::NO_CONTENT)
    } else {
        inner.handle(request, client, &request_id).await.unwrap_or_else(|problem| problem.response())
    };
    if let Some(cors) = &inner.cors {
        cors::apply(cors, origin.as_deref(), preflight, &mut response);
    }
    if let Ok(id) = request_id.parse() {
        response.headers_mut().insert("apigw-requestid", id);
    }
    response
}

impl Inner {
    async fn handle(
        &self,
        request: Request<Body>,
        client: SocketAddr,
        request_id: &str,
    ) -> Result<Response<Body>, Problem> {
        let (parts, body) = request.into_parts();
        let path = self.router.check(&parts)?;
        let body = body::read(&parts, body).await?;
        let Routed { function, event } =
            self.router.route_checked(&path, &parts, body, client, request_id)?;
        let invocation = Invocation::new(&function, event.into(), WhenBusy::Throttle);
        let outcome = match tokio::time::timeout(INTEGRATION_TIMEOUT, self.lambda.invoke(invocation)).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(refused)) => return Err(self.refused(&function, refused)),
            Err(_) => return Err(Problem::ServiceUnavailable),
        };
        if outcome.failed {
            return Err(Problem::InternalServerError);
        }
        response::read(&outcome.payload).map_err(|error| {
            let text = format!("the response is not one of format 2.0: {error:#}");
            self.log.line(&function, Level::Error, &text);
            Problem::InternalServerError
        })
    }

    /// Returns the gateway's error for an invocation that Lambda refused: 413 for a payload over 6 MB, 503 for a function that
    /// is throttled or stopping.
    fn refused(&self, function: &str, refused: Refused) -> Problem {
        self.log.line("gateway", Level::Warn, &format!("{function} was not invoked: {refused:?}"));
        match refused {
            Refused::RequestTooLarge => Problem::BodyTooLarge,
            Refused::TooManyRequests | Refused::Stopping => Problem::ServiceUnavailable,
            Refused::UnknownFunction => Problem::InternalServerError,
        }
    }
}
