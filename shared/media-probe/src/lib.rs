//! Reads media files with ffprobe: starts it within limits, serves it a stored object by ranges from a loopback server, and
//! parses what it prints.
//!
//! ffprobe reads hostile bytes. It gets no credential, no TLS and no name of the object: only the address of a server
//! on the loopback interface that answers one unguessable path from a [`RangeSource`], within [`Limits`]. It is no sandbox: what
//! a function that probes may do at all is decided by the function's role.

mod adjust;
mod ahead;
mod cache;
mod capture;
mod command;
mod content_type;
mod depth;
mod facts;
#[cfg(test)]
mod fuzz;
mod halt;
mod limits;
mod media;
mod mp4;
mod number;
mod parse;
mod poster;
mod probe;
mod process;
mod range;
mod rate;
mod reader;
mod reason;
mod second;
mod server;
mod source;
mod still;
mod stream;
mod version;

pub use ahead::FIRST_READ_BYTES;
pub use content_type::true_content_type;
pub use limits::Limits;
pub use media::Media;
pub use probe::{Ffprobe, Outcome, ProbeEnd, ProbeError};
pub use source::{RangeSource, ReadError};
pub use version::is_outdated;
