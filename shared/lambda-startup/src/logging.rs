use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::xray;

/// Starts logging to stdout: one JSON object per line, in Lambda's JSON log format
/// (<https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html>). `RUST_LOG` sets the level. The AWS
/// SDK and the HTTP libraries log only warnings and errors, so that no requests are logged.
pub(crate) fn start() {
    let level = crate::optional("RUST_LOG").unwrap_or_else(|| "info".to_owned());
    let quiet = [
        "aws_config",
        "aws_runtime",
        "aws_smithy_runtime",
        "aws_smithy_http_client",
        "hyper",
        "hyper_util",
        "h2",
        "rustls",
        "reqwest",
    ];
    let level: Targets = level.parse().unwrap_or_else(|_| Targets::new().with_default(LevelFilter::INFO));
    let quiet = quiet.map(|library| (library, LevelFilter::WARN));
    let filter = level.with_targets(quiet);
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_target(false)
        .with_current_span(true)
        .with_span_list(false)
        .with_writer(std::io::stdout);
    // An error means that logging has been started before.
    let _ = match xray::start() {
        None => tracing_subscriber::registry().with(lines).with(filter).try_init(),
        // The trace has what is logged at level info, whatever `RUST_LOG` says.
        Some(segments) => {
            let traced = Targets::new().with_default(LevelFilter::INFO).with_targets(quiet);
            let segments = segments.with_filter(traced);
            tracing_subscriber::registry().with(lines.with_filter(filter)).with(segments).try_init()
        }
    };
}
