//! The HTTP client of the tests.

use std::sync::Once;
use std::time::Duration;

/// Returns a client that follows no redirect, and times out only if a request hangs.
pub(crate) fn http_client() -> reqwest::Client {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        // Fails if another provider is installed already, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
    client.timeout(Duration::from_secs(120)).build().expect("a client")
}
