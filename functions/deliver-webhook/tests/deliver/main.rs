//! Calls the handler in this process, with real services and with receivers on this machine.

mod bus;
mod events;
mod failures;
mod faults;
mod receiver;
mod setup;
mod signatures;
