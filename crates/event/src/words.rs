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

/// Returns a time limit, exactly below a minute: `300 ms`, `2.5 s`, `5 s`, `1 m 30 s`.
pub fn limit(time: Duration) -> String {
    match time.as_secs() {
        0 => format!("{} ms", time.as_millis()),
        1..60 => format!("{} s", (time.as_secs_f64() * 1000.0).round() / 1000.0),
        _ => duration(time),
    }
}

/// Returns a size: `1 byte`, `12 bytes`, `1.2 kB`, `3.4 MB`, `5.6 GB`.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 1000 {
        return size_in_bytes(bytes);
    }
    let mut tenths = bytes.saturating_add(50) / 100;
    let mut unit = 0;
    while tenths >= 10_000 && unit + 1 < UNITS.len() {
        tenths = (tenths + 500) / 1000;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

/// Returns a size limit, exactly: `64 MiB`, `500 KiB`, `7 bytes`.
pub fn size_limit(bytes: u64) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let unit = units.into_iter().find(|(unit, _)| bytes > 0 && bytes.is_multiple_of(*unit));
    unit.map_or_else(|| size_in_bytes(bytes), |(unit, name)| format!("{} {name}", bytes / unit))
}

fn size_in_bytes(bytes: u64) -> String {
    format!("{bytes} {}", if bytes == 1 { "byte" } else { "bytes" })
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
    fn limits_are_exact() {
        let texts: Vec<_> =
            [300, 1000, 1234, 2500, 5000, 59_999, 60_000, 90_000].into_iter().map(ms).map(limit).collect();
        assert_eq!(texts, ["300 ms", "1 s", "1.234 s", "2.5 s", "5 s", "59.999 s", "1 m 00 s", "1 m 30 s"]);
        let texts: Vec<_> = [0, 1, 7, 1 << 10, 512_000, 64 << 20, 2 << 30].into_iter().map(size_limit).collect();
        assert_eq!(texts, ["0 bytes", "1 byte", "7 bytes", "1 KiB", "500 KiB", "64 MiB", "2 GiB"]);
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
