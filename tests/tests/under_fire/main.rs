//! The main job on bad days: killed at every call, and under a mix of all faults; then the design's invariants on the
//! stores.

mod background;
mod client;
mod each_fault;
mod every_call;
mod invariants;
mod killed_imports;
mod last_letters;
mod parts;
mod recovery;
mod samples;
mod soak;
mod sweeping;
mod worker;
