//! Places of values in data, written as paths.

/// A step of the place of a value: into an object or an array.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Element {
    Name(String),
    Index(usize),
}

/// Returns a place as a path: `$.items[0]['a b']`.
pub(super) fn place(elements: &[Element]) -> String {
    let mut path = String::from("$");
    for element in elements {
        push(&mut path, element);
    }
    path
}

/// Appends a step to a path.
pub(super) fn push(path: &mut String, element: &Element) {
    match element {
        Element::Index(index) => {
            path.push('[');
            path.push_str(&index.to_string());
            path.push(']');
        }
        Element::Name(name) if is_plain(name) => {
            path.push('.');
            path.push_str(name);
        }
        Element::Name(name) => {
            path.push_str("['");
            for c in name.chars() {
                match c {
                    '\'' | '\\' => path.extend(['\\', c]),
                    c if c.is_control() => path.extend(c.escape_default()),
                    c => path.push(c),
                }
            }
            path.push_str("']");
        }
    }
}

/// Whether a name can follow a dot.
fn is_plain(name: &str) -> bool {
    let is_first = |c: char| c.is_alphabetic() || c == '_' || !c.is_ascii() && !c.is_whitespace();
    let mut characters = name.chars();
    characters.next().is_some_and(is_first) && characters.all(|c| is_first(c) || c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_written_as_paths() {
        let names = ["a", "_b1", "é", "a-b", "1", "O'R b", "a\\b", "\n", ""];
        let names = names.map(|name| Element::Name(name.to_owned()));
        assert_eq!(place(&names), r"$.a._b1.é['a-b']['1']['O\'R b']['a\\b']['\n']['']");
        assert_eq!(place(&[Element::Index(0), Element::Index(12)]), "$[0][12]");
    }
}
