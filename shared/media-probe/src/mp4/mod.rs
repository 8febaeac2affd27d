//! The few boxes of MP4 (ISO/IEC 14496-12) that tell what ffprobe does not.
//!
//! How long a fragmented file is, ffprobe finds out by visiting each fragment, one request for each of thousands. When a file has no
//! index of its fragments, it is shown only the first ones, and the end is computed from the time stamps of the last. And of
//! some edit lists it makes no length at all.

pub(crate) mod boxes;
mod fragments;
#[cfg(test)]
mod fuzz;
mod kind;
mod movie;
mod presentation;
pub(crate) mod walk;

pub(crate) use fragments::look;
pub(crate) use kind::kind;
pub(crate) use presentation::{lacks_length, length};
