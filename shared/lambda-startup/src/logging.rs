use tracing_subscriber::EnvFilter;

/// One JSON object a line, with the keys that Lambda's log groups expect of functions whose format is JSON
/// (<https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html>). `RUST_LOG` sets the level;
/// the AWS SDK and HTTP libraries stay at warnings, so that no request of theirs is ever logged.
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
    let quiet = quiet.map(|library| format!("{library}=warn")).join(",");
    let filter = EnvFilter::try_new(format!("{level},{quiet}")).unwrap_or_else(|_| EnvFilter::new("info"));
    let started = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_target(false)
        .with_current_span(true)
        .with_span_list(false);
    // An error means that a log is running already: then that one serves.
    let _ = started.with_env_filter(filter).with_writer(std::io::stdout).try_init();
}
