//! Lists of rules, the format of `--faults` and `POST /_local/faults`.

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::mix;
use super::rule::Rule;

/// Rules, and the seed of their probabilities.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// The seed from which all probabilities derive, if the rules name one.
    pub seed: Option<u64>,
    /// The rules in order: the first that applies to a call decides its fault.
    pub rules: Vec<Rule>,
}

impl Rules {
    /// Returns the mix of faults with this seed.
    fn mix(seed: u64) -> Self {
        Self { seed: Some(seed), rules: mix::rules() }
    }

    /// Reads the argument of `--faults`: a number is the seed of the mix, anything else is a file of rules.
    ///
    /// # Errors
    /// The file cannot be read, or contains something that is not a rule.
    pub fn from_argument(argument: &str) -> Result<Self> {
        if let Ok(seed) = argument.parse() {
            return Ok(Self::mix(seed));
        }
        let unreadable = || format!("--faults is a number or a file of rules; cannot read {argument}");
        Self::parse(&std::fs::read(argument).with_context(unreadable)?)
            .with_context(|| format!("faults in {argument}"))
    }

    /// Parses JSON: one rule, a list of rules, `{"seed": 7, "rules": […]}`, or a number, the seed of the mix.
    ///
    /// # Errors
    /// Something in it is not a rule; the error names its position and the mistake.
    pub fn parse(text: &[u8]) -> Result<Self> {
        let value: Value = serde_json::from_slice(text).context("this is not JSON")?;
        if let Some(seed) = value.as_u64() {
            return Ok(Self::mix(seed));
        }
        let (seed, values) = match value {
            Value::Array(values) => (None, values),
            Value::Object(mut fields) if fields.contains_key("rules") => {
                let Some(Value::Array(values)) = fields.remove("rules") else { bail!("rules is not a list") };
                let seed = fields.remove("seed");
                let seed =
                    seed.map(|seed| seed.as_u64().context("seed is not a whole number")).transpose()?;
                if let Some(name) = fields.keys().next() {
                    bail!("unknown field {name}: the fields are rules and seed");
                }
                (seed, values)
            }
            one => (None, vec![one]),
        };
        let read = |(at, value): (usize, Value)| {
            let rule: Result<Rule> = serde_json::from_value(value).map_err(Into::into);
            let checked = rule.and_then(|rule| rule.check().map(|()| rule));
            checked.map_err(|error| anyhow::anyhow!("rule {}: {error}", at + 1))
        };
        Ok(Self { seed, rules: values.into_iter().enumerate().map(read).collect::<Result<_>>()? })
    }
}
