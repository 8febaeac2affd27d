//! Parses JSON bodies: one object without repeated names.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::{ApiError, Reason};

/// The byte order mark that some editors and .NET write. A parser may ignore it (RFC 8259, section 8.1).
pub(crate) const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// The fields of a JSON body. A field that is `null` counts as absent, unless the body is read for a change.
#[derive(Debug, Default)]
pub struct JsonObject(BTreeMap<String, Value>);

impl JsonObject {
    /// Reads a body. An empty one has no fields.
    ///
    /// # Errors
    /// [`Reason::MalformedRequest`]: it is not JSON, or not an object. [`Reason::RepeatedField`].
    pub fn read(body: &[u8]) -> Result<Self, ApiError> {
        Ok(Self::read_with_nulls(body)?.without_nulls())
    }

    /// Removes the fields that are `null`.
    pub(crate) fn without_nulls(mut self) -> Self {
        self.0.retain(|_, value| !value.is_null());
        self
    }

    /// Returns whether a field is `null`.
    pub(crate) fn is_null(&self, field: &str) -> bool {
        self.0.get(field).is_some_and(Value::is_null)
    }

    /// Reads a body in which `null` differs from an absent field.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub(crate) fn read_with_nulls(body: &[u8]) -> Result<Self, ApiError> {
        let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
        if body.trim_ascii().is_empty() {
            return Ok(Self::default());
        }
        let value = unique_value(body).map_err(|error| unreadable(&error))?;
        let Value::Object(fields) = value else {
            let message = format!("The JSON body must be an object, not {}", kind(&value));
            return Err(ApiError::from(Reason::MalformedRequest).with_message(message));
        };
        Ok(Self(fields.into_iter().collect()))
    }

    /// Returns whether the object has a field, even if it is `null`.
    pub(crate) fn has(&self, field: &str) -> bool {
        self.0.contains_key(field)
    }

    /// Removes and returns a field.
    pub fn take(&mut self, field: &str) -> Option<Value> {
        self.0.remove(field)
    }

    /// Removes and returns a field that must be a string.
    ///
    /// # Errors
    /// `reason`: it is of another type.
    pub fn string(&mut self, field: &str, reason: Reason) -> Result<Option<String>, ApiError> {
        match self.take(field) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(wrong_type(field, "a string", &other, reason)),
        }
    }

    /// Removes and returns a field that must be an integer.
    ///
    /// # Errors
    /// `reason`: it has another type, or is not an integer.
    pub fn integer(&mut self, field: &str, reason: Reason) -> Result<Option<i128>, ApiError> {
        self.take(field).map(|value| Self::whole(field, &value, reason)).transpose()
    }

    /// Returns a value that must be an integer.
    ///
    /// # Errors
    /// `reason`: it has another type, or is not an integer.
    pub(crate) fn whole(field: &str, value: &Value, reason: Reason) -> Result<i128, ApiError> {
        let whole = value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from));
        whole.ok_or_else(|| wrong_type(field, "a whole number", value, reason))
    }

    /// Returns the name of a remaining field, in a form that is safe in a response.
    pub(crate) fn other_field(&self) -> Option<String> {
        self.0.keys().next().map(|name| printable(name))
    }

    /// Removes and returns a field that must be `true` or `false`.
    ///
    /// # Errors
    /// `reason`: it is of another type.
    pub fn boolean(&mut self, field: &str, reason: Reason) -> Result<Option<bool>, ApiError> {
        match self.take(field) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(value)),
            Some(other) => Err(wrong_type(field, "true or false", &other, reason)),
        }
    }

    /// Removes and returns a field that must be an object of strings.
    ///
    /// # Errors
    /// `reason`: the field or a member has another type.
    pub fn strings(
        &mut self,
        field: &str,
        reason: Reason,
    ) -> Result<Option<BTreeMap<String, String>>, ApiError> {
        self.take(field).map(|value| strings(field, value, reason)).transpose()
    }
}

/// Builds the error for a field that the request does not take.
pub(crate) fn unknown_field(field: &str) -> ApiError {
    let message = format!("{field} is not a field of this request");
    ApiError::from(Reason::UnknownField).with_message(&message).on_field(field, Some(message))
}

/// Parses any JSON value in which no object has a repeated name.
///
/// # Errors
/// [`serde_json::Error`]: the text is not JSON, or a name is repeated.
pub(crate) fn unique_value(text: &[u8]) -> serde_json::Result<Value> {
    serde_json::from_slice(text).map(|Unique(value)| value)
}

