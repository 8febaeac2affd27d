//! Fuzz targets: what reads text or bytes that a client, a source or a queue sends. A failure prints the input and the seed
//! that gives it again; `PROPTEST_CASES=N` runs longer. Those of what ffprobe says, and of headers that sources send, are in
//! media-probe and safe-fetch.

#![allow(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

mod create;
mod domain;
mod nearly;
mod requests;
