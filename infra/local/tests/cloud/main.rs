//! The local cloud with a real function process: `function.rs`, started from this very test binary.

#![allow(
    clippy::unwrap_used,
    reason = "these are tests, although Clippy only sees that of functions marked so"
)]

mod board;
mod doors;
mod faults;
mod frozen;
mod function;
mod gateway;
mod hostile;
mod http;
mod invoke;
mod jail;
mod probe;
mod process;
mod runtime;
mod setup;
mod triggers;
