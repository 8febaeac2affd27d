use std::fmt::Debug;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::tracer::{OPERATION, Tracer};

/// The longest word or pattern of a route in an annotation, in bytes.
const MAX_WORD_BYTES: usize = 64;

/// Collects the segments of invocations from spans and log lines. An invocation is the span of `lambda_runtime`, which closes after
/// the response has been sent and before the next event is requested.
#[derive(Debug)]
pub(crate) struct Segments {
    tracer: &'static Tracer,
}

impl Segments {
    pub(super) fn new(tracer: &'static Tracer) -> Self {
        Self { tracer }
    }
}

fn is_invocation(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.target().starts_with("lambda_runtime::")
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Segments {
    fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        if is_invocation(attributes.metadata()) {
            self.tracer.begin();
        }
        attributes.record(&mut Fields(self.tracer));
    }

    fn on_record(&self, _: &Id, values: &Record<'_>, _: Context<'_, S>) {
        values.record(&mut Fields(self.tracer));
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        event.record(&mut Fields(self.tracer));
        if *event.metadata().level() == Level::ERROR {
            self.tracer.fault();
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        if context.metadata(&id).is_some_and(is_invocation) {
            self.tracer.end();
        }
    }
}

/// Reads the fields that may be in a trace. All other fields, and values that are no id, no word and no route, are left out.
struct Fields(&'static Tracer);

impl Fields {
    fn text(&self, field: &Field, text: &str) {
        match field.name() {
            "file" => {
                if let Ok(id) = text.parse() {
                    self.0.file(id);
                }
            }
            "requestId" if is_of(text, "-") => self.0.annotate("request_id", text.into()),
            "route" if is_of(text, " /{}$-._") => self.0.annotate(OPERATION, text.into()),
            "reason" if is_of(text, "_") => self.0.annotate("reason", text.into()),
            "outcome" if is_of(text, "_-") => self.0.annotate("outcome", text.into()),
            "verdict" if is_of(text, "_") => self.0.annotate("verdict", text.into()),
            _ => {}
        }
    }
}

fn is_of(text: &str, others: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || others.contains(c);
    !text.is_empty() && text.len() <= MAX_WORD_BYTES && text.chars().all(is_allowed)
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "status" => self.0.status(value),
            "size_bytes" => self.0.annotate("size_bytes", value.into()),
            _ => {}
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if matches!(field.name(), "file" | "requestId" | "reason") {
            self.text(field, &format!("{value:?}"));
        }
    }
}

#[cfg(test)]
#[path = "layer_tests.rs"]
mod tests;
