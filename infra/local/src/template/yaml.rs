//! Converts YAML with CloudFormation's short forms (`!Ref x`) to JSON with the long ones (`{"Ref": x}`).

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};
use serde_norway::Value as Yaml;

/// Reads a template's text.
///
/// # Errors
/// The text is not YAML, or contains a value that JSON cannot represent (a key that is not a string).
pub(super) fn read(text: &str) -> Result<Value> {
    convert(serde_norway::from_str(text).context("the template is not valid YAML")?)
}

fn convert(yaml: Yaml) -> Result<Value> {
    Ok(match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(value) => Value::Bool(value),
        Yaml::Number(number) => serde_json::to_value(number)?,
        Yaml::String(text) => Value::String(text),
        Yaml::Sequence(items) => Value::Array(items.into_iter().map(convert).collect::<Result<_>>()?),
        Yaml::Mapping(entries) => {
            let mut map = Map::new();
            for (key, value) in entries {
                map.insert(key_text(key)?, convert(value)?);
            }
            Value::Object(map)
        }
        Yaml::Tagged(tagged) => long_form(&tagged.tag.to_string(), convert(tagged.value)?),
    })
}

/// Converts a key to a string: keys such as `404:` are numbers in YAML and strings in CloudFormation.
fn key_text(key: Yaml) -> Result<String> {
    Ok(match key {
        Yaml::String(text) => text,
        Yaml::Number(number) => number.to_string(),
        Yaml::Bool(value) => value.to_string(),
        other => bail!("a key of the template is neither a string nor a number: {other:?}"),
    })
}

fn long_form(tag: &str, value: Value) -> Value {
    match tag.trim_start_matches('!') {
        "Ref" => json!({"Ref": value}),
        "Condition" => json!({"Condition": value}),
        "GetAtt" => match value.as_str().and_then(|text| text.split_once('.')) {
            Some((resource, attribute)) => json!({"Fn::GetAtt": [resource, attribute]}),
            None => json!({"Fn::GetAtt": value}),
        },
        name => json!({format!("Fn::{name}"): value}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_forms_become_long_ones() {
        let text =
            "a: !Ref X\nb: !GetAtt Q.Arn\nc: !If [C, !Sub \"${X}\", !Ref AWS::NoValue]\n404: [1, true, ~]";
        let expected = json!({
            "a": {"Ref": "X"},
            "b": {"Fn::GetAtt": ["Q", "Arn"]},
            "c": {"Fn::If": ["C", {"Fn::Sub": "${X}"}, {"Ref": "AWS::NoValue"}]},
            "404": [1, true, null],
        });
        assert_eq!(read(text).unwrap(), expected);
    }

    #[test]
    fn invalid_yaml_is_refused() {
        assert!(read("a: [").is_err());
        assert!(read("? [1, 2]\n: x").is_err());
    }
}
