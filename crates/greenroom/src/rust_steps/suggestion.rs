//! A step function in Rust to write for an unknown step.

use std::fmt::Write as _;

/// Returns a function to write for a step: its texts in quotes and its numbers become parameters.
pub(super) fn suggestion(keyword: &str, text: &str) -> String {
    let (mut pattern, mut parameters) = (String::new(), Vec::new());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        if next == '"'
            && let Some(end) = rest[1..].find('"')
        {
            let name = format!("text{}", parameters.len() + 1);
            let _ = write!(pattern, "\\\"{{{name}:text}}\\\"");
            parameters.push(format!("{name}: &str"));
            rest = &rest[end + 2..];
        } else if next.is_ascii_digit() && !pattern.ends_with(|last: char| last.is_alphanumeric() || last == '.') {
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let name = format!("number{}", parameters.len() + 1);
            let _ = write!(pattern, "{{{name}}}");
            parameters.push(format!("{name}: u64"));
            rest = &rest[end..];
        } else {
            if matches!(next, '\\' | '"') {
                pattern.push('\\');
            }
            pattern.push(next);
            rest = &rest[next.len_utf8()..];
        }
    }
    let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let words = words.filter(|word| !word.starts_with(|c: char| c.is_ascii_digit())).take(6);
    let name = words.map(str::to_lowercase).collect::<Vec<_>>().join("_");
    // A single word may be one of Rust's.
    let name = if name.contains('_') { name } else { format!("{keyword}_{name}") };
    format!("#[{keyword}(\"{pattern}\")]\nfn {name}({}) {{\n    todo!()\n}}", parameters.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_suggested() {
        assert_eq!(
            suggestion("when", "I buy \"green tea\" for 3 euros"),
            "#[when(\"I buy \\\"{text1:text}\\\" for {number2} euros\")]\nfn i_buy_green_tea_for_euros(\
             text1: &str, number2: u64) {\n    todo!()\n}"
        );
        assert_eq!(suggestion("then", "it"), "#[then(\"it\")]\nfn then_it() {\n    todo!()\n}");
        assert_eq!(suggestion("then", "5"), "#[then(\"{number1}\")]\nfn then_(number1: u64) {\n    todo!()\n}");
    }
}
