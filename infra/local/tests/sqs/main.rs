//! The local SQS, through the AWS SDK for Rust.

mod cloud;
mod fairness;
mod faults;
mod permissions;
mod queues;
mod receiving;
mod sending;
#[path = "../signed/mod.rs"]
mod signed;
