//! Resolves a URL to its media: a file, an HLS playlist, an MPEG-DASH manifest, or a web page that embeds one of these.
//!
//! A preview resolves a URL and shows the result; an import resolves it and transfers the bytes. Both call
//! [`MediaSource::resolve`], so that they return the same media and the same errors for a URL.

mod choice;
mod dash;
mod error;
mod hls;
mod kind;
mod name;
mod page;
mod public_urls;
mod resolve;
mod resolved;
mod resolved_page;
mod resolver;

pub use mux_protocol::Container;

pub use choice::choice_id;
pub use error::{Refusal, ResolveError};
pub use kind::ContentKind;
pub use page::{Format, Page, Transport};
pub use resolve::{MediaSource, Request};
pub use resolved::{Content, Resolved, Sound};
pub use resolved_page::ResolvedPage;
pub use resolver::{PageError, PageRequest, PageResolver};
