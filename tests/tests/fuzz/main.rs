//! Fuzz targets: parsers of texts and bytes of clients, sources and queues. A failure prints the input and the seed that
//! reproduces it; `PROPTEST_CASES=N` runs longer. The targets for ffprobe's output and for headers of sources are in media-probe
//! and safe-fetch.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod create;
mod domain;
mod nearly;
mod requests;
