//! Roadmaps: tasks in YAML, each with a label, a status and the tasks it depends on, as a graph for
//! Graphviz.
//!
//! A task without a status gets one: a task that no other depends on is a goal, one whose
//! dependencies are all finished is ready, any other is blocked.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::read::yaml::{self, Node, Value};
use crate::source::SourceId;

/// The status of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Goal,
    Finished,
    Ready,
    Next,
    Blocked,
}

impl Status {
    const ALL: [(&'static str, Self); 5] = [
        ("goal", Self::Goal),
        ("finished", Self::Finished),
        ("ready", Self::Ready),
        ("next", Self::Next),
        ("blocked", Self::Blocked),
    ];

    /// Returns how a task looks; the shape tells as much as the colour.
    fn look(self) -> &'static str {
        match self {
            Self::Goal => "shape=diamond fillcolor=\"#cfe8fc\"",
            Self::Finished => "shape=octagon fillcolor=\"#e8e8e8\"",
            Self::Ready => "shape=ellipse fillcolor=\"#ffffff\"",
            Self::Next => "shape=ellipse fillcolor=\"#c8efc8\" penwidth=2",
            Self::Blocked => "shape=box fillcolor=\"#fbdcd0\"",
        }
    }
}

struct Task<'a> {
    name: &'a str,
    label: String,
    status: Option<Status>,
    depends: Vec<&'a str>,
}

/// Converts a roadmap to a graph in the language of Graphviz.
///
/// # Errors
/// If the text is not a roadmap. The message says why, in one line.
pub fn to_dot(text: &str) -> Result<String, String> {
    let mut duplicates = Vec::new();
    let root = yaml::parse(SourceId(0), text, 0..text.len(), &mut duplicates).map_err(|error| error.message)?;
    if let Some(duplicate) = duplicates.first() {
        return Err(duplicate.message.clone());
    }
    let Some(Value::Map(entries)) = root.as_ref().map(|root| &root.value) else {
        return Err("expected a mapping of tasks".to_owned());
    };
    let tasks = entries.iter().map(|(name, task)| read(name, task)).collect::<Result<Vec<_>, _>>()?;
    let names: BTreeSet<&str> = tasks.iter().map(|task| task.name).collect();
    for task in &tasks {
        if let Some(unknown) = task.depends.iter().find(|name| !names.contains(*name)) {
            return Err(format!("task `{}` depends on `{unknown}`, which does not exist", task.name));
        }
    }
    let mut dot = String::from("digraph roadmap {\n  node [style=filled fontname=\"sans-serif\"];\n");
    for task in &tasks {
        let look = status(task, &tasks).look();
        let _ = writeln!(dot, "  {} [label={} {look}];", quoted(task.name), quoted(task.label.trim()));
        for dependency in &task.depends {
            let _ = writeln!(dot, "  {} -> {};", quoted(dependency), quoted(task.name));
        }
    }
    dot.push_str("}\n");
    Ok(dot)
}

fn read<'a>(name: &'a Node, task: &'a Node) -> Result<Task<'a>, String> {
    let name = name.text().ok_or("the name of a task is not text")?;
    let mut found = Task { name, label: name.to_owned(), status: None, depends: Vec::new() };
    let Value::Map(entries) = &task.value else {
        return Err(format!("task `{name}` is {}; expected a mapping with `label`, `status`, `depends`", task.what()));
    };
    for (key, value) in entries {
        match key.text().unwrap_or_default() {
            "label" => value.text().unwrap_or_default().clone_into(&mut found.label),
            "status" => {
                let word = value.text().unwrap_or_default();
                let status = Status::ALL.iter().find(|(known, _)| *known == word);
                let known: Vec<&str> = Status::ALL.iter().map(|(known, _)| *known).collect();
                let unknown = || format!("task `{name}` has the unknown status `{word}`; use {}", known.join(", "));
                found.status = Some(status.ok_or_else(unknown)?.1);
            }
            "depends" => {
                let list = match &value.value {
                    Value::List(list) => list.iter().collect(),
                    Value::Text(_) => vec![value],
                    _ => Vec::new(),
                };
                found.depends = list.into_iter().filter_map(Node::text).collect();
            }
            other => return Err(format!("task `{name}` has the unknown key `{other}`; use label, status, depends")),
        }
    }
    Ok(found)
}

fn status(task: &Task<'_>, tasks: &[Task<'_>]) -> Status {
    let is_finished =
        |name: &&str| tasks.iter().any(|other| other.name == *name && other.status == Some(Status::Finished));
    task.status.unwrap_or_else(|| {
        if !tasks.iter().any(|other| other.depends.contains(&task.name)) {
            Status::Goal
        } else if task.depends.iter().all(is_finished) {
            Status::Ready
        } else {
            Status::Blocked
        }
    })
}

/// Quotes a text; its lines stay lines.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_become_a_graph() {
        let tasks = "goal:\n  label: |\n    All \"done\"\n    now\n  depends:\n  - a\n  - b\n";
        let dot = to_dot(&format!("{tasks}a:\n  status: finished\nb:\n  depends: [a]\n"));
        let expected = [
            "digraph roadmap {",
            "  node [style=filled fontname=\"sans-serif\"];",
            "  \"goal\" [label=\"All \\\"done\\\"\\nnow\" shape=diamond fillcolor=\"#cfe8fc\"];",
            "  \"a\" -> \"goal\";",
            "  \"b\" -> \"goal\";",
            "  \"a\" [label=\"a\" shape=octagon fillcolor=\"#e8e8e8\"];",
            "  \"b\" [label=\"b\" shape=ellipse fillcolor=\"#ffffff\"];",
            "  \"a\" -> \"b\";",
            "}\n",
        ];
        assert_eq!(dot.unwrap(), expected.join("\n"));
    }

    #[test]
    fn mistakes_are_named() {
        let error = |text| to_dot(text).unwrap_err();
        assert_eq!(error("- a\n"), "expected a mapping of tasks");
        assert_eq!(error(""), "expected a mapping of tasks");
        assert_eq!(error("a: b\n"), "task `a` is text; expected a mapping with `label`, `status`, `depends`");
        assert_eq!(error("a: {depends: [b]}\n"), "task `a` depends on `b`, which does not exist");
        assert!(error("a: {status: done}\n").starts_with("task `a` has the unknown status `done`"));
        assert!(error("a: {labl: x}\n").starts_with("task `a` has the unknown key `labl`"));
        assert!(error("a: [\n").starts_with("invalid YAML"));
    }
}
