//! What a step expects of a status: a number, or a class.

use crate::step::Failure;

/// What a step expects of a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ExpectedStatus {
    /// This number.
    Number(u16),
    /// A number with this first digit.
    Class(u16),
}

impl ExpectedStatus {
    /// Parses `201` or `2xx`.
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        let class = text.strip_suffix("xx").or_else(|| text.strip_suffix("XX"));
        let parsed = match class {
            Some(digit) => digit.parse().ok().filter(|digit| (1..6).contains(digit)).map(Self::Class),
            None => text.parse().ok().filter(|status| (100..600).contains(status)).map(Self::Number),
        };
        parsed.filter(|_| text.starts_with(|c: char| c.is_ascii_digit())).ok_or_else(|| {
            Failure::new(format!("invalid HTTP status: {text}"))
                .help("write a number from 100 to 599, or a class such as 2xx")
        })
    }

    pub(super) fn includes(self, status: u16) -> bool {
        match self {
            Self::Number(number) => status == number,
            Self::Class(digit) => status / 100 == digit,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_a_number_or_a_class() {
        let parsed = |text: &str| ExpectedStatus::parse(text).ok();
        assert_eq!(parsed("201"), Some(ExpectedStatus::Number(201)));
        assert_eq!(parsed("2xx"), Some(ExpectedStatus::Class(2)));
        assert_eq!(parsed("5XX"), Some(ExpectedStatus::Class(5)));
        for wrong in ["", "99", "600", "+200", "2xX", "20x", "6xx", "0xx", "xx", "+2xx", "ok", "200.0"] {
            assert_eq!(parsed(wrong), None, "{wrong}");
        }
        assert!(ExpectedStatus::Class(4).includes(404) && !ExpectedStatus::Class(4).includes(500));
    }
}
