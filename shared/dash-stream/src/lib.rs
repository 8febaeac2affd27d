//! Reads MPEG-DASH manifests (ISO/IEC 23009-1): the representations of a static presentation with one period, the choice among them,
//! and the segments of the chosen ones.
//!
//! A manifest is untrusted. It is limited to 4 MiB of XML without a document type, and a representation to 20,000 segments. All
//! numbers are checked before anything is allocated for them. This crate sends no requests: the URLs in a manifest are checked by
//! those who fetch them.

mod choose;
mod duration;
mod element;
mod error;
mod manifest;
mod representation;
mod segments;
mod template;
mod timeline;

pub use choose::{Choice, Preferences, Stream};
pub use error::Refusal;
pub use manifest::choices;
pub use segments::Media;

/// The maximum size of a manifest in bytes.
pub const MAX_MANIFEST_BYTES: usize = 4 * 1024 * 1024;

#[cfg(test)]
mod tests;
