//! The local S3 as its clients see it: the AWS SDK, presigned URLs, browsers.

#![allow(clippy::unwrap_used, reason = "a test may panic, in its helpers too")]

mod bucket;
mod calls;
mod cors;
mod credentials;
mod durability;
mod facts_lists;
mod facts_multipart;
mod facts_objects;
mod facts_presigned;
mod faults;
mod multipart;
mod multipart_errors;
mod objects;
mod permissions;
mod presigned;
mod presigned_reads;
mod raw;
