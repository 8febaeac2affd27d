//! Splits expressions into tokens for the checks before the engine. Nothing here recurses, so nesting cannot exhaust the stack.

/// A token of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A keyword, a function's name or an attribute's name.
    Word(&'a str),
    /// `#name`
    Name(&'a str),
    /// `:value`
    Value(&'a str),
    /// `=`, `<>`, `<`, `<=`, `>` or `>=`
    Compare(&'a str),
    Open,
    Close,
    Comma,
    /// Any other character. The engine refuses those that the grammar lacks.
    Other(char),
}

/// Splits an expression into its tokens.
pub(super) fn tokens(expression: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut rest = expression;
    while let Some(first) = rest.chars().next() {
        let named = |rest: &str| rest.find(|c: char| !is_name(c)).unwrap_or(rest.len());
        let (token, length) = match first {
            c if c.is_ascii_whitespace() => {
                rest = &rest[1..];
                continue;
            }
            '#' | ':' => {
                let length = 1 + named(&rest[1..]);
                let text = &rest[..length];
                (if first == '#' { Token::Name(text) } else { Token::Value(text) }, length)
            }
            '<' | '>' | '=' => {
                let two = ["<>", "<=", ">="].iter().any(|operator| rest.starts_with(operator));
                let length = if two { 2 } else { 1 };
                (Token::Compare(&rest[..length]), length)
            }
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            ',' => (Token::Comma, 1),
            c if c.is_ascii_alphabetic() || c == '_' => {
                let length = named(rest);
                (Token::Word(&rest[..length]), length)
            }
            other => (Token::Other(other), other.len_utf8()),
        };
        found.push(token);
        rest = &rest[length..];
    }
    found
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

impl Token<'_> {
    /// Returns whether the token is this keyword, ignoring case.
    pub(super) fn is(&self, keyword: &str) -> bool {
        matches!(self, Token::Word(word) if word.eq_ignore_ascii_case(keyword))
    }

    /// Returns whether the token is a keyword rather than a name.
    pub(super) fn is_keyword(&self) -> bool {
        ["AND", "OR", "NOT", "BETWEEN", "IN", "SET", "REMOVE", "ADD", "DELETE"]
            .iter()
            .any(|word| self.is(word))
    }
}

/// The counts of an expression that DynamoDB limits.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Shape {
    /// The deepest nesting of parentheses.
    pub(super) depth: usize,
    /// Comparisons, `AND`, `OR`, `NOT`, `BETWEEN`, `IN`, `+`, `-` and functions.
    pub(super) operators: usize,
}

/// Counts operators and nesting. The `AND` of a `BETWEEN` is part of it; the `=` of `SET` assigns and does not count.
pub(super) fn shape(tokens: &[Token<'_>], is_update: bool) -> Shape {
    let (mut shape, mut depth, mut between) = (Shape::default(), 0_usize, 0_usize);
    for (at, token) in tokens.iter().enumerate() {
        let counts = match token {
            Token::Open => {
                depth += 1;
                shape.depth = shape.depth.max(depth);
                // A word before the parenthesis is a function's name.
                at.checked_sub(1).is_some_and(|before| {
                    matches!(tokens[before], Token::Word(_)) && !tokens[before].is_keyword()
                })
            }
            Token::Close => {
                depth = depth.saturating_sub(1);
                false
            }
            Token::Compare(_) => !is_update,
            Token::Other('+' | '-') => true,
            token if token.is("BETWEEN") => {
                between += 1;
                true
            }
            token if token.is("AND") && between > 0 => {
                between -= 1;
                false
            }
            token => ["AND", "OR", "NOT", "IN"].iter().any(|word| token.is(word)),
        };
        shape.operators += usize::from(counts);
    }
    shape
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_split_into_tokens() {
        let found = tokens("attribute_type(#a.b[0],:t)AND c<>:v OR _x ÿ");
        let expected = [
            Token::Word("attribute_type"),
            Token::Open,
            Token::Name("#a"),
            Token::Other('.'),
            Token::Word("b"),
            Token::Other('['),
            Token::Other('0'),
            Token::Other(']'),
            Token::Comma,
            Token::Value(":t"),
            Token::Close,
            Token::Word("AND"),
            Token::Word("c"),
            Token::Compare("<>"),
            Token::Value(":v"),
            Token::Word("OR"),
            Token::Word("_x"),
            Token::Other('ÿ'),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn operators_are_counted_as_dynamodb_counts_them() {
        let of = |text: &str| shape(&tokens(text), false);
        assert_eq!(of("a BETWEEN :a AND :b AND NOT (c IN (:c, :d))"), Shape { depth: 2, operators: 4 });
        assert_eq!(of("size(a) > :a"), Shape { depth: 1, operators: 2 });
        assert_eq!(of("((("), Shape { depth: 3, operators: 0 });
        let update = shape(&tokens("SET a = if_not_exists(b, :c) + :d, e = :f REMOVE g"), true);
        assert_eq!(update, Shape { depth: 1, operators: 2 });
    }
}
