//! A board over HTTP where functions report and wait for tests, because functions and tests share no folder.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use crate::http::request;

/// The environment variable with the board's address.
pub(crate) const VARIABLE: &str = "BOARD";

/// The board of one test.
pub(crate) struct Board {
    pub(crate) address: String,
    notes: Arc<Mutex<Notes>>,
}

#[derive(Default)]
struct Notes {
    /// The events that functions received, in order.
    seen: String,
    /// By gate, the process that waited last.
    waiting: BTreeMap<String, String>,
    open: BTreeSet<String>,
    marked: BTreeSet<String>,
}

impl Board {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let notes = Arc::<Mutex<Notes>>::default();
        let own = notes.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let notes = own.clone();
                std::thread::spawn(move || serve(stream.unwrap(), &notes));
            }
        });
        Self { address, notes }
    }

    /// Returns the events that functions received, one per line.
    pub(crate) fn seen(&self) -> String {
        self.notes.lock().unwrap().seen.clone()
    }

    /// Returns the process that waits at a gate.
    pub(crate) fn waiting(&self, gate: &str) -> Option<String> {
        self.notes.lock().unwrap().waiting.get(gate).cloned()
    }

    /// Opens a gate for the functions that wait there now or later.
    pub(crate) fn open(&self, gate: &str) {
        self.notes.lock().unwrap().open.insert(gate.to_owned());
    }

    pub(crate) fn is_marked(&self, mark: &str) -> bool {
        self.notes.lock().unwrap().marked.contains(mark)
    }
}

fn serve(stream: TcpStream, notes: &Mutex<Notes>) {
    let mut reader = BufReader::new(stream);
    let (mut target, mut size) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or_default() == 0 {
            return; // the function was killed while it was sending
        }
        if target.is_empty() {
            target = line.split(' ').nth(1).unwrap().to_owned();
        } else if let Some(text) = line.strip_prefix("Content-Length: ") {
            size = text.trim().parse().unwrap();
        } else if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; size];
    if reader.read_exact(&mut body).is_err() {
        return;
    }
    let (what, name) = target.trim_start_matches('/').split_once('/').unwrap();
    let agreed = notes.lock().unwrap().note(what, name, String::from_utf8(body).unwrap());
    let status = if agreed { "200 OK" } else { "409 Conflict" };
    let _ = write!(reader.into_inner(), "HTTP/1.1 {status}\r\nConnection: close\r\n\r\n");
}

impl Notes {
    fn note(&mut self, what: &str, name: &str, body: String) -> bool {
        match what {
            "seen" => self.seen.push_str(&format!("{body}\n")),
            "wait" => {
                self.waiting.insert(name.to_owned(), body);
                return self.open.contains(name);
            }
            "mark" => return self.marked.insert(name.to_owned()),
            other => panic!("the board does not support {other}"),
        }
        true
    }
}

/// Sends a report of the calling function to the board. Returns whether the board agrees.
pub(crate) fn report(what: &str, name: &str, body: &str) -> bool {
    let address = std::env::var(VARIABLE).unwrap();
    request(&address, "POST", &format!("/{what}/{name}"), &[], body.as_bytes()).status == 200
}
