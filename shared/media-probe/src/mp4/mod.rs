//! The few boxes of MP4 (ISO/IEC 14496-12) that tell how long a fragmented file is.
//!
//! ffprobe finds that out by visiting each fragment, one request for each of thousands. When a file has no index of its
//! fragments, it is shown only the first ones, and the end is computed from the time stamps of the last.

mod boxes;
mod fragments;
#[cfg(test)]
mod fuzz;
mod movie;

pub(crate) use fragments::look;