/// Reads an object of strings.
///
/// # Errors
/// `reason`, with the type that was found.
pub(crate) fn strings(
    field: &str,
    value: Value,
    reason: Reason,
) -> Result<BTreeMap<String, String>, ApiError> {
    let Value::Object(members) = value else {
        return Err(wrong_type(field, "an object of strings", &value, reason));
    };
    let member = |(name, value): (String, Value)| match value {
        Value::String(text) => Ok((name, text)),
        other => {
            let message =
                format!("{field} must be an object of strings: one of its values is {}", kind(&other));
            Err(ApiError::from(reason).with_message(&message).on_field(field, Some(message)))
        }
    };
    members.into_iter().map(member).collect()
}

pub(crate) fn wrong_type(field: &str, expected: &str, found: &Value, reason: Reason) -> ApiError {
    let message = format!("{field} must be {expected}, not {}", kind(found));
    ApiError::from(reason).with_message(&message).on_field(field, Some(message))
}

/// Returns the name of a value's type, without the value.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a fraction or a number out of range",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// Returns the repeated name that [`unique_value`] has found; `None` for another error.
pub(crate) fn repeated_name(error: &serde_json::Error) -> Option<String> {
    let text = error.to_string();
    let (name, _) = text.strip_prefix(REPEATED)?.rsplit_once(" at line ")?;
    Some(name.to_owned())
}

fn unreadable(error: &serde_json::Error) -> ApiError {
    let place = format!("(line {}, column {})", error.line(), error.column());
    if let Some(name) = repeated_name(error) {
        let message = format!("The JSON body gives the field {name} more than once {place}");
        return ApiError::from(Reason::RepeatedField).with_message(message).on_field(&name, None);
    }
    // The message of the parser would quote the body.
    ApiError::from(Reason::MalformedRequest).with_message(format!("The JSON body cannot be read {place}"))
}

/// Prefix of the error for a repeated name; the name follows.
const REPEATED: &str = "repeated: ";

/// A JSON value without repeated names, which parsers interpret differently (RFC 8259, section 4).
struct Unique(Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueVisitor).map(Self)
    }
}

struct UniqueVisitor;

impl<'de> Visitor<'de> for UniqueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without repeated names")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Unique(value)) = items.next_element()? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some((name, Unique(value))) = members.next_entry::<String, Unique>()? {
            let repeated = printable(&name);
            if map.insert(name, value).is_some() {
                return Err(de::Error::custom(format_args!("{REPEATED}{repeated}")));
            }
        }
        Ok(Value::Object(map))
    }
}

/// Returns a name from a client in a form that is safe in a response: printable ASCII, at most 64 characters.
pub(crate) fn printable(name: &str) -> String {
    name.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(body: &str) -> Reason {
        JsonObject::read(body.as_bytes()).expect_err(body).reason()
    }

    #[test]
    fn a_body_is_one_object() {
        for body in ["", " \r\n", "{}", "\u{feff}{}", "\u{feff}"] {
            assert!(JsonObject::read(body.as_bytes()).unwrap().0.is_empty(), "{body:?}");
        }
        for body in ["[]", "[{}]", "1", "\"x\"", "null", "{", "{} {}", "{\"a\":}", "\u{0}", "{'a':1}"] {
            assert_eq!(reason(body), Reason::MalformedRequest, "{body:?}");
        }
        let deep = format!("{}1{}", "{\"a\":[".repeat(200), "]}".repeat(200));
        assert_eq!(reason(&deep), Reason::MalformedRequest);
    }

    #[test]
    fn a_repeated_field_is_rejected_at_any_depth() {
        for body in [r#"{"a":1,"a":1}"#, r#"{"a":{"b":1,"b":2}}"#, r#"{"a":[{"b":1,"b":2}]}"#] {
            assert_eq!(reason(body), Reason::RepeatedField, "{body}");
            let name = if body.contains('b') { "b" } else { "a" };
            let printable = format!("{:?}", JsonObject::read(body.as_bytes()).unwrap_err());
            assert!(printable.contains(&format!("field: \"{name}\"")), "{printable}");
        }
    }

    #[test]
    fn an_error_names_the_wrong_type_and_the_field() {
        let mut object = JsonObject::read(br#"{"a":[],"b":"1","c":1.5,"d":1,"e":{"x":1},"f":null}"#).unwrap();
        let message = |error: ApiError| format!("{error:?}");
        let error = message(object.string("a", Reason::InvalidName).unwrap_err());
        assert!(error.contains("a must be a string, not an array"), "{error}");
        let error = message(object.integer("b", Reason::InvalidSize).unwrap_err());
        assert!(error.contains("b must be a whole number, not a string"), "{error}");
        assert!(object.integer("c", Reason::InvalidSize).is_err());
        assert!(object.boolean("d", Reason::InvalidSize).is_err());
        let error = message(object.strings("e", Reason::InvalidMetadata).unwrap_err());
        assert!(error.contains("one of its values is a number"), "{error}");
        assert_eq!(object.string("f", Reason::InvalidName).unwrap(), None);
    }
}
