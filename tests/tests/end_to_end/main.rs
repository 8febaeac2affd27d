//! The real binaries, from the outside. One program, so that it is linked once and its tests share one cloud.

mod auth;
mod background;
mod bad_input;
mod budgets;
mod command;
mod command_uploads;
mod download;
mod durability;
mod failing_sources;
mod ffmpeg;
mod http;
mod injection;
mod list;
mod lying_sources;
mod odd_files;
mod odd_forms;
mod origin;
mod parts;
mod parts_refused;
mod permissions;
mod playlists;
mod presigned;
mod private_addresses;
mod reprobe;
mod source_headers;
mod story;
