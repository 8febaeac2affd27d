//! The parts of `files-admin` that tests also call in their own process.

pub mod reconcile;
