//! Configures the underlying HTTP client: headers, tolerance for malformed responses, TLS.

use crate::resolver::GuardedResolver;
use crate::{FetchError, Limits};
use http::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue};
use reqwest::{Client, ClientBuilder, redirect};
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;

/// The maximum number of header lines of one response.
const MAX_HEADERS: usize = 400;

/// Returns the value of `User-Agent`: the project, its version, and the operator's contact if there is one.
fn user_agent(contact: Option<&str>) -> HeaderValue {
    let agent = concat!("files/", env!("CARGO_PKG_VERSION"));
    let with_contact =
        contact.filter(|contact| !contact.is_empty()).map(|contact| format!("{agent} (+{contact})"));
    let named = with_contact.and_then(|agent| HeaderValue::from_str(&agent).ok());
    named.unwrap_or(HeaderValue::from_static(agent))
}

pub(crate) fn http(resolver: GuardedResolver, limits: &Limits, tls: ClientConfig) -> ClientBuilder {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    Client::builder()
        .tls_backend_preconfigured(tls)
        .dns_resolver(Arc::new(resolver))
        .redirect(redirect::Policy::none())
        .referer(false)
        .no_proxy()
        // Cargo unifies features: another crate of the build could enable decompression.
        .no_gzip()
        .no_brotli()
        .no_deflate()
        .no_zstd()
        .default_headers(headers)
        .user_agent(user_agent(limits.contact.as_deref()))
        .connect_timeout(limits.connect_timeout)
        .http2_max_header_list_size(limits.max_header_bytes)
        // As tolerant as curl: accepts a space before the colon, folded lines, lines without a colon, and many headers.
        .http1_allow_spaces_after_header_name_in_responses(true)
        .http1_allow_obsolete_multiline_headers_in_responses(true)
        .http1_ignore_invalid_headers_in_responses(true)
        .http1_max_headers(MAX_HEADERS)
        // Without idle connections, every request is checked, and none uses a connection that broke while Lambda froze the
        // process.
        .pool_max_idle_per_host(0)
}

/// Returns Mozilla's root certificates, which are linked in.
pub(crate) fn mozilla_roots() -> RootCertStore {
    RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }
}

/// Returns the TLS configuration. Names the crypto provider explicitly, so that the client uses neither a process-wide default
/// nor the platform's verifier.
pub(crate) fn tls(roots: RootCertStore) -> Result<ClientConfig, FetchError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| FetchError::Setup(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
