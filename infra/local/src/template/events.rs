//! Events that invoke a function.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};

use super::model::{Function, ObjectSource, QueueSource, Route, Schedule};
use super::properties::{Properties, texts};
use super::resources::queue_name;
use crate::account::STACK_NAME;

/// Messages per event by default: SQS's default.
const BATCH_SIZE: usize = 10;

/// Reads one entry of a function's `Events`.
pub(super) fn add(
    owner: &mut Properties<'_>,
    name: &str,
    event: &Value,
    function: &mut Function,
) -> Result<()> {
    let kind = event.get("Type").and_then(Value::as_str).context("an event without a type")?;
    let values = event.get("Properties").and_then(Value::as_object).cloned().unwrap_or_else(Map::new);
    let mut properties = owner.within(name, kind, values);
    match kind {
        "HttpApi" => function.routes.push(route(&mut properties)?),
        "SQS" => function.queue_sources.extend(queue(&mut properties)?),
        "S3" => function.object_sources.push(objects(&mut properties)?),
        "Schedule" | "ScheduleV2" => function.schedules.extend(schedule(&mut properties, name, function)?),
        other => {
            owner.not_run(&format!("event {name} of type {other}"));
            return Ok(());
        }
    }
    owner.absorb(properties);
    Ok(())
}

fn route(properties: &mut Properties<'_>) -> Result<Route> {
    properties.value("ApiId")?;
    if let Some(version) = properties.text("PayloadFormatVersion")?
        && version != "2.0"
    {
        bail!("payload format {version}: the local gateway supports only 2.0");
    }
    let method = properties.text("Method")?.map_or_else(|| "ANY".to_owned(), |method| method.to_uppercase());
    let path = properties.text("Path")?.unwrap_or_else(|| "$default".to_owned());
    if path != "$default" && !path.starts_with('/') {
        bail!("path {path} does not start with a slash");
    }
    Ok(Route { method, path })
}

fn queue(properties: &mut Properties<'_>) -> Result<Option<QueueSource>> {
    let queue = queue_name(&properties.text("Queue")?.context("an SQS event without a queue")?);
    let batch_size = properties.number("BatchSize")?.unwrap_or(BATCH_SIZE);
    let types = properties.texts("FunctionResponseTypes")?;
    let mut max_concurrency = None;
    if let Some(mut scaling) = properties.nested("ScalingConfig")? {
        max_concurrency = scaling.number("MaximumConcurrency")?;
        properties.absorb(scaling);
    }
    let enabled = properties.text("Enabled")?.is_none_or(|enabled| enabled == "true");
    let report_batch_item_failures = types.iter().any(|kind| kind == "ReportBatchItemFailures");
    Ok(enabled.then_some(QueueSource { queue, batch_size, max_concurrency, report_batch_item_failures }))
}

fn objects(properties: &mut Properties<'_>) -> Result<ObjectSource> {
    let mut source = ObjectSource {
        bucket: properties.text("Bucket")?.context("an S3 event without a bucket")?,
        configuration_id: properties.place.clone(),
        events: properties.texts("Events")?,
        prefix: String::new(),
        suffix: String::new(),
    };
    if let Some(filter) = properties.value("Filter")? {
        let rules =
            filter.pointer("/S3Key/Rules").and_then(Value::as_array).context("a filter without rules")?;
        for rule in rules {
            let field = |name: &str| texts(rule.get(name)).map(|values| values.join(""));
            match field("Name")?.to_lowercase().as_str() {
                "prefix" => source.prefix = field("Value")?,
                "suffix" => source.suffix = field("Value")?,
                other => bail!("filter rule {other}"),
            }
        }
    }
    Ok(source)
}

fn schedule(properties: &mut Properties<'_>, name: &str, function: &Function) -> Result<Option<Schedule>> {
    let scheduler = properties.kind == "ScheduleV2";
    let expression = properties.text(if scheduler { "ScheduleExpression" } else { "Schedule" })?;
    let expression = expression.context("a schedule without an expression")?;
    let given = properties.text("Name")?;
    let enabled = properties.text("State")?.is_none_or(|state| state == "ENABLED")
        && properties.text("Enabled")?.is_none_or(|enabled| enabled == "true");
    let input = properties.text("Input")?;
    let Some(period) = rate(&expression) else {
        properties.not_run(&format!("schedule {expression}"));
        return Ok(None);
    };
    let name = given.unwrap_or_else(|| format!("{STACK_NAME}-{}{name}", function.logical_id));
    Ok(enabled.then_some(Schedule { name, period, scheduler, input }))
}

/// Parses `rate(5 minutes)`; `None` for `cron(…)` and `at(…)`.
fn rate(expression: &str) -> Option<Duration> {
    let (number, unit) = expression.strip_prefix("rate(")?.strip_suffix(')')?.trim().split_once(' ')?;
    let number: u64 = number.parse().ok().filter(|number| *number > 0)?;
    let seconds = match unit.trim().trim_end_matches('s') {
        "minute" => 60,
        "hour" => 3600,
        "day" => 86_400,
        _ => return None,
    };
    Some(Duration::from_secs(number.checked_mul(seconds)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_parsed() {
        assert_eq!(rate("rate(1 minute)"), Some(Duration::from_secs(60)));
        assert_eq!(rate("rate(5 hours)"), Some(Duration::from_secs(18_000)));
        assert_eq!(rate("rate(2 days)"), Some(Duration::from_secs(172_800)));
        for wrong in
            ["rate(0 minutes)", "rate(1 second)", "rate(x minutes)", "cron(0 * * * ? *)", "rate(1minute)"]
        {
            assert_eq!(rate(wrong), None, "{wrong}");
        }
    }
}
