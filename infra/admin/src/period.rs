/// Reads a period in seconds: `3600`, `90s`, `15m`, `1h` or `30d`. `None`: it is malformed, or too long.
pub(crate) fn seconds(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 24 * 3_600,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_has_a_unit_or_is_in_seconds() {
        for (text, expected) in
            [("0", 0), ("90", 90), ("90s", 90), ("2m", 120), ("1h", 3_600), ("30d", 2_592_000)]
        {
            assert_eq!(seconds(text), Some(expected), "{text}");
        }
        for wrong in ["", "d", "1w", "-1", "1.5h", "1 d", "99999999999999999999", "999999999999999999d"] {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
    }
}
