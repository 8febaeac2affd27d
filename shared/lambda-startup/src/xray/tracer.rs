use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use files_domain::FileId;
use serde_json::Value;

use super::daemon::Daemon;
use super::document::{Call, Facts, Segment};

/// Maximum of AWS calls in a segment. An import of many parts makes more; the segment has the first ones and the number of the rest.
const MAX_CALLS: usize = 100;
/// Maximum of files of an invocation whose traces have a segment of it.
const MAX_FILES: usize = 10;

/// The annotation with the route of a request.
pub(super) const OPERATION: &str = "operation";

/// Collects what an invocation does, and sends the segments of its files. A process has one invocation at a time.
#[derive(Debug)]
pub(super) struct Tracer {
    function: String,
    daemon: Daemon,
    current: Mutex<Option<Invocation>>,
}

#[derive(Debug)]
struct Invocation {
    start_ms: u64,
    facts: Facts,
    segments: Vec<Segment>,
    calls: Vec<Call>,
    more_calls: u64,
}

impl Tracer {
    pub(super) fn new(function: String, daemon: Daemon) -> Self {
        Self { function, daemon, current: Mutex::new(None) }
    }

    /// Starts an invocation.
    pub(super) fn begin(&self) {
        let start = seconds();
        let facts = Facts { function: self.function.clone(), start, ..Facts::default() };
        let (segments, calls) = (Vec::new(), Vec::new());
        let start_ms = crate::now().millis();
        *self.lock() = Some(Invocation { start_ms, facts, segments, calls, more_calls: 0 });
    }

    /// Adds the invocation to the trace of a file, once. Background work is in the trace from then on, even if its function is ended
    /// by a timeout; a request ends within seconds.
    pub(super) fn file(&self, file: FileId) {
        self.with(|invocation| {
            let is_known = invocation.segments.iter().any(|segment| segment.is_of(file));
            if is_known || invocation.segments.len() >= MAX_FILES {
                return;
            }
            let segment = Segment::new(file, file.created_at().millis() >= invocation.start_ms);
            if !invocation.facts.annotations.contains_key(OPERATION) {
                self.daemon.send(&segment.in_progress(&invocation.facts));
            }
            invocation.segments.push(segment);
        });
    }

    /// Sets a value by which traces are found.
    pub(super) fn annotate(&self, key: &'static str, value: Value) {
        self.with(|invocation| {
            invocation.facts.annotations.insert(key, value);
        });
    }

    /// Sets the HTTP status of the response.
    pub(super) fn status(&self, status: u64) {
        self.with(|invocation| invocation.facts.status = Some(status));
    }

    /// Marks the invocation as failed.
    pub(super) fn fault(&self) {
        self.with(|invocation| invocation.facts.fault = true);
    }

    /// Adds a call of an AWS service.
    pub(super) fn call(&self, call: impl FnOnce() -> Call) {
        self.with(|invocation| match invocation.calls.len() {
            0..MAX_CALLS => invocation.calls.push(call()),
            _ => invocation.more_calls += 1,
        });
    }

    /// Ends the invocation, and sends its segments. The calls are in the segment of a single file: those of several cannot be told
    /// apart.
    pub(super) fn end(&self) {
        let Some(mut invocation) = self.lock().take() else { return };
        let end = seconds();
        if invocation.more_calls > 0 {
            invocation.facts.annotations.insert("calls_left_out", invocation.more_calls.into());
        }
        let calls = if invocation.segments.len() == 1 { &*invocation.calls } else { &[] };
        for segment in &invocation.segments {
            self.daemon.send(&segment.ended(&invocation.facts, end, calls));
        }
    }

    fn with(&self, change: impl FnOnce(&mut Invocation)) {
        if let Some(invocation) = &mut *self.lock() {
            change(invocation);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Invocation>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the time in seconds since 1970.
pub(super) fn seconds() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}
