//! Durations as people write them: `90`, `1.5s`, `500ms`, `2m`, `1h`.

use std::time::Duration;

/// Reads a duration. A bare number is seconds; zero is refused, because a limit of nothing is never meant.
///
/// # Errors
/// Says what is allowed.
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
    // Not all that `f64` reads: no sign, no exponent, no infinity.
    if !number.starts_with(|c: char| c.is_ascii_digit()) || !number.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return wrong();
    }
    let Ok(number) = number.parse::<f64>() else {
        return wrong();
    };
    match Duration::try_from_secs_f64(number * seconds) {
        Ok(duration) if duration.is_zero() => Err(format!("`{text}` is no time at all: write more than zero")),
        // Far above what anybody waits for, and far below what a clock can count to.
        Ok(duration) if duration <= Duration::from_hours(24 * 365) => Ok(duration),
        _ => Err(format!("`{text}` is too long: a year is the most")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn what_is_no_duration_says_what_is() {
        for text in ["", "s", "-1", "+1", "1e3", "inf", "nan", "1.2.3", "5 parsecs", "1 2", "1d", ".5"] {
            let error = parse_duration(text).unwrap_err();
            assert!(error.contains("500ms"), "{text}: {error}");
        }
        assert_eq!(parse_duration("0").unwrap_err(), "`0` is no time at all: write more than zero");
        assert_eq!(parse_duration("0.0ms").unwrap_err(), "`0.0ms` is no time at all: write more than zero");
        let long = "9".repeat(400);
        assert_eq!(parse_duration(&long).unwrap_err(), format!("`{long}` is too long: a year is the most"));
    }
}
