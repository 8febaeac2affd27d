//! Checks of expressions that DynamoDB makes and the engine does not. They run before the engine reads the request.
//!
//! Each rule is from scylladb's `test/alternator`, whose tests also run on DynamoDB.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bigdecimal::BigDecimal;
use serde_json::{Map, Value};

use super::expression::{Shape, Token, shape, tokens};

const CONDITION: &str = "ConditionExpression";
const FILTER: &str = "FilterExpression";
const UPDATE: &str = "UpdateExpression";
const EXPRESSIONS: [&str; 5] = [CONDITION, FILTER, UPDATE, "KeyConditionExpression", "ProjectionExpression"];

/// The longest expression; the engine refuses longer ones.
const MAX_BYTES: usize = 4096;
const MAX_OPERATORS: usize = 300;
/// The deepest nesting that an expression with DynamoDB's limit of operators can have: each pair of parentheses needs one.
const MAX_DEPTH: usize = 300;
/// The deepest nesting of a document.
const MAX_PATH_LEVELS: usize = 32;
const MAX_IN_OPERANDS: usize = 100;
const FUNCTIONS: [&str; 8] = [
    "attribute_exists",
    "attribute_not_exists",
    "attribute_type",
    "begins_with",
    "contains",
    "size",
    "if_not_exists",
    "list_append",
];
const TYPES: [&str; 10] = ["S", "N", "B", "SS", "NS", "BS", "M", "L", "BOOL", "NULL"];

/// Checks all expressions of a request: its own, and those of its actions, reads or tables.
///
/// # Errors
/// The message of a ValidationException.
pub(super) fn check(request: &Value) -> Result<(), String> {
    let actions = request["TransactItems"].as_array().into_iter().flatten();
    let actions = actions.filter_map(Value::as_object).flat_map(Map::values);
    let tables = request["RequestItems"].as_object().into_iter().flat_map(Map::values);
    for part in actions.chain(tables).chain([request]) {
        for kind in EXPRESSIONS {
            if let Some(expression) = part[kind].as_str().filter(|text| text.len() <= MAX_BYTES) {
                let checked = check_expression(kind, expression, &part["ExpressionAttributeValues"]);
                checked.map_err(|problem| format!("Invalid {kind}: {problem}"))?;
            }
        }
    }
    Ok(())
}

fn check_expression(kind: &str, expression: &str, values: &Value) -> Result<(), String> {
    let tokens = tokens(expression);
    let Shape { depth, operators } = shape(&tokens, kind == UPDATE);
    if operators > MAX_OPERATORS {
        return Err(format!(
            "The expression contains too many operators; operator count: {}",
            MAX_OPERATORS + 1
        ));
    }
    if depth > MAX_DEPTH {
        return Err("Syntax error; the expression nests parentheses too deeply".to_owned());
    }
    let levels = path_levels(&tokens);
    if levels > MAX_PATH_LEVELS {
        return Err(format!("The document path has too many nesting elements; nesting levels: {levels}"));
    }
    for pair in tokens.windows(2) {
        check_function_name(pair)?;
    }
    if let Some(Token::Word(word)) =
        tokens.iter().find(|token| matches!(token, Token::Word(w) if w.starts_with('_')))
    {
        return Err(format!("Syntax error; token: \"_\", near: \"{word}\""));
    }
    if [CONDITION, FILTER].contains(&kind) {
        for at in 0..tokens.len() {
            check_operands(&tokens, at, values)?;
        }
    }
    Ok(())
}

/// Returns how many levels the longest path of the expression goes below its attribute.
fn path_levels(tokens: &[Token<'_>]) -> usize {
    let (mut most, mut levels) = (0, 0_usize);
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Other('.' | '[') => levels += 1,
            Token::Word(_) | Token::Name(_)
                if at.checked_sub(1).is_none_or(|before| tokens[before] != Token::Other('.')) =>
            {
                levels = 0;
            }
            _ => {}
        }
        most = most.max(levels);
    }
    most
}

