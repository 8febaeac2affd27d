//! Runs a process of FFmpeg that reads untrusted media: limits its resources, serves it byte ranges from a loopback server, and
//! captures what it prints.
//!
//! The process gets no credential, no TLS and no name of an object: only the address of a server on the loopback interface that
//! responds at one unguessable path. This is no sandbox: the role of the function decides what it may do at all (decision 8).

mod capture;
mod process;
mod range;
mod server;

pub use capture::{TooLong, errors, output};
pub use process::{Group, ProcessLimits, exceeded_cpu, spawn};
pub use range::{ByteRange, parse as parse_range};
pub use server::{Content, ReadAborted, Server, token};
