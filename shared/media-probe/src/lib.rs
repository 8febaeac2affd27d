//! Reads media files with ffprobe: starts it within limits, serves it a stored object by ranges from a loopback server, and
//! parses what it prints.
//!
//! ffprobe reads untrusted bytes. It gets no credentials, no TLS and no object name, only the URL of a loopback server that
//! serves one unguessable path from a [`RangeSource`], within [`Limits`]. This is not a sandbox: the role of the function limits
//! what a compromised ffprobe can do.

mod adjust;
mod cache;
mod command;
mod content_type;
mod depth;
mod dff;
mod facts;
#[cfg(test)]
mod fuzz;
mod halt;
mod limits;
mod media;
mod mp4;
mod number;
mod orientation;
mod parse;
mod poster;
mod probe;
mod rate;
mod read_ahead;
mod reader;
mod reason;
mod second_pass;
#[cfg(test)]
mod server_tests;
mod source;
mod still;
mod stream;
mod version;

pub use content_type::corrected_content_type;
pub use limits::Limits;
pub use media::Media;
pub use probe::{Ffprobe, Outcome, ProbeEnd, ProbeError};
pub use read_ahead::FIRST_READ_BYTES;
pub use source::{RangeSource, ReadError};
pub use version::is_outdated;
