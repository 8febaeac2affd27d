//! Intrinsic functions, parameters and conditions.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value};

use crate::account::{ACCOUNT_ID, REGION, STACK_NAME};

/// Maximum of nesting. A deeper condition refers to itself.
const MAX_DEPTH: usize = 64;

/// The values of a resource for `Ref` and `GetAtt`.
#[derive(Clone, Debug, Default)]
pub(super) struct Attributes {
    /// `!Ref`.
    pub(super) reference: String,
    /// `!GetAtt`, by the attribute's name.
    pub(super) named: BTreeMap<String, String>,
}

/// Resolves the values of one template.
#[derive(Clone)]
pub(super) struct Resolver {
    parameters: BTreeMap<String, Value>,
    conditions: Map<String, Value>,
    mappings: Map<String, Value>,
    resources: BTreeMap<String, Attributes>,
}

impl Resolver {
    /// Creates a resolver. A parameter has its override, or else its default.
    pub(super) fn new(template: &Value, overrides: &BTreeMap<String, String>) -> Result<Self> {
        let section = |name: &str| template.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
        let mut parameters = BTreeMap::new();
        for (name, declaration) in section("Parameters") {
            parameters.insert(name.clone(), parameter(&name, &declaration, overrides.get(&name))?);
        }
        let (conditions, mappings) = (section("Conditions"), section("Mappings"));
        Ok(Self { parameters, conditions, mappings, resources: BTreeMap::new() })
    }

