//! Traces of files for AWS X-Ray, without its SDK (decision 42). Each file is a trace, whose id is derived from the id of the file.
//! Every invocation that works on the file sends a segment to the daemon that Lambda runs beside a traced function
//! (<https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html>).
//!
//! The file, the operation and the reason come from the fields of log lines and spans, by an allow-list. Nothing is sent, and no
//! socket is opened, unless `FILES_TRACING` is `Active`.

mod calls;
mod daemon;
mod document;
mod layer;
mod tracer;

use std::sync::OnceLock;

use files_domain::FileId;

pub(crate) use calls::Calls;
pub(crate) use layer::Segments;

use daemon::Daemon;
use tracer::Tracer;

/// The variable that switches tracing on, with the value of the template's parameter.
const FILES_TRACING: &str = "FILES_TRACING";
/// The value of [`FILES_TRACING`] that switches tracing on.
const ACTIVE: &str = "Active";

/// The tracer of this process. Not set: tracing is off.
static TRACER: OnceLock<Tracer> = OnceLock::new();

/// Switches tracing on if `FILES_TRACING` is `Active` and Lambda names its daemon. Returns what collects the segments.
pub(crate) fn start() -> Option<Segments> {
    if std::env::var_os(FILES_TRACING).is_none_or(|value| value != ACTIVE) {
        return None;
    }
    let daemon = Daemon::at(&crate::optional("AWS_XRAY_DAEMON_ADDRESS")?)?;
    let function = crate::optional("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_else(|| "function".to_owned());
    Some(Segments::new(TRACER.get_or_init(|| Tracer::new(function, daemon))))
}

/// Returns the interceptor that adds the calls of an AWS client to the segments; `None`: tracing is off.
pub(crate) fn calls() -> Option<Calls> {
    TRACER.get().map(Calls::new)
}

/// Adds this invocation to the trace of a file. Handlers whose log lines name the file only at their end, or not at all, call it at
/// their begin. Does nothing if tracing is off.
pub fn trace_file(id: FileId) {
    if let Some(tracer) = TRACER.get() {
        tracer.file(id);
    }
}

/// Marks this invocation as failed. Does nothing if tracing is off.
pub(crate) fn trace_fault() {
    if let Some(tracer) = TRACER.get() {
        tracer.fault();
    }
}
