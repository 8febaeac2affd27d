//! Delivers events by a handler in this process, on real services, to receivers on this machine.

mod bus;
mod down;
mod events;
mod failures;
mod faults;
mod receiver;
mod setup;
mod share;
mod signatures;
