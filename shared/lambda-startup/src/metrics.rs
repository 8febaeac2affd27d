use std::io::Write;

use files_domain::Timestamp;
use serde_json::{Value, json};

use crate::settings::optional;

/// CloudWatch's namespace of the metrics.
const NAMESPACE: &str = "Files";

/// The unit of a metric, as CloudWatch names it
/// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricUnit {
    /// Seconds.
    Seconds,
    /// Count.
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

/// Publishes one value of a metric of this function as a line of its log, which needs no call and no permission
/// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>).
///
/// Lambda filters such a line like any other, as one of level `INFO`: a function that publishes metrics needs an
/// `ApplicationLogLevel` of `INFO` or lower.
pub fn publish_metric(name: &str, unit: MetricUnit, value: u64) {
    let function = optional("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default();
    let line = format!("{}\n", document(&function, name, unit, value, crate::now()));
    // A single write, so that no other line of the log comes in between. An error must not end the function.
    let _ = std::io::stdout().lock().write_all(line.as_bytes());
}

/// Builds the line. `level` and `timestamp` are for Lambda, the rest is for CloudWatch.
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
    fn a_line_is_what_the_specification_asks_for() {
        let now = Timestamp::from_millis(1_767_323_045_678);
        let document = document("files-sweep", "OldestDueAge", MetricUnit::Seconds, 61, now);
        let directive = &document["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(document["_aws"]["Timestamp"], 1_767_323_045_678_u64);
        assert_eq!(directive["Namespace"], "Files");
        // Targets of the directive are members of the root: dimensions are texts, values are numbers.
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
    fn lambda_finds_level_and_time() {
        let document = document("f", "m", MetricUnit::Count, 0, Timestamp::from_millis(1_767_323_045_678));
        assert_eq!(document["level"], "INFO");
        assert_eq!(document["timestamp"], "2026-01-02T03:04:05.678Z");
    }
}
