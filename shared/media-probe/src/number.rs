//! Reads numbers as ffprobe writes them: as JSON numbers, text, fractions or `N/A`.

use serde_json::Value;

/// Reads a finite number, from a JSON number or text.
pub(crate) fn float(value: Option<&Value>) -> Option<f64> {
    let number = match value? {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    number.is_finite().then_some(number)
}

/// Reads a finite number above zero.
pub(crate) fn positive(value: Option<&Value>) -> Option<f64> {
    float(value).filter(|number| *number > 0.0)
}

/// Reads an integer above zero.
pub(crate) fn count(value: Option<&Value>) -> Option<u64> {
    let number = match value? {
        Value::Number(number) => number.as_u64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    (number > 0).then_some(number)
}

/// Reads an integer of either sign.
pub(crate) fn integer(value: Option<&Value>) -> Option<i64> {
    match value? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// Reads a fraction such as `30000/1001`, above zero.
pub(crate) fn ratio(value: Option<&Value>) -> Option<f64> {
    let (above, below) = value?.as_str()?.split_once('/')?;
    let ratio = above.trim().parse::<f64>().ok()? / below.trim().parse::<f64>().ok()?;
    (ratio.is_finite() && ratio > 0.0).then_some(ratio)
}

/// Returns a fraction above zero in its lowest terms, such as `30000/1001`.
pub(crate) fn reduced(above: u64, below: u64) -> Option<String> {
    let (mut divisor, mut rest) = (above, below);
    while rest > 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    (above > 0 && below > 0).then(|| format!("{}/{}", above / divisor, below / divisor))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn invalid_numbers_are_rejected() {
        let nonsense = [
            json!("N/A"),
            json!("nan"),
            json!("-nan"),
            json!("inf"),
            json!("-inf"),
            json!("NaN"),
            json!("infinity"),
            json!(""),
            json!("1e999"),
            json!(null),
            json!([]),
            json!({}),
            json!(true),
            json!("0/0"),
        ];
        for value in nonsense {
            let value = Some(&value);
            let found = (float(value), positive(value), count(value), integer(value), ratio(value));
            assert_eq!(found, (None, None, None, None, None), "{value:?}");
        }
        assert_eq!(float(None), None);
    }

    #[test]
    fn every_form_of_a_number_is_read() {
        assert_eq!(positive(Some(&json!("12.5"))), Some(12.5));
        assert_eq!(positive(Some(&json!(3))), Some(3.0));
        assert_eq!(count(Some(&json!("1280"))), Some(1280));
        assert_eq!(count(Some(&json!(u64::MAX))), Some(u64::MAX));
        assert_eq!(integer(Some(&json!(-90))), Some(-90));
        assert_eq!(integer(Some(&json!("270"))), Some(270));
        assert_eq!(ratio(Some(&json!("30000/1001"))), Some(30_000.0 / 1001.0));
    }

    #[test]
    fn fractions_are_reduced_to_lowest_terms() {
        assert_eq!(reduced(30_000, 1001).as_deref(), Some("30000/1001"));
        assert_eq!(reduced(60_000, 2000).as_deref(), Some("30/1"));
        assert_eq!((reduced(0, 5), reduced(5, 0)), (None, None));
    }

    #[test]
    fn zero_and_negative_numbers_are_not_positive() {
        for value in [
            json!("-1.5"),
            json!(-1),
            json!("0.000000"),
            json!(0),
            json!("-25/1"),
            json!("0/1"),
            json!("25/0"),
        ] {
            let value = Some(&value);
            assert_eq!((positive(value), count(value), ratio(value)), (None, None, None), "{value:?}");
        }
    }
}
