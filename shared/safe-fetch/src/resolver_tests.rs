//! The client with names whose addresses the tests choose.

use crate::resolver::Lookup;
use crate::setup::mozilla_roots;
use crate::test_support::{Answers, addresses};
use crate::{Allowed, FetchError, Limits, SafeClient, SourceUrl};
use axum::Router;
use axum::routing::get;
use futures_util::future::BoxFuture;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

fn client(allowed: &Allowed, answers: &Arc<Answers>) -> Result<SafeClient, FetchError> {
    SafeClient::with(allowed.clone(), Limits::default(), answers.clone(), mozilla_roots())
}

async fn serve() -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/", get(|| async { "hello" }));
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

async fn fetch(answers: &Arc<Answers>, allowed: &str, url: &str) -> Result<u64, FetchError> {
    let allowed = Allowed::parse(allowed);
    let client = client(&allowed, answers)?;
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
        let answers = Answers::new([addresses(list)]);
        let outcome = fetch(&answers, "", "http://rebind.example/").await;
        assert_eq!(outcome, Err(FetchError::PrivateAddress), "{list:?}");
        assert_eq!(answers.asked(), ["rebind.example"], "{list:?}");
    }
}

#[tokio::test]
async fn an_allowed_address_does_not_allow_a_name_that_has_it() {
    let server = serve().await;
    let url = format!("http://rebind.example:{}/", server.port());
    // The port would be refused before: the name is allowed for parsing, the client allows the address only.
    let url = SourceUrl::parse(&url, &Allowed::parse("rebind.example")).unwrap();
    let answers = Answers::new([]);
    let client = client(&Allowed::parse("127.0.0.1"), &answers).unwrap();
    let outcome = client.get(&url).await.map(|source| source.status);
    assert_eq!(outcome, Err(FetchError::Url(crate::UrlError::Port)));
    assert_eq!(answers.asked(), [""; 0]);
    let outcome =
        fetch(&Answers::new([addresses(&["127.0.0.1"])]), "127.0.0.1", "http://rebind.example/").await;
    assert_eq!(outcome, Err(FetchError::PrivateAddress));
}

#[tokio::test]
async fn the_checked_address_is_the_one_connected_to() {
    let server = serve().await;
    let answers = Answers::new([addresses(&["127.0.0.1"]), addresses(&["127.0.0.1"])]);
    let url = format!("http://Media.Example.:{}/", server.port());
    assert_eq!(fetch(&answers, "media.example", &url).await, Ok(5));
    // One lookup for the whole fetch: a second answer was prepared and not taken.
    assert_eq!(answers.asked(), ["media.example."]);
}

#[tokio::test]
async fn every_fetch_resolves_and_checks_anew() {
    let server = serve().await;
    let answers =
        Answers::new([addresses(&["127.0.0.1"]), Err(io::Error::other("Name or service not known"))]);
    let allowed = Allowed::parse("media.example");
    let client = client(&allowed, &answers).unwrap();
    let url = SourceUrl::parse(&format!("http://media.example:{}/", server.port()), &allowed).unwrap();
    let mut source = client.get(&url).await.unwrap();
    while source.next_chunk().await.unwrap().is_some() {}
    assert_eq!(client.get(&url).await.map(|source| source.status), Err(FetchError::Dns));
    assert_eq!(answers.asked().len(), 2);
}

/// DNS rebinding: an answer that passes the check, then one that leads inside. Nothing but a checked address is ever handed
/// to the connector, so the second answer is of no use.
#[tokio::test]
async fn a_name_that_turns_private_is_refused_from_then_on() {
    for inside in ["127.0.0.1", "169.254.169.254", "10.0.0.1", "::1", "fd00:ec2::254"] {
        let answers = Answers::new([addresses(&["93.184.216.34"]), addresses(&[inside])]);
        let resolver = crate::resolver::GuardedResolver::new(Allowed::default(), answers.clone());
        let mut seen = Vec::new();
        for _ in 0..2 {
            let answer = reqwest::dns::Resolve::resolve(&resolver, "rebind.example".parse().unwrap()).await;
            seen.push(answer.map(|found| found.map(|found| found.ip().to_string()).collect::<Vec<_>>()));
        }
        assert_eq!(seen.remove(0).unwrap(), ["93.184.216.34"]);
        let refused = seen.remove(0).unwrap_err();
        assert_eq!(refused.downcast_ref::<FetchError>(), Some(&FetchError::PrivateAddress), "{inside}");
    }
}

/// The same over HTTP: the first answer leads to a server, which sends the client back to its own name, which now leads inside.
#[tokio::test]
async fn a_name_that_turns_private_between_two_hops_is_refused() {
    let canary = serve().await;
    let inside = format!("http://rebind.example:{}/", canary.port());
    let turn = axum::response::Redirect::temporary("http://rebind.example/");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/", get(|| async { turn }));
    tokio::spawn(async move { axum::serve(listener, router).await });
    // Only the first hop's name is allowed: it stands for one with a public address.
    let answers = Answers::new([addresses(&["127.0.0.1"]), addresses(&["127.0.0.1"])]);
    let first = format!("http://first.example:{}/", address.port());
    assert_eq!(
        fetch(&answers, "first.example", &first).await,
        Err(FetchError::Redirected(Box::new(FetchError::PrivateAddress)))
    );
    assert_eq!(answers.asked(), ["first.example", "rebind.example"]);
    assert_eq!(fetch(&Answers::new([]), "", &inside).await, Err(FetchError::Url(crate::UrlError::Port)));
}

#[tokio::test]
async fn literal_addresses_are_never_resolved() {
    let server = serve().await;
    let answers = Answers::new([]);
    assert_eq!(fetch(&answers, "127.0.0.1", &format!("http://{server}/")).await, Ok(5));
    assert_eq!(answers.asked(), [""; 0]);
}

#[tokio::test]
async fn resolver_failures_say_whether_to_try_again() {
    let missing = Answers::new([Err(io::Error::other("Name or service not known"))]);
    let error = fetch(&missing, "", "http://missing.example/").await.unwrap_err();
    assert_eq!((error.is_retryable(), error), (false, FetchError::Dns));
    let down = Answers::new([Err(io::Error::other("Temporary failure in name resolution"))]);
    let error = fetch(&down, "", "https://down.example/").await.unwrap_err();
    assert!(matches!(error, FetchError::DnsTemporary(_)) && error.is_retryable(), "{error:?}");
}

/// The system's own resolver, on the one name every machine has.
#[tokio::test]
async fn localhost_of_the_system_is_refused() {
    let resolver =
        crate::resolver::GuardedResolver::new(Allowed::default(), Arc::new(crate::resolver::SystemLookup));
    let answer = reqwest::dns::Resolve::resolve(&resolver, "localhost".parse().unwrap()).await;
    let error = answer.map(|_| "resolved").unwrap_err();
    assert_eq!(error.downcast_ref::<FetchError>(), Some(&FetchError::PrivateAddress));
}

/// A resolver that never answers.
struct Silence;

impl Lookup for Silence {
    fn lookup(&self, _name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn the_connect_timeout_covers_the_resolver() {
    let limits = Limits { connect_timeout: Duration::from_millis(100), ..Limits::default() };
    let client = SafeClient::with(Allowed::default(), limits, Arc::new(Silence), mozilla_roots()).unwrap();
    let url = SourceUrl::parse("http://silent.example/", &Allowed::default()).unwrap();
    let start = Instant::now();
    assert_eq!(client.get(&url).await.map(|source| source.status), Err(FetchError::Timeout));
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}
