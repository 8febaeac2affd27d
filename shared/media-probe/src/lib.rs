//! What a media file is, told by ffprobe: a sandbox for ffprobe, a loopback server through which it reads a stored
//! object by ranges, and the parsing of what it says.
//!
//! ffprobe reads hostile bytes. It gets no credential, no TLS and no name of the object: only the address of a server
//! on the loopback interface that answers one unguessable path from a [`RangeSource`], within [`Limits`].

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
mod probe;
mod range;
mod reader;
mod reason;
mod sandbox;
mod server;
mod source;
mod version;

pub use content_type::true_content_type;
pub use facts::{AttachedPicture, Color, Facts, Hdr};
pub use limits::Limits;
pub use media::{DurationSource, Kind, Media, Summary};
pub use probe::{Ffprobe, Outcome, ProbeError};
pub use sandbox::protect_this_process;
pub use source::{RangeSource, ReadError};
pub use version::is_outdated;
