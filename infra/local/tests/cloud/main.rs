//! The local cloud with a real function process: `function.rs`, started from this very test binary.

#![allow(
    clippy::unwrap_used,
    reason = "these are tests, although Clippy recognises only functions marked as such"
)]

mod board;
mod faults;
mod foreign_clients;
mod frozen;
mod function;
mod gateway;
mod http;
mod injected_faults;
mod invoke;
mod jail;
mod probe;
mod process;
mod runtime;
mod setup;
mod triggers;
