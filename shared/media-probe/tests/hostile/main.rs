//! Tests with malicious and damaged files: decompression bombs, and valid files that are truncated and overwritten at random. A
//! separate target, so that nearly all of its child processes are the ffprobes whose memory is measured.
//!
//! `HOSTILE_SEED=N` replays a run, `HOSTILE_ROUNDS=N` overwrites each sample more often.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking")]

mod bombs;
mod mutations;
mod samples;
mod support;
