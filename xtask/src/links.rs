//! Checks the links of all Markdown files, and that the table of contents of the book lists every
//! chapter.

use std::path::{Component, Path, PathBuf};

use crate::markdown::outside_fences;
use crate::workspace::{files, no_problems, read, root};

/// The directory of the book.
const BOOK: &str = "docs";

/// Checks relative links: the file must exist, and so must the heading that a fragment names.
pub(crate) fn check() -> Result<(), String> {
    let mut problems = Vec::new();
    // The corpus is input for fuzzing, not pages.
    for page in files("md")?.into_iter().filter(|page| !page.starts_with("fuzz/corpus/")) {
        let text = read(&page)?;
        for (line, link) in links(&text) {
            if let Some(problem) = problem(&page, &text, link) {
                problems.push(format!("{page}:{line}: {link}: {problem}"));
            }
        }
    }
    problems.extend(missing_chapters()?);
    no_problems("links", &problems)
}

/// Returns the chapters that the table of contents does not list.
fn missing_chapters() -> Result<Vec<String>, String> {
    let summary = format!("{BOOK}/SUMMARY.md");
    let contents = read(&summary)?;
    let listed: Vec<&str> = links(&contents).into_iter().map(|(_, link)| link).collect();
    let pages = files("md")?;
    let chapters = pages.iter().filter_map(|page| page.strip_prefix(BOOK)?.strip_prefix('/'));
    let missing = chapters.filter(|chapter| *chapter != "SUMMARY.md" && !listed.contains(chapter));
    Ok(missing.map(|chapter| format!("{summary} does not list {chapter}")).collect())
}

/// Returns line and target of each link `[text](target)`.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut links = Vec::new();
    for (number, line) in outside_fences(text) {
        let mut rest = line;
        while let Some((_, after)) = rest.split_once("](") {
            let Some((target, after)) = after.split_once(')') else { break };
            links.push((number, target));
            rest = after;
        }
    }
    links
}

/// Returns what is wrong with a link.
fn problem(page: &str, text: &str, link: &str) -> Option<String> {
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (path, fragment) = link.split_once('#').map_or((link, None), |(path, fragment)| (path, Some(fragment)));
    let target = Path::new(page).parent()?.join(path);
    if !path.is_empty() && !root().join(&target).exists() {
        return Some("no such file".to_owned());
    }
    let fragment = fragment?;
    let other = if path.is_empty() { text.to_owned() } else { read(normal(&target).to_str()?).ok()? };
    let exists = outside_fences(&other).filter_map(|(_, line)| anchor(line)).any(|anchor| anchor == fragment);
    (!exists).then(|| "no such heading".to_owned())
}

/// Removes `..` from a path.
fn normal(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut normal, component| {
        match component {
            Component::ParentDir => {
                normal.pop();
            }
            component => normal.push(component),
        }
        normal
    })
}

/// Returns the anchor of a heading, as GitHub and mdBook make it.
fn anchor(line: &str) -> Option<String> {
    let title = line.trim_start_matches('#').strip_prefix(' ').filter(|_| line.starts_with('#'))?;
    let kept = title.trim().chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
    Some(kept.collect::<String>().to_lowercase().replace(' ', "-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_in_code_do_not_count() {
        let text = "[a](b.md) and [c](d.md#e)\n```\n[no](no.md)\n```\n[f](https://example.org)\n";
        assert_eq!(links(text), [(1, "b.md"), (1, "d.md#e"), (5, "https://example.org")]);
    }

    #[test]
    fn anchors_are_lower_case_words() {
        assert_eq!(anchor("## What `run` does: all"), Some("what-run-does-all".to_owned()));
        assert_eq!(anchor("text # not"), None);
    }
}
