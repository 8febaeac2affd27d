//! Parses durations (XML Schema, part 2, section 3.2.6).

/// The number of nanoseconds of a second.
pub(crate) const NANOS: u128 = 1_000_000_000;
/// The longest duration of a presentation: 100 days.
const MAX_SECONDS: u128 = 100 * 24 * 3600;
/// The seconds of a year, month, day, hour, minute and second. A manifest has no year in which to count: 365 and 30 days.
const DATE_UNITS: [(char, u128); 3] = [('Y', 365 * 24 * 3600), ('M', 30 * 24 * 3600), ('D', 24 * 3600)];
const TIME_UNITS: [(char, u128); 3] = [('H', 3600), ('M', 60), ('S', 1)];

/// Parses a duration such as `PT1H2M3.5S`, in nanoseconds. Returns `None` if it is malformed, negative, or longer than 100 days.
pub(crate) fn duration(text: &str) -> Option<u128> {
    let (date, time) = match text.trim().strip_prefix('P')?.split_once('T') {
        Some((date, time)) => (date, Some(time)),
        None => (text.trim().strip_prefix('P')?, None),
    };
    if date.is_empty() && time.is_none_or(str::is_empty) {
        return None;
    }
    let nanos = sum(date, &DATE_UNITS)?.checked_add(sum(time.unwrap_or_default(), &TIME_UNITS)?)?;
    (nanos <= MAX_SECONDS * NANOS).then_some(nanos)
}

/// Adds numbers with these units, which have this order.
fn sum(mut text: &str, units: &[(char, u128)]) -> Option<u128> {
    let mut nanos = 0_u128;
    for (unit, seconds) in units {
        if let Some((number, rest)) = text.split_once(*unit) {
            nanos = nanos.checked_add(decimal(number)?.checked_mul(*seconds)?)?;
            text = rest;
        }
    }
    text.is_empty().then_some(nanos)
}

/// Parses a decimal number, in billionths. Further digits are dropped.
fn decimal(text: &str) -> Option<u128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) || whole.len() > 20 {
        return None;
    }
    let billionths = format!("{:0<9}", &fraction[..fraction.len().min(9)]);
    whole.parse::<u128>().ok()?.checked_mul(NANOS)?.checked_add(billionths.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_parsed() {
        for (text, millis) in [
            ("PT0S", Some(0)),
            ("PT3.3S", Some(3_300)),
            ("PT1H2M3.004S", Some(3_723_004)),
            ("P1DT1S", Some(86_401_000)),
            (" PT0H0M10.5S ", Some(10_500)),
            ("P0Y0M0DT0H3M30.000S", Some(210_000)),
            ("P1M", Some(30 * 86_400_000)),
            ("PT2.0000000004S", Some(2_000)),
            ("PT1E9S", None),
            ("PT1000000000S", None),
            ("P101D", None),
            ("P99999999999999999999Y", None),
            ("P999999999999999999999999999999999999999999Y", None),
            ("-PT1S", None),
            ("PT-1S", None),
            ("PT+1S", None),
            ("P", None),
            ("PT", None),
            ("PT5", None),
            ("PT1S1M", None),
            ("PTNaNS", None),
            ("PT.S", None),
            ("", None),
        ] {
            assert_eq!(duration(text), millis.map(|millis: u128| millis * 1_000_000), "{text}");
        }
    }
}
