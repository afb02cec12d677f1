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

/// Programs whose arguments may be patterns or have brackets for other reasons.
const PATTERN_READERS: &[&str] = &[
    "ack",
    "ag",
    "curl",
    "expr",
    "fgrep",
    "git",
    "pip",
    "pip3",
    "pytest",
    "redis-cli",
    "rename",
    "test",
    "tr",
    "uv",
    "wget",
];

/// Programs whose arguments are names of files.
const FILE_READERS: &[&str] = &[
    "cat",
    "chmod",
    "chown",
    "cmp",
    "cp",
    "diff",
    "du",
    "file",
    "head",
    "ls",
    "md5sum",
    "mv",
    "rm",
    "sha256sum",
    "sort",
    "stat",
    "tail",
    "tar",
    "touch",
    "wc",
];

/// Returns whether an argument of a program has a set of characters in brackets.
///
/// A shell takes it as a pattern of file names: `[a-z]`, `[!x]`, `[[:digit:]]`, `[ab].txt`. Lists,
/// addresses, indexes and regular expressions are not sets.
pub(crate) fn has_brackets(bare: &str, program: &str) -> bool {
    let program = program.rsplit('/').next().unwrap_or(program);
    let is_other = bare.starts_with(['-', '^', '.', '{']) && !bare.starts_with("./") && !bare.starts_with("../")
        || bare.contains("://")
        || bare.contains(['{', '(', '|', '='])
        || bare.ends_with('$')
        || PATTERN_READERS.contains(&program);
    !is_other
        && bare.match_indices('[').any(|(at, _)| {
            let rest = &bare[at + 1..];
            let end = if rest.starts_with("[:") { rest.find(":]]").map(|end| end + 2) } else { rest.find(']') };
            let Some(end) = end else { return false };
            let (inside, after) = (&rest[..end], &rest[end + 1..]);
            let is_outside = bare[..at].contains("::") || after.starts_with(['+', ']', '[', ':']);
            !is_outside && is_set(inside, !after.is_empty() || FILE_READERS.contains(&program))
        })
}

/// Returns whether a text between brackets is a set of characters.
///
/// `is_file` says that the word is likely the name of a file: then a set without ranges counts too.
fn is_set(inside: &str, is_file: bool) -> bool {
    if inside.starts_with("[:") {
        return true;
    }
    let (is_negated, set) = match inside.strip_prefix(['!', '^']) {
        Some(set) => (true, set),
        None => (false, inside),
    };
    let characters: Vec<char> = set.chars().collect();
    let mut seen = BTreeSet::new();
    let (mut has_range, mut at) = (false, 0);
    while let Some(&c) = characters.get(at) {
        if !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.')) || !seen.insert(c) {
            return false;
        }
        let last = characters.get(at + 2).filter(|_| characters.get(at + 1) == Some(&'-'));
        if let Some(&last) = last {
            if c >= last || c.is_alphabetic() != last.is_alphabetic() {
                return false;
            }
            has_range = true;
            at += 2;
        }
        at += 1;
    }
    // Two words with a hyphen are not a range.
    let is_words = set.split_once('-').is_some_and(|(first, second)| {
        let is_word = |text: &str| text.len() > 1 && text.chars().all(char::is_alphabetic);
        is_word(first) && is_word(second)
    });
    !is_words && !characters.is_empty() && (is_negated || has_range || (is_file && characters.len() > 1))
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
    fn sets_in_brackets() {
        for word in [
            "[a-z]",
            "[0-9].log",
            "file[0-9]",
            "x[!a]",
            "[^a].c",
            "[[:digit:]].png",
            "d/[ab].txt",
            "[A-Za-z0-9_]",
            "./[a-c]",
            "part[12].txt",
            "[Mm]akefile",
        ] {
            assert!(has_brackets(word, "prog"), "{word}");
        }
        for word in [
            "",
            "[",
            "]",
            "[]",
            "x[0]",
            "x[10]",
            "[1,2]",
            "[::1]",
            "[::1]:8080",
            "[fe80::1]:80",
            "[\0,\0]",
            "{\0:[1-2]}",
            "user[name]=x",
            "pkg[dev]",
            "[2024-01-31]",
            "[key-word]",
            "[dry-run]",
            "^[a-z]",
            "[a-z]+",
            "[a-z]$",
            "(x[a-z])",
            "-x[a-z]",
            "http://x/[1-3]",
            "t.py::test[a-b]",
            "a[0][1]",
            "[INFO]",
            ".[0-9]",
            "[z-a]",
            "A=[a-z]",
        ] {
            assert!(!has_brackets(word, "prog"), "{word}");
        }
        assert!(has_brackets("[ab]", "/bin/ls") && has_brackets("file[12]", "cat"));
        assert!(!has_brackets("[a-z]", "/usr/bin/tr") && !has_brackets("h[ae]llo", "redis-cli"));
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
