//! Text of others, without the characters that a terminal obeys.

/// Whether a terminal could obey the character, or change the order of the text by it.
pub(crate) fn is_control(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The text with each such character replaced by U+FFFD.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|c| if is_control(c) { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_give_a_terminal_no_commands() {
        assert_eq!(plain("a\u{1b}[31m\u{202e}b\nc\u{9b} ü🎬"), "a\u{fffd}[31m\u{fffd}b\u{fffd}c\u{fffd} ü🎬");
    }
}
