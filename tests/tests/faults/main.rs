//! The main use case under injected faults: killed at every call, and with a mix of all faults; then the design's invariants are
//! checked on the stores.

mod background;
mod client;
mod dead_letters;
mod each_fault;
mod every_call;
mod invariants;
mod joins;
mod killed_imports;
mod parts;
mod recovery;
mod samples;
mod soak;
mod soak_webhooks;
mod sweeping;
mod webhooks;
mod worker;
