//! Delivers events by a handler in this process, on real services, to receivers on this machine.

mod events;
mod failures;
mod receiver;
mod setup;
mod signatures;
