//! Tests the client with fixed DNS responses.

use crate::resolver::{GuardedResolver, Names};
use crate::setup::mozilla_roots;
use crate::test_support::{FakeDns, addresses};
use crate::{Allowed, FetchError, Limits, SafeClient, SourceUrl};
use axum::Router;
use axum::routing::get;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn client(allowed: &Allowed, dns: &Arc<FakeDns>) -> Result<SafeClient, FetchError> {
    SafeClient::with(allowed.clone(), Limits::default(), Names::Fixed(dns.clone()), mozilla_roots())
}

async fn serve() -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/", get(|| async { "hello" }));
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

async fn fetch(dns: &Arc<FakeDns>, allowed: &str, url: &str) -> Result<u64, FetchError> {
    let allowed = Allowed::parse(allowed);
    let client = client(&allowed, dns)?;
    let mut source = client.get(&SourceUrl::parse(url, &allowed)?).await?;
    while source.next_chunk().await?.is_some() {}
    Ok(source.received())
}

#[tokio::test]
async fn a_name_with_a_private_address_is_refused() {
    for list in [
        &["127.0.0.1"][..],
        &["169.254.169.254"],
        &["::1"],
        &["93.184.216.34", "127.0.0.1"],
        &["::ffff:10.0.0.1"],
    ] {
        let dns = FakeDns::new([addresses(list)]);
        let outcome = fetch(&dns, "", "http://rebind.example/").await;
        assert_eq!(outcome, Err(FetchError::PrivateAddress), "{list:?}");
        assert_eq!(dns.lookups(), ["rebind.example"], "{list:?}");
    }
}

#[tokio::test]
async fn an_allowed_address_does_not_allow_a_name_that_has_it() {
    let server = serve().await;
    let url = format!("http://rebind.example:{}/", server.port());
    // The name is allowed when the URL is parsed, because the port is refused otherwise. The client allows only the address.
    let url = SourceUrl::parse(&url, &Allowed::parse("rebind.example")).unwrap();
    let dns = FakeDns::new([]);
    let client = client(&Allowed::parse("127.0.0.1"), &dns).unwrap();
    let outcome = client.get(&url).await.map(|source| source.status);
    assert_eq!(outcome, Err(FetchError::Url(crate::UrlError::Port)));
    assert_eq!(dns.lookups(), [""; 0]);
    let outcome =
        fetch(&FakeDns::new([addresses(&["127.0.0.1"])]), "127.0.0.1", "http://rebind.example/").await;
    assert_eq!(outcome, Err(FetchError::PrivateAddress));
}

#[tokio::test]
async fn the_checked_address_is_the_one_connected_to() {
    let server = serve().await;
    let dns = FakeDns::new([addresses(&["127.0.0.1"]), addresses(&["127.0.0.1"])]);
    let url = format!("http://Media.Example.:{}/", server.port());
    assert_eq!(fetch(&dns, "media.example", &url).await, Ok(5));
    // The fetch made one lookup: the second response was not used.
    assert_eq!(dns.lookups(), ["media.example."]);
}

#[tokio::test]
async fn every_fetch_resolves_and_checks_again() {
    let server = serve().await;
    let dns = FakeDns::new([addresses(&["127.0.0.1"]), Err(io::Error::other("Name or service not known"))]);
    let allowed = Allowed::parse("media.example");
    let client = client(&allowed, &dns).unwrap();
    let url = SourceUrl::parse(&format!("http://media.example:{}/", server.port()), &allowed).unwrap();
    let mut source = client.get(&url).await.unwrap();
    while source.next_chunk().await.unwrap().is_some() {}
    assert_eq!(client.get(&url).await.map(|source| source.status), Err(FetchError::Dns));
    assert_eq!(dns.lookups().len(), 2);
}

