//! Shared by the tests of the signed JSON services: identities, and listeners that end with their test.

use std::sync::Arc;

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use files_local::access::Access;
use files_local::calls::Calls;
use files_local::iam::Policies;
use files_local::identity::Identities;
use files_local::template::{self, Surroundings};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub(crate) const REGION: &str = "us-east-1";

/// Access for callers whose keys derive from a fixed seed.
pub(crate) fn access() -> Access {
    Access {
        identities: Identities::new([7; 32]),
        calls: Arc::new(Calls::default()),
        policies: Policies::open(),
        region: REGION.to_owned(),
    }
}

/// Access for functions that are restricted to their policies: names, and statements as YAML.
#[allow(dead_code, reason = "not every service's tests use it")]
pub(crate) fn restricted(functions: &[(&str, &str)]) -> Access {
    let function = |(name, statements): &(&str, &str)| {
        format!(
            "  {name}: {{Type: 'AWS::Serverless::Function', Properties: {{CodeUri: f/{name}, Policies: [{{Statement: [{statements}]}}]}}}}\n"
        )
    };
    let template = format!("Resources:\n{}", functions.iter().map(function).collect::<String>());
    let model = template::load(&template, &Surroundings::default()).expect("a template");
    Access { policies: Policies::of(model.principals()), ..access() }
}

/// Returns a caller's credentials, with the right secret or a wrong one.
pub(crate) fn credentials(access: &Access, caller: &str, secret: Option<&str>) -> Credentials {
    let keys = access.identities.keys(caller);
    let secret = secret.unwrap_or(&keys.secret_access_key);
    Credentials::new(keys.access_key_id, secret, keys.session_token, None, "test")
}

/// Returns a client for plain HTTP.
pub(crate) fn http_client() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new().build_http()
}

/// Returns how often `caller` called `operation` of `service`.
pub(crate) fn calls(access: &Access, caller: &str, service: &str, operation: &str) -> u64 {
    access.calls.to_json()[caller][service][operation].as_u64().unwrap_or(0)
}

/// Returns a listener on a free port, and its URL.
pub(crate) async fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    (listener, url)
}

/// A running service. It ends when this value is dropped.
pub(crate) struct Running(pub(crate) JoinHandle<anyhow::Result<()>>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}
