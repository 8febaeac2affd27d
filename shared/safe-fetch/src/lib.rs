//! An HTTP client for URLs from users: checked DNS answers, checked redirects, limits.
//!
//! Users send URLs that a server then fetches from inside a network. Without a guard, users could read what only that network
//! can reach: a metadata service, a database, a neighbour's admin page. This crate connects only to public addresses on ports
//! 80 and 443, unless the operator [allowed](Allowed) a host:
//!
//! - Literal addresses are checked on the parsed URL, since an HTTP client never resolves them.
//! - Each connection resolves its host name once. Every address in the DNS response is checked, and the client connects only to
//!   these addresses, so that DNS rebinding has no effect.
//! - This crate follows redirects itself and checks each location like a URL from a user. It follows none of a
//!   [POST](SafeClient::post).
//! - It uses no proxies. It sends no cookies, credentials or `Referer` except those a [caller passes](SourceHeaders), which are
//!   dropped when a redirect leads to another origin, and cookies that a chain of redirects sets, which are forgotten after it.
//! - Bodies are returned in chunks as received. A compressed body is decoded only as a [text](Source::text) of bounded length,
//!   and refused otherwise. Every wait has a limit.
//!
//! ```no_run
//! # async fn run() -> Result<(), safe_fetch::FetchError> {
//! use safe_fetch::{Allowed, Limits, SafeClient, SourceUrl};
//!
//! let allowed = Allowed::default();
//! let client = SafeClient::new(allowed.clone(), Limits::default())?;
//! let url = SourceUrl::parse("https://example.com/film.mp4", &allowed)?;
//! let mut source = client.get(&url).await?;
//! while let Some(chunk) = source.next_chunk().await? {
//!     println!("{} bytes", chunk.len());
//! }
//! # Ok(())
//! # }
//! ```

mod address;
mod allowed;
mod client;
mod coding;
mod cookies;
mod error;
mod failure;
mod headers;
mod limits;
mod post;
mod ranges;
mod resolver;
mod setup;
mod source;
mod source_headers;
mod source_url;

#[cfg(test)]
mod resolver_tests;
#[cfg(test)]
mod test_support;
#[cfg(test)]
mod tls_tests;

pub use allowed::Allowed;
pub use client::SafeClient;
pub use error::{FetchError, UrlError};
pub use headers::decode_path;
pub use limits::Limits;
pub use post::Posted;
pub use ranges::{ByteRange, Target, Validator, Version};
pub use source::Source;
pub use source_headers::{InvalidSourceHeader, SourceHeaders};
pub use source_url::SourceUrl;
pub use url::Url;