    /// Checks that the template declares all of these parameters.
    pub(super) fn check_declared<'a>(&self, names: impl Iterator<Item = &'a String>) -> Result<()> {
        let unknown: Vec<&str> =
            names.map(String::as_str).filter(|name| !self.parameters.contains_key(*name)).collect();
        ensure!(unknown.is_empty(), "parameters do not exist in the template: {}", unknown.join(", "));
        Ok(())
    }

    /// Registers a resource for `Ref` and `GetAtt`.
    pub(super) fn add_resource(&mut self, logical_id: &str, attributes: Attributes) {
        self.resources.insert(logical_id.to_owned(), attributes);
    }

    /// Resolves all functions in a value; `None` for `AWS::NoValue`.
    pub(super) fn resolve(&self, value: &Value) -> Result<Option<Value>> {
        self.value(value, 0)
    }

    /// Returns the value of a named condition.
    pub(super) fn condition(&self, name: &str) -> Result<bool> {
        self.named_condition(name, 0)
    }

    fn value(&self, value: &Value, depth: usize) -> Result<Option<Value>> {
        if depth > MAX_DEPTH {
            bail!("the template is nested too deeply, or a condition refers to itself");
        }
        let depth = depth + 1;
        match value {
            Value::Object(map) => match function(map) {
                Some((name, argument)) => {
                    self.call(name, argument, depth).with_context(|| format!("in {value}"))
                }
                None => self.map(map, depth).map(Some),
            },
            Value::Array(items) => self.list(items, depth).map(|items| Some(Value::Array(items))),
            other => Ok(Some(other.clone())),
        }
    }

    fn map(&self, map: &Map<String, Value>, depth: usize) -> Result<Value> {
        let mut resolved = Map::new();
        for (key, value) in map {
            if let Some(value) = self.value(value, depth)? {
                resolved.insert(key.clone(), value);
            }
        }
        Ok(Value::Object(resolved))
    }

    fn list(&self, items: &[Value], depth: usize) -> Result<Vec<Value>> {
        items.iter().filter_map(|item| self.value(item, depth).transpose()).collect()
    }

    fn call(&self, name: &str, argument: &Value, depth: usize) -> Result<Option<Value>> {
        Ok(Some(match name {
            "Ref" => return self.reference(text(argument)?),
            "Fn::If" => return self.if_else(argument, depth),
            "Fn::GetAtt" => Value::String(self.attribute(argument, depth)?),
            "Fn::Sub" => Value::String(self.substitute(argument, depth)?),
            "Fn::Join" => Value::String(self.join(argument, depth)?),
            "Fn::Split" => self.split(argument, depth)?,
            "Fn::Select" => self.select(argument, depth)?,
            "Fn::FindInMap" => self.find_in_map(argument, depth)?,
            "Condition" => Value::Bool(self.named_condition(text(argument)?, depth)?),
            "Fn::Equals" | "Fn::Not" | "Fn::And" | "Fn::Or" => {
                Value::Bool(self.logic(name, argument, depth)?)
            }
            other => bail!("the local cloud does not support the function {other}"),
        }))
    }

    fn reference(&self, name: &str) -> Result<Option<Value>> {
        let pseudo = match name {
            "AWS::NoValue" => return Ok(None),
            "AWS::Region" => REGION,
            "AWS::AccountId" => ACCOUNT_ID,
            "AWS::StackName" => STACK_NAME,
            "AWS::Partition" => "aws",
            "AWS::URLSuffix" => "amazonaws.com",
            "AWS::StackId" => "arn:aws:cloudformation:us-east-1:000000000000:stack/files-local/local",
            _ => {
                let resource =
                    || self.resources.get(name).map(|known| Value::String(known.reference.clone()));
                let value = self.parameters.get(name).cloned().or_else(resource);
                return value.map(Some).with_context(|| format!("no parameter or resource is called {name}"));
            }
        };
        Ok(Some(Value::String(pseudo.to_owned())))
    }

    fn attribute(&self, argument: &Value, depth: usize) -> Result<String> {
        let [resource, attribute] = &*self.arguments(argument, depth)? else {
            bail!("GetAtt takes two values")
        };
        self.attribute_of(text(resource)?, text(attribute)?)
    }

    fn attribute_of(&self, resource: &str, attribute: &str) -> Result<String> {
        let known =
            self.resources.get(resource).with_context(|| format!("no resource is called {resource}"))?;
        let value = known.named.get(attribute);
        value.cloned().with_context(|| format!("the local cloud does not support {resource}.{attribute}"))
    }

    fn if_else(&self, argument: &Value, depth: usize) -> Result<Option<Value>> {
        let Some([condition, yes, no]) = argument.as_array().map(Vec::as_slice) else {
            bail!("If takes three values")
        };
        let branch = if self.named_condition(text(condition)?, depth)? { yes } else { no };
        self.value(branch, depth)
    }

    /// Substitutes `${Name}`, `${Resource.Attribute}` and `${!literal}`.
    fn substitute(&self, argument: &Value, depth: usize) -> Result<String> {
        let (pattern, own) = match argument {
            Value::Array(pair) if pair.len() == 2 => (text(&pair[0])?, self.value(&pair[1], depth)?),
            other => (text(other)?, None),
        };
        let mut result = String::new();
        let mut rest = pattern;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, tail) = after.split_once('}').context("Sub has a ${ without }")?;
            result.push_str(before);
            if let Some(literal) = name.strip_prefix('!') {
                result.push_str(&format!("${{{literal}}}"));
            } else if let Some(value) = own.as_ref().and_then(|own| own.get(name)) {
                result.push_str(&scalar(value)?);
            } else if let Some((resource, attribute)) = name.split_once('.') {
                result.push_str(&self.attribute_of(resource, attribute)?);
            } else {
                result.push_str(&scalar(&self.reference(name)?.context("AWS::NoValue in Sub")?)?);
            }
            rest = tail;
        }
        result.push_str(rest);
        Ok(result)
    }

    fn join(&self, argument: &Value, depth: usize) -> Result<String> {
        let arguments = self.arguments(argument, depth)?;
        let [separator, Value::Array(items)] = &*arguments else { bail!("Join takes a string and a list") };
        Ok(items.iter().map(scalar).collect::<Result<Vec<_>>>()?.join(text(separator)?))
    }

    fn split(&self, argument: &Value, depth: usize) -> Result<Value> {
        let arguments = self.arguments(argument, depth)?;
        let [separator, value] = &*arguments else { bail!("Split takes two values") };
        Ok(text(value)?.split(text(separator)?).map(Value::from).collect())
    }

    fn select(&self, argument: &Value, depth: usize) -> Result<Value> {
        let arguments = self.arguments(argument, depth)?;
        let [index, Value::Array(items)] = &*arguments else { bail!("Select takes an index and a list") };
        let index: usize = scalar(index)?.parse().context("Select takes a number")?;
        items.get(index).cloned().context("Select is beyond the list's end")
    }

    fn find_in_map(&self, argument: &Value, depth: usize) -> Result<Value> {
        let arguments = self.arguments(argument, depth)?;
        let [map, first, second] = &*arguments else { bail!("FindInMap takes three values") };
        let found =
            self.mappings.get(text(map)?).and_then(|map| map.get(first.as_str()?)?.get(second.as_str()?));
        found.cloned().context("not in the mapping")
    }

    fn arguments(&self, argument: &Value, depth: usize) -> Result<Vec<Value>> {
        self.list(argument.as_array().context("a list is expected")?, depth)
    }

    fn named_condition(&self, name: &str, depth: usize) -> Result<bool> {
        let condition =
            self.conditions.get(name).with_context(|| format!("no condition is called {name}"))?;
        let value = self.value(condition, depth)?;
        value.as_ref().and_then(Value::as_bool).with_context(|| format!("{name} is not a condition"))
    }

    fn logic(&self, name: &str, argument: &Value, depth: usize) -> Result<bool> {
        let values = self.arguments(argument, depth)?;
        if name == "Fn::Equals" {
            let [left, right] = &*values else { bail!("Equals takes two values") };
            return Ok(scalar(left)? == scalar(right)?);
        }
        let truths = values
            .iter()
            .map(|v| v.as_bool().context("a condition is expected"))
            .collect::<Result<Vec<_>>>()?;
        match (name, &*truths) {
            ("Fn::Not", [truth]) => Ok(!truth),
            ("Fn::And", truths) => Ok(truths.iter().all(|truth| *truth)),
            ("Fn::Or", truths) => Ok(truths.iter().any(|truth| *truth)),
            _ => bail!("{name} takes one condition"),
        }
    }
}

