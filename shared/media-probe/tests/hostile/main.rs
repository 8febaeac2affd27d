//! Files that are made to hurt: bombs, and ordinary files cut and overwritten at random. A target of its own, so that
//! nearly all of its child processes are the ffprobes whose memory is measured.
//!
//! `HOSTILE_SEED=N` replays a run, `HOSTILE_ROUNDS=N` overwrites each sample more often.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test says what is wrong by failing")]

mod bombs;
mod mutations;
mod samples;
mod support;
