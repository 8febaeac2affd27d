/// Formats a number of bytes for people: `2 GB`, `50 GiB`, `53.7 GB`. Whole multiples of powers of 1000 or 1024 are exact, others have
/// one decimal.
#[must_use]
pub fn human_bytes(bytes: u64) -> String {
    const DECIMAL: [(u64, &str); 4] =
        [(1_000_000_000_000, "TB"), (1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    const BINARY: [(u64, &str); 4] = [(1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let largest = |units: [(u64, &'static str); 4]| units.into_iter().find(|(unit, _)| bytes >= *unit);
    for (unit, name) in [largest(DECIMAL), largest(BINARY)].into_iter().flatten() {
        if bytes.is_multiple_of(unit) {
            return format!("{} {name}", bytes / unit);
        }
    }
    match largest(DECIMAL) {
        Some((unit, name)) => {
            let tenths = u128::from(bytes) * 10 / u128::from(unit);
            format!("{}.{} {name}", tenths / 10, tenths % 10)
        }
        None => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_sizes_are_exact_and_others_are_rounded() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (999, "999 bytes"),
            (1_000, "1 kB"),
            (2_000_000_000, "2 GB"),
            (20_000_000, "20 MB"),
            (50 << 30, "50 GiB"),
            (5 << 40, "5 TiB"),
            (1 << 20, "1 MiB"),
            (1_234_567, "1.2 MB"),
            (1_999_999_999, "1.9 GB"),
            (u64::MAX, "18446744.0 TB"),
        ] {
            assert_eq!(human_bytes(bytes), text);
        }
    }
}
