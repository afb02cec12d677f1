//! What a shell would replace in a word of a command line. Steps run no shell, so they do not.

use std::collections::BTreeSet;

/// Programs whose arguments are patterns or code. Text between double quotes is meant for them.
const READERS: &[&str] = &[
    "ash", "awk", "bash", "busybox", "dash", "egrep", "envsubst", "find", "gawk", "grep", "jq", "ksh", "make", "mawk",
    "node", "perl", "psql", "rg", "ruby", "sed", "sh", "sqlite3", "ssh", "su", "yq", "zsh",
];

/// Returns whether a program reads text between double quotes as a pattern or as code.
pub(crate) fn reads_quoted(program: &str) -> bool {
    let name = program.rsplit('/').next().unwrap_or(program);
    READERS.contains(&name) || name.starts_with("python")
}

/// Returns whether a word has something unquoted that a shell replaces: a variable, a command, a
/// home directory, a pattern of file names, or alternatives in braces.
///
/// `bare` has a NUL for each quoted part. `kept` are the names that greenroom itself replaces.
pub(crate) fn is_expanded(bare: &str, kept: &Kept<'_>) -> bool {
    has_variable(bare, kept) || has_command(bare) || has_home(bare) || is_pattern(bare) || has_alternatives(bare)
}

/// The names that greenroom replaces in `${NAME}`.
pub(crate) struct Kept<'a> {
    pub(crate) names: &'a BTreeSet<String>,
    /// Whether code of the document may keep values under other names.
    pub(crate) is_open: bool,
}

/// Returns whether a text has `$NAME`, or a `${NAME}` that nothing keeps.
pub(crate) fn has_variable(text: &str, kept: &Kept<'_>) -> bool {
    text.match_indices('$').any(|(at, _)| {
        let after = &text[at + 1..];
        if let Some((name, _)) = after.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
            let is_word = !name.is_empty() && name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
            return is_word && !kept.is_open && !kept.names.contains(name);
        }
        after.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '@' | '#' | '?' | '!'))
    })
}

/// Returns whether a text has `$(COMMAND)` or backquotes.
pub(crate) fn has_command(text: &str) -> bool {
    text.contains("$(") || text.contains('`')
}

/// Returns whether a text begins with the home directory of a user, also as a value.
pub(crate) fn has_home(text: &str) -> bool {
    let value = text.split_once('=').map_or(text, |(_, value)| value);
    let begins = |text: &str| {
        text.strip_prefix('~').is_some_and(|rest| {
            let name = rest.split('/').next().unwrap_or_default();
            name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
        })
    };
    begins(text) || begins(value)
}

/// Returns whether a word is a pattern of file names. Options and URLs are not.
fn is_pattern(bare: &str) -> bool {
    bare.contains(['*', '?']) && !bare.starts_with('-') && !bare.contains("://")
}

/// Returns whether a word has alternatives or a range in braces: `{a,b}`, `{1..3}`.
fn has_alternatives(bare: &str) -> bool {
    bare.match_indices('{').any(|(at, _)| {
        let is_variable = bare[..at].ends_with('$');
        let inside = bare[at + 1..].split_once('}').map_or("", |(inside, _)| inside);
        !is_variable && !inside.contains([':', '\0']) && (inside.contains(',') || inside.contains(".."))
    })
}

/// Returns whether a word redirects output after other text: `text>file`.
pub(crate) fn redirects_inside(bare: &str) -> bool {
    bare.match_indices('>').any(|(at, _)| {
        let before = bare[..at].chars().next_back();
        let after = bare[at..].trim_start_matches('>').chars().next();
        before.is_some_and(char::is_alphanumeric)
            && after.is_none_or(|c| c.is_alphanumeric() || matches!(c, '.' | '/' | '&'))
            && !bare.starts_with('<')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_a_shell_replaces() {
        let names = BTreeSet::from(["port".to_owned()]);
        let closed = Kept { names: &names, is_open: false };
        let replaced = [
            "$HOME",
            "x$HOME",
            "${HOME}",
            "$1",
            "$?",
            "$(date)",
            "`date`",
            "~",
            "~/x",
            "~bob/x",
            "--dir=~/x",
            "*.txt",
            "a?",
            "d/*",
            "{a,b}",
            "x{1..3}",
            "${port}$USER",
        ];
        for word in replaced {
            assert!(is_expanded(word, &closed), "{word}");
        }
        for word in [
            "a",
            "$",
            "a$",
            "^a$",
            "${port}",
            "a~",
            "x~1",
            "http://x/?q=1",
            "--include=*.rs",
            "{}",
            "{a}",
            "%{code}",
            "{\0:1,\0:2}",
            "${",
            "a,b",
            "50%",
            "",
        ] {
            assert!(!is_expanded(word, &closed), "{word}");
        }
        assert!(!is_expanded("${HOME}", &Kept { names: &names, is_open: true }));
    }

    #[test]
    fn redirections_inside_words() {
        for (word, is_one) in [
            ("a>b", true),
            ("a>>b.txt", true),
            ("x>", true),
            ("->", false),
            ("=>x", false),
            ("a->b", false),
            ("<a>b", false),
        ] {
            assert_eq!(redirects_inside(word), is_one, "{word}");
        }
    }
}
