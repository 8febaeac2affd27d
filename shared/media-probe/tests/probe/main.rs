//! Tests of probes of real media with the layer's ffprobe. They need `ffmpeg` and, for a comparison, its `ffprobe` (Debian's
//! package `ffmpeg`).

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking")]

mod confined;
mod content_types;
mod damaged;
mod dolby_vision;
mod economy;
mod encrypted;
mod faults;
mod formats;
mod hostile;
mod large;
mod mediainfo;
mod other_files;
mod posters;
mod posters_of_av1;
mod posters_of_pictures;
mod rare;
mod samples;
mod stand_in;
mod stills;
mod support;
mod timing;
