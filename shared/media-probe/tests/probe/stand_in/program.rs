//! A stand-in for ffprobe that runs the script in its own file name: steps, separated by semicolons.
//!
//!     out HEX   err HEX   exit N   crash   abort   hang   spin   flood   flood-errors
//!     sys NUMBER ARGUMENTS...   makes a system call; an argument is a number, $N for the result of the call with index N,
//!                               or &HEX for the address of these bytes
//!     read                      reads the first byte of the media file
//!     args   env                prints the arguments, or the environment
//!     cat HEX                   prints the file at this path, or the error
//!
//! The last three print their text as the name of the format in a valid description. The tests compile the program without any
//! crate, so that it can be linked statically.

use std::ffi::{c_int, c_long};
use std::io::{Read, Write};
use std::os::unix::ffi::OsStringExt;

unsafe extern "C" {
    fn syscall(number: c_long, ...) -> c_long;
    fn __errno_location() -> *mut c_int;
}

fn main() {
    let mut arguments = std::env::args_os();
    let name = arguments.next().expect("a name").into_vec();
    let file_name = name.rsplit(|byte| *byte == b'/').next().expect("a name");
    let script = String::from_utf8(file_name.to_vec()).expect("a script");
    let mut results = Vec::new();
    for step in script.split(';') {
        let mut words = step.split_whitespace();
        let verb = words.next().unwrap_or_default();
        let words: Vec<&str> = words.collect();
        match verb {
            "out" => print(&unhex(words[0])),
            "err" => std::io::stderr().write_all(&unhex(words[0])).expect("standard error"),
            "exit" => std::process::exit(words[0].parse().expect("a number")),
            // SAFETY: the invalid access is intended, since it kills the process.
            "crash" => unsafe { std::ptr::without_provenance_mut::<u8>(8).write_volatile(1) },
            "abort" => std::process::abort(),
            "hang" => loop {
                std::thread::sleep(std::time::Duration::from_secs(600));
            },
            "spin" => loop {
                std::hint::black_box(0);
            },
            "flood" => loop {
                print(b"{\"format\": {");
            },
            "flood-errors" => while std::io::stderr().write_all(b"error\n").is_ok() {},
            "sys" => results.push(call(&words, &results)),
            "read" => read_media(),
            "args" => describe(&std::env::args().skip(1).collect::<Vec<_>>().join(" ")),
            "env" => {
                describe(&std::env::vars().map(|(key, value)| format!("{key}={value}|")).collect::<String>())
            }
            "cat" => {
                let path = String::from_utf8(unhex(words[0])).expect("a path");
                describe(&std::fs::read(path).map_or_else(
                    |error| error.to_string(),
                    |content| String::from_utf8_lossy(&content).replace('\0', "|"),
                ));
            }
            _ => panic!("unknown step {verb}"),
        }
    }
}

fn call(words: &[&str], results: &[c_long]) -> c_long {
    let mut buffers: Vec<Vec<u8>> =
        words.iter().map(|word| word.strip_prefix('&').map(unhex).unwrap_or_default()).collect();
    let mut numbers = [0; 7];
    for ((number, word), buffer) in numbers.iter_mut().zip(words).zip(&mut buffers) {
        *number = if word.starts_with('&') {
            buffer.as_mut_ptr() as c_long
        } else if let Some(index) = word.strip_prefix('$') {
            results[index.parse::<usize>().expect("an index")]
        } else {
            word.parse().expect("a number")
        };
    }
    let [number, a, b, c, d, e, f] = numbers;
    // SAFETY: the scripts contain only calls that stay within their buffers.
    let result = unsafe { syscall(number, a, b, c, d, e, f) };
    // SAFETY: the pointer is to this thread's `errno`.
    if result < 0 { -c_long::from(unsafe { *__errno_location() }) } else { result }
}

fn read_media() {
    let url = std::env::args().next_back().expect("a URL");
    let (address, path) = url.strip_prefix("http://").and_then(|url| url.split_once('/')).expect("a URL");
    let mut server = std::net::TcpStream::connect(address).expect("the server");
    write!(server, "GET /{path} HTTP/1.1\r\nHost: {address}\r\n\r\n").expect("a request");
    server.read_exact(&mut [0]).expect("a response");
}

fn unhex(digits: &str) -> Vec<u8> {
    let digits = digits.as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).expect("text"), 16).expect("hex"))
        .collect()
}

fn describe(text: &str) {
    let text: String = text
        .chars()
        .flat_map(|c| match c {
            '"' | '\\' => vec!['\\', c],
            c if c.is_control() => vec!['|'],
            c => vec![c],
        })
        .collect();
    print(format!("{{\"format\":{{\"format_name\":\"{text}\"}}}}").as_bytes());
}

fn print(bytes: &[u8]) {
    if std::io::stdout().write_all(bytes).is_err() {
        std::process::exit(3);
    }
    let _ = std::io::stdout().flush();
}