/// Checks that a function's name is in lower case.
fn check_function_name(pair: &[Token<'_>]) -> Result<(), String> {
    match pair {
        [Token::Word(word), Token::Open]
            if !FUNCTIONS.contains(word) && FUNCTIONS.contains(&word.to_ascii_lowercase().as_str()) =>
        {
            Err(format!("Invalid function name; function: {word}"))
        }
        _ => Ok(()),
    }
}

/// Checks the operands of the token `at`.
fn check_operands(tokens: &[Token<'_>], at: usize, values: &Value) -> Result<(), String> {
    let operand = |at: Option<usize>| match tokens.get(at?)? {
        Token::Value(name) => typed(values.get(*name)?),
        _ => None,
    };
    match tokens[at] {
        Token::Compare(operator @ ("<" | "<=" | ">" | ">=")) => {
            check_ordered(operator, operand(at.checked_sub(1)))?;
            check_ordered(operator, operand(at.checked_add(1)))
        }
        token if token.is("BETWEEN") => check_between(
            operand(at.checked_sub(1)),
            operand(at.checked_add(1)),
            tokens.get(at + 2).filter(|and| and.is("AND")).and_then(|_| operand(at.checked_add(3))),
        ),
        token if token.is("IN") => check_in(&tokens[at + 1..]),
        Token::Word("attribute_type") => check_attribute_type(&tokens[at + 1..], values),
        _ => Ok(()),
    }
}

/// Returns a value's type and content.
fn typed(value: &Value) -> Option<(&str, &Value)> {
    value.as_object()?.iter().next().map(|(kind, value)| (kind.as_str(), value))
}

/// Checks that a value has an order: it is a string, a number or binary.
fn check_ordered(operator: &str, operand: Option<(&str, &Value)>) -> Result<(), String> {
    match operand {
        Some((kind, _)) if !["S", "N", "B"].contains(&kind) => Err(format!(
            "Incorrect operand type for operator or function; operator or function: {operator}, operand type: {kind}"
        )),
        _ => Ok(()),
    }
}

fn check_between(
    operand: Option<(&str, &Value)>,
    lower: Option<(&str, &Value)>,
    upper: Option<(&str, &Value)>,
) -> Result<(), String> {
    for operand in [operand, lower, upper] {
        check_ordered("BETWEEN", operand)?;
    }
    let (Some((kind, low)), Some((other, high))) = (lower, upper) else { return Ok(()) };
    let wrong = if kind != other {
        "same data type for lower and upper bounds"
    } else if is_greater(kind, low, high) {
        "upper bound to be greater than or equal to lower bound"
    } else {
        return Ok(());
    };
    Err(format!(
        "The BETWEEN operator requires {wrong}; lower bound operand: AttributeValue: {{{kind}:{}}}, upper bound \
         operand: AttributeValue: {{{other}:{}}}",
        low.as_str().unwrap_or_default(),
        high.as_str().unwrap_or_default()
    ))
}

fn is_greater(kind: &str, low: &Value, high: &Value) -> bool {
    let (Some(low), Some(high)) = (low.as_str(), high.as_str()) else { return false };
    match kind {
        "S" => low > high,
        "N" => number(low).zip(number(high)).is_some_and(|(low, high)| low > high),
        _ => STANDARD.decode(low).ok().zip(STANDARD.decode(high).ok()).is_some_and(|(low, high)| low > high),
    }
}

/// Parses a number in DynamoDB's range; the engine refuses others.
fn number(text: &str) -> Option<BigDecimal> {
    let exponent = text.split(['e', 'E']).nth(1).unwrap_or("0").parse::<i32>().ok()?;
    (text.len() <= 400 && exponent.unsigned_abs() <= 400).then(|| text.parse().ok())?
}

fn check_in(after: &[Token<'_>]) -> Result<(), String> {
    let list = after.iter().skip(1).take_while(|token| !matches!(token, Token::Close));
    let operands = 1 + list.filter(|token| matches!(token, Token::Comma)).count();
    if after.first() == Some(&Token::Open) && operands > MAX_IN_OPERANDS {
        return Err(format!(
            "The IN operator is provided with too many operands; number of operands: {operands}"
        ));
    }
    Ok(())
}

/// Checks that the second argument is a value that names a type.
fn check_attribute_type(arguments: &[Token<'_>], values: &Value) -> Result<(), String> {
    if arguments.first() != Some(&Token::Open) {
        return Ok(());
    }
    let mut after_comma =
        arguments.iter().skip_while(|token| !matches!(token, Token::Comma | Token::Close)).skip(1);
    let argument = after_comma.next();
    let incorrect = |kind: &str| {
        Err(format!(
            "Incorrect operand type for operator or function; operator or function: attribute_type, operand type: {kind}"
        ))
    };
    match argument {
        Some(Token::Value(name)) => match values.get(*name).and_then(typed) {
            Some(("S", Value::String(name))) if !TYPES.contains(&name.as_str()) => Err(format!(
                "Invalid attribute type name found; type: {name}, valid types: {{B,NULL,SS,BOOL,L,BS,N,NS,S,M}}"
            )),
            Some(("S", _)) | None => Ok(()),
            Some((kind, _)) => incorrect(kind),
        },
        Some(Token::Word(_) | Token::Name(_)) => incorrect("document path"),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn problem(condition: &str) -> String {
        let values = json!({
            ":n1": {"N": "1.00000000000000000000000000000000000001"}, ":n2": {"N": "2e0"}, ":s": {"S": "a"},
            ":t": {"S": "NULL"}, ":dog": {"S": "DOG"}, ":l": {"L": []}, ":bool": {"BOOL": true},
            ":b1": {"B": "AQ=="}, ":b2": {"B": "/w=="}, ":far": {"N": "1E+999999999"}, ":z": {"S": "z"},
        });
        check_expression(CONDITION, condition, &values).err().unwrap_or_default()
    }

    #[test]
    fn expressions_that_dynamodb_accepts_pass() {
        for fine in [
            "a BETWEEN :n1 AND :n2 AND b BETWEEN :s AND :z",
            "a BETWEEN :b1 AND :b2",
            "a BETWEEN :n1 AND :n1",
            "a BETWEEN :n1 AND :far",
            "a BETWEEN b AND :n1",
            "attribute_type(a.b[0], :t) AND a <> :l AND a = :l",
            "a < :n1 and :z > b or size(a) >= :n2",
            "a IN (:l, :bool)",
            "#_x = :s",
            &format!("a{} = :s AND a.b.c = :s", ".b[0]".repeat(16)),
            "attribute_type = :s AND c IN (:s, :dog)",
            "a BETWEEN",
            "a BETWEEN :s",
            "attribute_type(",
            "IN",
            "",
        ] {
            assert_eq!(problem(fine), "", "{fine}");
        }
    }

    #[test]
    fn expressions_that_dynamodb_rejects_are_rejected() {
        for (wrong, words) in [
            ("a BETWEEN :n2 AND :n1", "upper bound to be greater"),
            ("NOT (a BETWEEN :z AND :s)", "upper bound to be greater"),
            ("a BETWEEN :b2 AND :b1", "upper bound to be greater"),
            ("a BETWEEN :s AND :n1", "same data type"),
            ("a BETWEEN :l AND :l", "operand type: L"),
            ("a < :l", "operand type: L"),
            (":bool >= a", "operand type: BOOL"),
            ("attribute_type(a, :dog)", "DOG"),
            ("attribute_type(a, :n1)", "operand type: N"),
            ("attribute_type (a, b)", "attribute_type"),
            ("attribute_type(a, #b)", "attribute_type"),
            ("SIZE(a) > :n1", "Invalid function name; function: SIZE"),
            ("Attribute_exists(a)", "Invalid function name"),
            ("_a = :s", "Syntax error"),
            (&format!("a{} = :s", ".b".repeat(33)), "nesting levels: 33"),
            (&format!("a{} = :s", "[0]".repeat(33)), "nesting levels: 33"),
            ("a._b = :s", "Syntax error"),
        ] {
            assert!(problem(wrong).contains(words), "{wrong}: {}", problem(wrong));
        }
        let many = format!("a IN ({}:s)", ":s, ".repeat(100));
        assert!(problem(&many).contains("number of operands: 101"));
        assert_eq!(problem(&many.replacen(":s, ", "", 1)), "");
    }

    /// scylladb, `test_deeply_nested_expression_2`: 299 operators are fine in parentheses 149 deep.
    #[test]
    fn operators_and_nesting_are_limited() {
        let nested = |depth: usize| format!("a<b {}{}", "or (a<b ".repeat(depth), ")".repeat(depth));
        assert_eq!(problem(&nested(149)), "");
        for deep in [nested(150), nested(454), "NOT ".repeat(1000)] {
            assert!(problem(&deep).contains("too many operators"), "{deep}");
        }
        for deep in ["(".repeat(4096), "(#a ".repeat(1000), format!("a = {}b", "(".repeat(301))] {
            assert!(problem(&deep).contains("too deeply"), "{deep}");
        }
    }
}