/// DNS rebinding: the first response passes the check, the second one has a private address. The connector receives only checked
/// addresses, so the second response is refused.
#[tokio::test]
async fn a_name_is_refused_once_it_resolves_to_a_private_address() {
    for inside in ["127.0.0.1", "169.254.169.254", "10.0.0.1", "::1", "fd00:ec2::254"] {
        let dns = FakeDns::new([addresses(&["93.184.216.34"]), addresses(&[inside])]);
        let resolver = GuardedResolver::new(Allowed::default(), Names::Fixed(dns.clone()));
        let mut seen = Vec::new();
        for _ in 0..2 {
            let result = reqwest::dns::Resolve::resolve(&resolver, "rebind.example".parse().unwrap()).await;
            seen.push(result.map(|found| found.map(|found| found.ip().to_string()).collect::<Vec<_>>()));
        }
        assert_eq!(seen.remove(0).unwrap(), ["93.184.216.34"]);
        let refused = seen.remove(0).unwrap_err();
        assert_eq!(refused.downcast_ref::<FetchError>(), Some(&FetchError::PrivateAddress), "{inside}");
    }
}

/// DNS rebinding over HTTP: the first name resolves to a server that redirects to another name, which resolves to a private
/// address.
#[tokio::test]
async fn a_redirect_to_a_name_with_a_private_address_is_refused() {
    let canary = serve().await;
    let inside = format!("http://rebind.example:{}/", canary.port());
    let turn = axum::response::Redirect::temporary("http://rebind.example/");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/", get(|| async { turn }));
    tokio::spawn(async move { axum::serve(listener, router).await });
    // Only the name of the first hop is allowed: it stands for a name with a public address.
    let dns = FakeDns::new([addresses(&["127.0.0.1"]), addresses(&["127.0.0.1"])]);
    let first = format!("http://first.example:{}/", address.port());
    assert_eq!(
        fetch(&dns, "first.example", &first).await,
        Err(FetchError::Redirected(Box::new(FetchError::PrivateAddress)))
    );
    assert_eq!(dns.lookups(), ["first.example", "rebind.example"]);
    assert_eq!(fetch(&FakeDns::new([]), "", &inside).await, Err(FetchError::Url(crate::UrlError::Port)));
}

#[tokio::test]
async fn literal_addresses_are_never_resolved() {
    let server = serve().await;
    let dns = FakeDns::new([]);
    assert_eq!(fetch(&dns, "127.0.0.1", &format!("http://{server}/")).await, Ok(5));
    assert_eq!(dns.lookups(), [""; 0]);
}

#[tokio::test]
async fn resolver_errors_are_permanent_or_retryable() {
    let missing = FakeDns::new([Err(io::Error::other("Name or service not known"))]);
    let error = fetch(&missing, "", "http://missing.example/").await.unwrap_err();
    assert_eq!((error.is_retryable(), error), (false, FetchError::Dns));
    let down = FakeDns::new([Err(io::Error::other("Temporary failure in name resolution"))]);
    let error = fetch(&down, "", "https://down.example/").await.unwrap_err();
    assert!(matches!(error, FetchError::DnsTemporary(_)) && error.is_retryable(), "{error:?}");
}

/// Uses the system's resolver, with the one name that every machine has.
#[tokio::test]
async fn localhost_is_refused_with_the_system_resolver() {
    let resolver = GuardedResolver::new(Allowed::default(), Names::System);
    let result = reqwest::dns::Resolve::resolve(&resolver, "localhost".parse().unwrap()).await;
    let error = result.map(|_| "resolved").unwrap_err();
    assert_eq!(error.downcast_ref::<FetchError>(), Some(&FetchError::PrivateAddress));
}

#[tokio::test]
async fn the_connect_timeout_covers_the_resolver() {
    let limits = Limits { connect_timeout: Duration::from_millis(100), ..Limits::default() };
    let client =
        SafeClient::with(Allowed::default(), limits, Names::Fixed(FakeDns::silent()), mozilla_roots())
            .unwrap();
    let url = SourceUrl::parse("http://silent.example/", &Allowed::default()).unwrap();
    let start = Instant::now();
    assert_eq!(client.get(&url).await.map(|source| source.status), Err(FetchError::Timeout));
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}
