//! IAM's wildcards: `*` matches any text, `?` any one character.

/// Returns whether the pattern matches the whole text.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut read) = (0, 0);
    // Where to resume after a mismatch: after the last star, one character later than the last time.
    let mut retry = None;
    while read < text.len() {
        match pattern.get(at) {
            Some('*') => {
                retry = Some((at + 1, read));
                at += 1;
            }
            Some(wanted) if *wanted == '?' || *wanted == text[read] => (at, read) = (at + 1, read + 1),
            _ => {
                let Some((behind, skipped)) = retry else { return false };
                retry = Some((behind, skipped + 1));
                (at, read) = (behind, skipped + 1);
            }
        }
    }
    pattern[at..].iter().all(|rest| *rest == '*')
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn wildcards_are_those_of_iam() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("a", "a", true),
            ("a", "A", false),
            ("a", "ab", false),
            ("*", "", true),
            ("*", "a/b:c", true),
            ("a*", "a", true),
            ("a*", "ba", false),
            ("*a", "ba", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("?", "é", true),
            ("b/files/*", "b/files/", true),
            ("b/files/*", "b/files/o/1", true),
            ("b/files/*", "b/probes/files/1", false),
            ("b/files/*", "b/files", false),
            ("*aab*c", "aaaabbxc", true),
            ("*aab*c", "aaaabbx", false),
            ("a**b", "ab", true),
            ("a.c", "abc", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_crafted_text_takes_no_exponential_time() {
        let (pattern, text) = ("*a".repeat(200) + "b", "a".repeat(2000));
        assert!(!matches(&pattern, &text));
    }
}
