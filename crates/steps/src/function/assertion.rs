//! Where the long values of a failed `assert_eq!` differ.

/// The most characters of a value in which the eye finds a difference.
const SHORT: usize = 100;

/// How many characters are shown before the first one that differs, and from there on.
const BEFORE: usize = 30;
const BEHIND: usize = 50;

/// Returns the parts of both values around their first difference, if the message is that of a failed
/// `assert_eq!` with long values.
pub(super) fn difference(message: &str) -> Vec<String> {
    let Some((left, right)) = values(message) else { return Vec::new() };
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    let same = left.iter().zip(&right).take_while(|(left, right)| left == right).count();
    let is_equal = same == left.len().max(right.len());
    if is_equal || left.len().max(right.len()) <= SHORT || same <= BEFORE {
        return Vec::new();
    }
    let number = same + 1;
    vec![
        format!("left differs at character {number}:  {}", around(&left, same)),
        format!("right differs at character {number}: {}", around(&right, same)),
    ]
}

/// Returns the values of a failed `assert_eq!`, whose message ends with a line for each.
fn values(message: &str) -> Option<(&str, &str)> {
    let (start, right) = message.rsplit_once("\n right: ")?;
    let (start, left) = start.rsplit_once("\n  left: ")?;
    let is_comparison = start.starts_with("assertion `left == right` failed");
    (is_comparison && !left.contains('\n') && !right.contains('\n')).then_some((left, right))
}

fn around(value: &[char], at: usize) -> String {
    let start = at.saturating_sub(BEFORE);
    let end = value.len().min(at + BEHIND);
    let shown: String = value.get(start..end).unwrap_or_default().iter().collect();
    format!("{}{shown}{}", if start > 0 { "…" } else { "" }, if end < value.len() { "…" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(left: &str, right: &str) -> Vec<String> {
        difference(&format!("assertion `left == right` failed: the bill\n  left: {left}\n right: {right}"))
    }

    #[test]
    fn the_first_difference_of_long_values_is_shown() {
        let value = |drink: &str| format!("[{}{drink}, {}]", "tea, ".repeat(40), "tea, ".repeat(20));
        assert_eq!(
            failed(&value("coffee"), &value("cocoa")),
            [
                "left differs at character 204:  \
                 …a, tea, tea, tea, tea, tea, coffee, tea, tea, tea, tea, tea, tea, tea, tea, tea,…",
                "right differs at character 204: \
                 …a, tea, tea, tea, tea, tea, cocoa, tea, tea, tea, tea, tea, tea, tea, tea, tea, …",
            ]
        );
        let long = "é".repeat(120);
        let more = format!("{long}s");
        assert_eq!(
            failed(&long, &more),
            [
                format!("left differs at character 121:  …{}", "é".repeat(30)),
                format!("right differs at character 121: …{}s", "é".repeat(30)),
            ]
        );
    }

    #[test]
    fn other_messages_say_it_themselves() {
        assert!(failed("1", "2").is_empty());
        assert!(failed(&format!("a{}", "x".repeat(200)), &format!("b{}", "x".repeat(200))).is_empty());
        assert!(failed(&"x".repeat(200), &"x".repeat(200)).is_empty());
        assert!(failed(&"x".repeat(200), &format!("{}\ny", "x".repeat(200))).is_empty());
        assert!(difference("out of tea").is_empty());
    }
}
