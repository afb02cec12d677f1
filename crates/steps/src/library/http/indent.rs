//! Indents the beginning of a JSON text, as it is: nothing is sorted, and numbers keep their digits.

/// Indents a JSON text, until the result has about this many bytes.
///
/// Returns the result, and whether all of the text is in it.
pub(super) fn indent(text: &str, most: usize) -> (String, bool) {
    let mut out = String::new();
    let mut depth = 0usize;
    let mut is_in_string = false;
    let mut characters = text.trim().chars().peekable();
    while let Some(c) = characters.next() {
        if out.len() >= most {
            return (out, false);
        }
        if is_in_string {
            out.push(c);
            match c {
                '\\' => out.extend(characters.next()),
                '"' => is_in_string = false,
                _ => {}
            }
            continue;
        }
        match c {
            _ if c.is_ascii_whitespace() => {}
            '"' => {
                is_in_string = true;
                out.push(c);
            }
            '{' | '[' => {
                out.push(c);
                while characters.next_if(char::is_ascii_whitespace).is_some() {}
                if let Some(end) = characters.next_if(|&next| next == '}' || next == ']') {
                    out.push(end);
                } else {
                    depth += 1;
                    line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            _ => out.push(c),
        }
    }
    (out, true)
}

fn line(out: &mut String, depth: usize) {
    const DEEPEST: usize = 40;
    out.push('\n');
    out.push_str(&"  ".repeat(depth.min(DEEPEST)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_indented_as_it_is() {
        let text = r#"{"b":[1.50, {}],"a":{"x y":"\"{,"} ,"c":[ ]}"#;
        let indented =
            "{\n  \"b\": [\n    1.50,\n    {}\n  ],\n  \"a\": {\n    \"x y\": \"\\\"{,\"\n  },\n  \"c\": []\n}";
        assert_eq!(indent(text, 1000), (indented.to_owned(), true));
        let (part, is_all) = indent(text, 10);
        assert!(indented.starts_with(&part) && !is_all, "{part}");
        assert!(indent(&"[".repeat(10_000), 2000).0.len() < 3000);
    }
}
