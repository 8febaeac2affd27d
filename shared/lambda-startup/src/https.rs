use std::error::Error;
use std::time::Duration;

use aws_smithy_runtime_api::client::connection::{CaptureSmithyConnection, ConnectionMetadata};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::ErrorKind;
use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::connections::Connections;

/// The HTTP client of the AWS clients. It replaces the SDK's default one, which loads the system's certificates twice per client,
/// offers HTTP/2, which none of the services supports, and cannot open a connection without a request.
#[derive(Clone)]
pub(crate) struct Https {
    client: Client<Connections, SdkBody>,
    connections: Connections,
}

impl Https {
    pub(crate) fn new() -> Self {
        let connections = Connections::new();
        let mut builder = Client::builder(TokioExecutor::new());
        builder.pool_timer(TokioTimer::new());
        Self { client: builder.build(connections.clone()), connections }
    }

    /// Sends a request, without retries.
    pub(crate) async fn send(&self, request: Request<SdkBody>) -> Result<Response<Incoming>, legacy::Error> {
        self.client.request(request).await
    }

    /// Returns a client whose requests open `count` connections to their host and then fail before they are sent.
    pub(crate) fn only_connecting(&self, count: usize) -> OnlyConnecting {
        OnlyConnecting { connections: self.connections.clone(), count }
    }
}

impl std::fmt::Debug for Https {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Https")
    }
}

impl HttpClient for Https {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(TimedConnector {
            https: self.clone(),
            read_timeout: settings.read_timeout(),
        })
    }
}

/// A connector that requires responses to begin within `read_timeout`.
#[derive(Debug)]
struct TimedConnector {
    https: Https,
    read_timeout: Option<Duration>,
}

impl HttpConnector for TimedConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let request = match request.try_into_http1x() {
            Ok(request) => allow_poisoning(request),
            Err(error) => return HttpConnectorFuture::ready(Err(ConnectorError::user(error.into()))),
        };
        let (response, read_timeout) = (self.https.client.request(request), self.read_timeout);
        HttpConnectorFuture::new(async move {
            let response = match read_timeout {
                Some(limit) => tokio::time::timeout(limit, response).await,
                None => Ok(response.await),
            };
            let response = response.map_err(|elapsed| ConnectorError::timeout(elapsed.into()))?;
            let response = response.map_err(connector_error)?.map(SdkBody::from_body_1_x);
            HttpResponse::try_from(response).map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

/// Lets the SDK close the connection of the request after a server error, instead of using it again.
fn allow_poisoning(mut request: Request<SdkBody>) -> Request<SdkBody> {
    let used = capture_connection(&mut request);
    if let Some(capture) = request.extensions().get::<CaptureSmithyConnection>() {
        capture.set_connection_retriever(move || connection_metadata(used.clone()));
    }
    request
}

fn connection_metadata(used: CaptureConnection) -> Option<ConnectionMetadata> {
    used.connection_metadata().as_ref()?;
    let poison = move || {
        if let Some(connection) = used.connection_metadata().as_ref() {
            connection.poison();
        }
    };
    Some(ConnectionMetadata::builder().proxied(false).poison_fn(poison).build())
}

/// Converts an error to the SDK's type, from which the SDK decides whether to retry.
fn connector_error(error: legacy::Error) -> ConnectorError {
    let Some(cause) = source_of::<hyper::Error>(&error) else {
        return if error.is_connect() || source_of::<std::io::Error>(&error).is_some() {
            ConnectorError::io(error.into())
        } else {
            ConnectorError::other(error.into(), None)
        };
    };
    if cause.is_timeout() {
        ConnectorError::timeout(error.into())
    } else if cause.is_user() {
        ConnectorError::user(error.into())
    } else if cause.is_closed() || cause.is_canceled() || source_of::<std::io::Error>(cause).is_some() {
        ConnectorError::io(error.into())
    } else if cause.is_incomplete_message() {
        ConnectorError::other(error.into(), Some(ErrorKind::TransientError))
    } else {
        ConnectorError::other(error.into(), None)
    }
}

fn source_of<'e, E: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e E> {
    std::iter::successors(Some(error), |&error| error.source()).find_map(|error| error.downcast_ref())
}

/// An HTTP client that only opens connections. See [`Https::only_connecting`].
#[derive(Clone)]
pub(crate) struct OnlyConnecting {
    connections: Connections,
    count: usize,
}

impl std::fmt::Debug for OnlyConnecting {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("OnlyConnecting")
    }
}

impl HttpClient for OnlyConnecting {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for OnlyConnecting {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Self { connections, count } = self.clone();
        let to: Result<Uri, _> = request.uri().parse();
        HttpConnectorFuture::new(async move {
            let to = to.map_err(|error| ConnectorError::user(error.into()))?;
            let all = (0..count).map(|_| connections.preconnect(to.clone()));
            futures_util::future::try_join_all(all).await.map_err(ConnectorError::user)?;
            Err(ConnectorError::user("connected without sending a request".into()))
        })
    }
}
