//! Durations (`90`, `1.5s`, `500ms`, `2m`, `1h`) and sizes (`500k`, `64M`, `1G`) as people write
//! them.

use std::time::Duration;

/// Parses a duration. A number without a unit is seconds.
///
/// # Errors
/// If the text is not a duration above zero and up to a year. The message says what is valid.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let (unit, wrong) = (&text[number.len()..], || {
        Err(format!(
            "`{text}` is not a duration: write a number and `ms`, `s`, `m` or `h`, such as `500ms`, `1.5s` or `2m`"
        ))
    });
    let seconds = match unit {
        "ms" => 0.001,
        "" | "s" | "sec" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return wrong(),
    };
    let number = number.trim_end();
    // `f64` would also accept signs, exponents and infinity.
    if !number.starts_with(|c: char| c.is_ascii_digit()) || !number.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return wrong();
    }
    let Ok(number) = number.parse::<f64>() else {
        return wrong();
    };
    match Duration::try_from_secs_f64(number * seconds) {
        Ok(duration) if duration.is_zero() => Err(format!("`{text}` is too short: it must be more than zero")),
        // Longer than any test, and far below what a clock can count to.
        Ok(duration) if duration <= Duration::from_hours(24 * 365) => Ok(duration),
        _ => Err(format!("`{text}` is too long: the maximum is a year")),
    }
}

/// Parses a size in bytes. `k`, `M` and `G` are 1024, 1024² and 1024³; an `i`, a `B` or both may
/// follow them.
///
/// # Errors
/// If the text is not a size above zero that fits in 64 bits. The message says what is valid.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let factor = match text[digits.len()..].trim_start().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" | "ki" | "kib" => 1024,
        "m" | "mb" | "mi" | "mib" => 1024 * 1024,
        "g" | "gb" | "gi" | "gib" => 1024 * 1024 * 1024,
        _ => 0,
    };
    let number = digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse::<u64>().ok()).flatten();
    match number.filter(|_| factor > 0) {
        None => {
            Err(format!("`{text}` is not a size: write a whole number and `k`, `M` or `G`, such as `500k` or `64M`"))
        }
        Some(0) => Err(format!("`{text}` is too small: it must be more than zero")),
        Some(number) => {
            number.checked_mul(factor).ok_or_else(|| format!("`{text}` is too large: it does not fit in 64 bits"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let good =
            [("1", 1), ("500k", 512_000), ("64M", 64 << 20), ("64 MiB", 64 << 20), ("2GB", 2 << 30), (" 7b ", 7)];
        for (text, bytes) in good {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for text in [
            "",
            "0",
            "0M",
            "-1",
            "1.5M",
            "M",
            "1 2",
            "1T",
            "1e3",
            "ten",
            "99999999999999999999",
            "18446744073709551615G",
        ] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations() {
        let good = [
            ("90", 90_000),
            ("90s", 90_000),
            ("1.5s", 1_500),
            ("500ms", 500),
            ("2m", 120_000),
            ("1h", 3_600_000),
            (" 5 s ", 5_000),
            ("0.25", 250),
        ];
        for (text, ms) in good {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
    }

    #[test]
    fn invalid_durations_say_what_is_valid() {
        for text in ["", "s", "-1", "+1", "1e3", "inf", "nan", "1.2.3", "5 parsecs", "1 2", "1d", ".5"] {
            let error = parse_duration(text).unwrap_err();
            assert!(error.contains("500ms"), "{text}: {error}");
        }
        assert_eq!(parse_duration("0").unwrap_err(), "`0` is too short: it must be more than zero");
        assert_eq!(parse_duration("0.0ms").unwrap_err(), "`0.0ms` is too short: it must be more than zero");
        let long = "9".repeat(400);
        assert_eq!(parse_duration(&long).unwrap_err(), format!("`{long}` is too long: the maximum is a year"));
    }
}
