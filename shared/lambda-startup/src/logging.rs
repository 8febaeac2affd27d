use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Starts the log: one JSON object per line, with the keys that Lambda expects of functions whose log format is JSON
/// (<https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html>). `RUST_LOG` sets the level;
/// the AWS SDK and HTTP libraries log warnings only, so that none of their requests is logged.
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
    let filter = level.with_targets(quiet.map(|library| (library, LevelFilter::WARN)));
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_target(false)
        .with_current_span(true)
        .with_span_list(false)
        .with_writer(std::io::stdout);
    // An error means that a log has been started before.
    let _ = tracing_subscriber::registry().with(lines).with(filter).try_init();
}