/// Returns name and argument of a function in a map with one key: `{"Ref": …}`, `{"Fn::…": …}`, `{"Condition": "Name"}`.
fn function(map: &Map<String, Value>) -> Option<(&str, &Value)> {
    let (name, argument) = map.iter().next()?;
    let is_function = map.len() == 1
        && (name == "Ref" || name.starts_with("Fn::") || (name == "Condition" && argument.is_string()));
    is_function.then_some((name, argument))
}

fn parameter(name: &str, declaration: &Value, given: Option<&String>) -> Result<Value> {
    let kind = declaration.get("Type").and_then(Value::as_str).unwrap_or("String");
    let default = declaration.get("Default").map(scalar).transpose()?;
    let value = given.cloned().or(default).with_context(|| format!("parameter {name} has no value"))?;
    if let Some(allowed) = declaration.get("AllowedValues").and_then(Value::as_array)
        && !allowed.iter().any(|allowed| scalar(allowed).is_ok_and(|allowed| allowed == value))
    {
        bail!("{value:?} is not among the allowed values of parameter {name}");
    }
    Ok(match kind {
        "CommaDelimitedList" | "List<String>" | "List<Number>" => {
            value.split(',').map(|item| Value::from(item.trim())).collect()
        }
        _ => Value::String(value),
    })
}

fn text(value: &Value) -> Result<&str> {
    value.as_str().with_context(|| format!("a string is expected, not {value}"))
}

/// Converts a scalar to a string: CloudFormation accepts numbers and booleans as strings.
pub(super) fn scalar(value: &Value) -> Result<String> {
    Ok(match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        other => bail!("a string is expected, not {other}"),
    })
}

#[cfg(test)]
mod tests;
