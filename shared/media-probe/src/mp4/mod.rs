//! The boxes of MP4 (ISO/IEC 14496-12) for which ffprobe's result is slow or wrong.
//!
//! ffprobe determines the duration of a fragmented file by visiting each fragment: thousands of requests. For a file without an
//! index of its fragments, only the first ones are visible to ffprobe, and the duration is derived from the time stamps of the
//! last ones. ffprobe also derives no duration from some edit lists.

pub(crate) mod boxes;
mod fragments;
#[cfg(test)]
mod fuzz;
mod kind;
mod movie;
mod presentation;
mod protection;
pub(crate) mod walk;

pub(crate) use fragments::detect_fragments;
pub(crate) use kind::kind;
pub(crate) use presentation::{lacks_duration, presentation_duration};
pub(crate) use protection::encryption_scheme;
