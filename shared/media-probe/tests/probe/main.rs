//! Probes of real media with the machine's own ffprobe. They need `ffmpeg` and `ffprobe` (Debian's package `ffmpeg`).

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test says what is wrong by failing")]

mod economy;
mod faults;
mod formats;
mod hostile;
mod sandbox;
mod support;
