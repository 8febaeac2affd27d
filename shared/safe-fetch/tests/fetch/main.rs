//! Tests the client with servers on this machine.
#![allow(clippy::unwrap_used, reason = "Clippy does not recognise helper functions as test code")]

mod broken;
mod ranges;
mod redirects;
mod responses;
mod support;
