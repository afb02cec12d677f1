//! How durations and sizes are written, in messages of steps and in reports.

use std::time::Duration;

/// Returns a measured time: `12 ms`, `3.2 s`, `2 m 05 s`, `1 h 02 m`.
pub fn duration(time: Duration) -> String {
    let ms = (time.as_micros() + 500) / 1000;
    let tenths = (ms + 50) / 100;
    let seconds = (ms + 500) / 1000;
    if ms < 1000 {
        format!("{ms} ms")
    } else if tenths < 600 {
        format!("{}.{} s", tenths / 10, tenths % 10)
    } else if seconds < 3600 {
        format!("{} m {:02} s", seconds / 60, seconds % 60)
    } else {
        format!("{} h {:02} m", seconds / 3600, seconds % 3600 / 60)
    }
}

/// Returns a chosen time: as [`duration`], but `5 s` instead of `5.0 s`.
pub fn limit(time: Duration) -> String {
    if time.subsec_nanos() == 0 && (1..60).contains(&time.as_secs()) {
        format!("{} s", time.as_secs())
    } else {
        duration(time)
    }
}

/// Returns a size: `1 byte`, `12 bytes`, `1.2 kB`, `3.4 MB`, `5.6 GB`.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 1000 {
        return format!("{bytes} {}", if bytes == 1 { "byte" } else { "bytes" });
    }
    let mut tenths = bytes.saturating_add(50) / 100;
    let mut unit = 0;
    while tenths >= 10_000 && unit + 1 < UNITS.len() {
        tenths = (tenths + 500) / 1000;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn durations_round_without_falling_between_units() {
        let texts: Vec<_> = [0, 12, 999, 1000, 3249, 59_949, 59_950, 125_000, 3_599_499, 3_599_500, 3_720_000]
            .into_iter()
            .map(|t| duration(ms(t)))
            .collect();
        assert_eq!(
            texts,
            [
                "0 ms",
                "12 ms",
                "999 ms",
                "1.0 s",
                "3.2 s",
                "59.9 s",
                "1 m 00 s",
                "2 m 05 s",
                "59 m 59 s",
                "1 h 00 m",
                "1 h 02 m"
            ]
        );
        assert_eq!(duration(Duration::from_micros(999_600)), "1.0 s");
        assert!(!duration(Duration::MAX).is_empty());
    }

    #[test]
    fn limits_have_no_superfluous_decimal() {
        assert_eq!(limit(ms(5000)), "5 s");
        assert_eq!(limit(ms(2500)), "2.5 s");
        assert_eq!(limit(ms(300)), "300 ms");
    }

    #[test]
    fn sizes() {
        let texts: Vec<_> =
            [0, 1, 999, 1000, 1249, 999_949, 999_950, 3_400_000, u64::MAX].into_iter().map(size).collect();
        assert_eq!(
            texts,
            ["0 bytes", "1 byte", "999 bytes", "1.0 kB", "1.2 kB", "999.9 kB", "1.0 MB", "3.4 MB", "18446744.1 TB"]
        );
    }
}
