//! The local cloud: API Gateway, Lambda, S3, SQS, DynamoDB and schedules in one process, from a SAM template.

pub mod access;
pub mod account;
pub mod calls;
pub mod clock;
pub mod cloud;
pub mod data;
pub mod dynamodb;
pub mod faults;
mod foreign;
pub mod gateway;
pub mod iam;
pub mod identity;
mod listeners;
pub mod log;
pub mod options;
mod peer;
pub mod ready;
pub mod runtime;
pub mod s3;
mod server;
pub mod services;
mod setup;
pub mod sigv4;
pub mod sqs;
pub mod template;
pub mod triggers;
