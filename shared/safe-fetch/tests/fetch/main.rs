//! The client against real servers on this machine.
#![allow(clippy::unwrap_used, reason = "helpers of tests, where a panic is the failure")]

mod answers;
mod broken;
mod ranges;
mod redirects;
mod support;
