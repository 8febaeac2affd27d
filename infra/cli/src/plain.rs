//! Sanitises untrusted text for terminals.

/// Returns whether a character can control a terminal or change the direction of text.
pub(crate) fn is_control(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Returns the text with each control character replaced by U+FFFD.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|c| if is_control(c) { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_replaced() {
        assert_eq!(plain("a\u{1b}[31m\u{202e}b\nc\u{9b} ü🎬"), "a\u{fffd}[31m\u{fffd}b\u{fffd}c\u{fffd} ü🎬");
    }
}
