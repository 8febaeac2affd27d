use std::io::Write;

use files_domain::Timestamp;
use serde_json::{Value, json};

use crate::settings::optional;

/// The CloudWatch namespace of the metrics.
const NAMESPACE: &str = "Files";

/// The unit of a metric, as CloudWatch names it
/// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricUnit {
    /// A time in seconds.
    Seconds,
    /// A number of items.
    Count,
}

impl MetricUnit {
    fn name(self) -> &'static str {
        match self {
            Self::Seconds => "Seconds",
            Self::Count => "Count",
        }
    }
}

/// Publishes one value of a metric of this function as a log line in the embedded metric format, which needs no API call and no
/// permission
/// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>).
///
/// Lambda applies its log level filter to the line, with level `INFO`: a function that publishes metrics needs an
/// `ApplicationLogLevel` of `INFO` or lower.
pub fn publish_metric(name: &str, unit: MetricUnit, value: u64) {
    let function = optional("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default();
    let line = format!("{}\n", document(&function, name, unit, value, crate::now()));
    // A single write, so that lines of other threads cannot interleave. An error must not end the function.
    let _ = std::io::stdout().lock().write_all(line.as_bytes());
}

/// Creates the JSON document of the line. Lambda reads `level` and `timestamp`, CloudWatch the other fields.
fn document(function: &str, name: &str, unit: MetricUnit, value: u64, now: Timestamp) -> Value {
    json!({
        "timestamp": now.to_string(),
        "level": "INFO",
        "message": "metric",
        "FunctionName": function,
        name: value,
        "_aws": {
            "Timestamp": now.millis(),
            "CloudWatchMetrics": [{
                "Namespace": NAMESPACE,
                "Dimensions": [["FunctionName"]],
                "Metrics": [{"Name": name, "Unit": unit.name()}],
            }],
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_follows_the_specification() {
        let now = Timestamp::from_millis(1_767_323_045_678);
        let document = document("files-sweep", "OldestDueAge", MetricUnit::Seconds, 61, now);
        let directive = &document["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(document["_aws"]["Timestamp"], 1_767_323_045_678_u64);
        assert_eq!(directive["Namespace"], "Files");
        // The directive refers to members of the root: dimensions are strings, values are numbers.
        for name in directive["Dimensions"][0].as_array().unwrap() {
            assert!(document[name.as_str().unwrap()].is_string(), "{name}");
        }
        for metric in directive["Metrics"].as_array().unwrap() {
            assert!(document[metric["Name"].as_str().unwrap()].is_number(), "{metric}");
        }
        assert_eq!(directive["Metrics"], json!([{"Name": "OldestDueAge", "Unit": "Seconds"}]));
        assert_eq!(document["OldestDueAge"], 61);
    }

    #[test]
    fn the_document_has_level_and_timestamp_for_lambda() {
        let document = document("f", "m", MetricUnit::Count, 0, Timestamp::from_millis(1_767_323_045_678));
        assert_eq!(document["level"], "INFO");
        assert_eq!(document["timestamp"], "2026-01-02T03:04:05.678Z");
    }
}
