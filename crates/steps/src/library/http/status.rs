//! Steps that check the status of a response.

use super::{show, state, validity};
use crate::context::Context;
use crate::registry::{Check, Library};
use crate::step::{Captures, Failure, Relation, StepResult};

/// Adds the steps of this file.
pub(super) fn steps(library: Library) -> Library {
    library.step("http_status_is", |context, captures| check(context, captures, Relation::Is), CHECK).step(
        "http_status_is_not",
        |context, captures| check(context, captures, Relation::IsNot),
        CHECK,
    )
}

const CHECK: Check = Check::With(validity::check_status);

/// What a step expects of a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    /// This number.
    Number(u16),
    /// A number with this first digit.
    Class(u16),
}

impl Expected {
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

    fn includes(self, status: u16) -> bool {
        match self {
            Self::Number(number) => status == number,
            Self::Class(digit) => status / 100 == digit,
        }
    }
}

fn check(context: &mut Context, captures: &Captures, relation: Relation) -> StepResult {
    let text = captures.text("status")?;
    let expected = Expected::parse(text)?;
    let response = state::latest(context)?;
    if expected.includes(response.status) == (relation == Relation::Is) {
        return Ok(());
    }
    let error = Failure::comparison("status of the response", relation, text, response.status.to_string());
    Err(show::with_response(response, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_a_number_or_a_class() {
        let parsed = |text: &str| Expected::parse(text).ok();
        assert_eq!(parsed("201"), Some(Expected::Number(201)));
        assert_eq!(parsed("2xx"), Some(Expected::Class(2)));
        assert_eq!(parsed("5XX"), Some(Expected::Class(5)));
        for wrong in ["", "99", "600", "+200", "2xX", "20x", "6xx", "0xx", "xx", "+2xx", "ok", "200.0"] {
            assert_eq!(parsed(wrong), None, "{wrong}");
        }
        assert!(Expected::Class(4).includes(404) && !Expected::Class(4).includes(500));
    }
}
