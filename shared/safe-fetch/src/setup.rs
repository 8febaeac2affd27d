//! The HTTP client underneath: its headers, its leniency, its TLS.

use crate::resolver::GuardedResolver;
use crate::{FetchError, Limits};
use http::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue};
use reqwest::{Client, ClientBuilder, redirect};
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;

/// Most header lines of one answer.
const MAX_HEADERS: usize = 400;

/// What a site is told of who asks: the project, and how its operator can be reached.
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
        // Features of other crates of a build could switch decompression on.
        .no_gzip()
        .no_brotli()
        .no_deflate()
        .no_zstd()
        .default_headers(headers)
        .user_agent(user_agent(limits.contact.as_deref()))
        .connect_timeout(limits.connect_timeout)
        .http2_max_header_list_size(limits.max_header_bytes)
        // What curl reads: a blank before the colon, folded lines, lines that are no header, many of them.
        .http1_allow_spaces_after_header_name_in_responses(true)
        .http1_allow_obsolete_multiline_headers_in_responses(true)
        .http1_ignore_invalid_headers_in_responses(true)
        .http1_max_headers(MAX_HEADERS)
        // Every request connects anew, so every request is checked anew, and no connection dies in a freeze.
        .pool_max_idle_per_host(0)
}

/// Mozilla's, linked in.
pub(crate) fn mozilla_roots() -> RootCertStore {
    RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }
}

/// The provider is named here, so that the client neither needs a process-wide one nor asks the platform's verifier.
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
