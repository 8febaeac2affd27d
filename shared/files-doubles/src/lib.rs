//! In-memory doubles of the ports, for tests: they keep what the ports promise, and nothing after the process.

mod memory;
mod read;
mod work;
mod write;

pub use memory::{Duty, Memory, Usage};
