//! The only way out to the internet: guarded DNS, redirects, limits.
//!
//! Users give URLs that a server then fetches from inside a network. Without a guard they could make it read what only
//! that network can reach: a metadata service, a database, a neighbour's admin page. This crate fetches public addresses
//! on ports 80 and 443 and nothing else, unless the operator [allowed](Allowed) a host:
//!
//! - literal addresses are checked on the parsed URL, since an HTTP client never resolves them;
//! - names are resolved once, every address of the answer is checked, and only checked addresses are connected to, so
//!   a second answer (DNS rebinding) cannot matter;
//! - redirects are followed here, each checked as if a user had typed it; those of a [POST](SafeClient::post) are not followed;
//! - no proxies, and no cookies, credentials or Referer but those a caller [gives](SourceHeaders), which stay behind when a
//!   redirect leads to another origin, and cookies that a chain of redirects sets, which end with it;
//! - bodies come as they are, in chunks: what is compressed although it was not to be is decoded as a [text](Source::text) of
//!   bounded length, or refused; every wait has a limit.
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
pub use source_headers::{NotForSources, SourceHeaders};
pub use source_url::SourceUrl;
pub use url::Url;
