//! Steps that check data: the value at a path, or the whole.

use serde_json::Value;

use super::compare::{self, Finder, Ignored, equal};
use super::data::{self, DataError, Format};
use super::path::{Path, PathError, split};
use super::place::Element;
use super::schema::{Schema, failure as schema_failure};
use super::show::{brief, kind, text};
use super::subject::{Data, Subject, not_data, path_of};
use super::types::{DataType, format_of, number};
use super::validity;
use crate::context::Context;
use crate::library::bytes::{self, Bytes};
use crate::registry::Library;
use crate::step::{Captures, Failure, Relation, StepResult};

/// What a step checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Assertion {
    IsData,
    Is,
    IsNot,
    IsInAnyOrder,
    Includes,
    Exists,
    DoesNotExist,
    HasElements,
    IsOfType,
    IsAtLeast,
    IsAtMost,
    Matches,
    DoesNotMatch,
    IsFile,
    IncludesFile,
    Conforms,
}

impl Assertion {
    /// All of them, with their names in functions.
    const ALL: [(Self, &str); 16] = [
        (Self::IsData, "is_data"),
        (Self::Is, "is"),
        (Self::IsNot, "is_not"),
        (Self::IsInAnyOrder, "is_in_any_order"),
        (Self::Includes, "includes"),
        (Self::Exists, "exists"),
        (Self::DoesNotExist, "does_not_exist"),
        (Self::HasElements, "has_elements"),
        (Self::IsOfType, "is_of_type"),
        (Self::IsAtLeast, "is_at_least"),
        (Self::IsAtMost, "is_at_most"),
        (Self::Matches, "matches_regex"),
        (Self::DoesNotMatch, "does_not_match_regex"),
        (Self::IsFile, "is_file"),
        (Self::IncludesFile, "includes_file"),
        (Self::Conforms, "conforms_to_schema"),
    ];
}

/// Adds the steps of this file.
pub(super) fn steps(library: Library) -> Library {
    let rows = Subject::ALL.into_iter().flat_map(|subject| Assertion::ALL.map(|assertion| (subject, assertion)));
    // A line of a daemon is always JSON.
    let rows = rows.filter(|(subject, assertion)| subject.0 != Subject::Daemon || assertion.0 != Assertion::IsData);
    rows.fold(library, |library, ((subject, of), (assertion, name))| {
        let function = move |context: &mut Context, captures: &Captures| look(context, captures, subject, assertion);
        let function_name = format!("json_{of}_{name}");
        library
            .step(&function_name, function, validity::check_of(subject))
            .looks(validity::look_of(subject), &[&function_name])
    })
}

/// A failure, and the place that it is about.
struct Mismatch {
    failure: Failure,
    at: Vec<Element>,
}

impl From<Failure> for Mismatch {
    fn from(failure: Failure) -> Self {
        Self { failure, at: Vec::new() }
    }
}

fn look(context: &mut Context, captures: &Captures, subject: Subject, assertion: Assertion) -> StepResult {
    let data = subject.read(context, captures)?;
    let result = match assertion {
        Assertion::IsData => return Ok(()),
        Assertion::IsFile | Assertion::IncludesFile => compare_file(context, captures, &data, assertion),
        Assertion::Conforms => conforms(context, captures, &data),
        _ => check(context, captures, &data, assertion),
    };
    result.map_err(|Mismatch { failure, at }| subject.explain(context, &data, &at, failure))
}

/// Checks the value at the path of a step.
fn check(context: &mut Context, captures: &Captures, data: &Data, assertion: Assertion) -> Result<(), Mismatch> {
    let path = path_of(captures)?;
    let name = if path.text == "$" { data.what.clone() } else { format!("{} in {}", path.text, data.what) };
    match assertion {
        Assertion::Exists => {
            if path.nodes(&data.value).is_empty() {
                return Err(path.nothing(&data.value, &data.what).into());
            }
            Ok(())
        }
        Assertion::DoesNotExist => match path.nodes(&data.value).first() {
            None => Ok(()),
            Some(node) => Err(Mismatch {
                failure: Failure::new(format!("{name} exists, but should not"))
                    .note(format!("it is {}", brief(node.value))),
                at: node.place.clone(),
            }),
        },
        Assertion::HasElements => has_elements(captures, data, &path, &name),
        Assertion::IsInAnyOrder => is_in_any_order(captures, data, &path, &name),
        Assertion::Includes => includes(&json_of(captures, "part")?, data, &path, &name),
        _ => {
            let node = path.one(&data.value, &data.what).map_err(|failure| {
                let (text, count) = (&path.text, path.nodes(&data.value).len());
                if count < 2 {
                    return failure;
                }
                failure.help(format!(
                    "for all of them, write `{text} is, in any order, [...]`, `{text} includes ...` or \
                     `{text} has {count} elements`"
                ))
            })?;
            let failed = one(context, captures, node.value, &node.place, assertion, &name);
            failed.map_err(|failure| Mismatch { failure, at: node.place })
        }
    }
}

/// Checks the one value that a path selects.
fn one(
    context: &mut Context,
    captures: &Captures,
    value: &Value,
    at: &[Element],
    assertion: Assertion,
    name: &str,
) -> StepResult {
    match assertion {
        Assertion::Is => {
            let expected = json_of(captures, "value")?;
            same(&expected, value, at, name, &Ignored::new())
        }
        Assertion::IsNot => {
            let expected = json_of(captures, "value")?;
            if !equal(&expected, value) {
                return Ok(());
            }
            Err(Failure::comparison(name, Relation::IsNot, brief(&expected), brief(value)))
        }
        Assertion::IsOfType => is_of_type(captures, value, name),
        Assertion::IsAtLeast | Assertion::IsAtMost => is_within(captures, value, assertion, name),
        _ => {
            if value.is_object() || value.is_array() {
                return Err(Failure::new(format!("{name} is {}, and a regex needs a string", kind(value))));
            }
            let relation =
                if assertion == Assertion::DoesNotMatch { Relation::DoesNotMatch } else { Relation::Matches };
            let actual = text(value);
            bytes::check(name, Bytes::Held(actual.as_bytes()), relation, captures.text("regex")?, context.watch())
        }
    }
}

/// Compares two values.
fn same(expected: &Value, actual: &Value, at: &[Element], name: &str, ignored: &Ignored) -> StepResult {
    let mut finder = Finder::new(at, ignored);
    finder.compare(expected, actual);
    let differences = finder.finish();
    if differences.is_empty() {
        return Ok(());
    }
    let is_plain = |value: &Value| !value.is_object() && !value.is_array();
    if is_plain(expected) && is_plain(actual) {
        let error = Failure::comparison(name, Relation::Is, expected.to_string(), actual.to_string());
        return Err(if kind(expected) == kind(actual) {
            error
        } else {
            error.note(format!("expected {}, and it is {}", kind(expected), kind(actual)))
        });
    }
    Err(differing(&format!("{name} is not as expected"), &differences))
}

fn differing(message: &str, differences: &[compare::Difference]) -> Failure {
    compare::lines(differences).into_iter().fold(Failure::new(message), Failure::note)
}

fn is_of_type(captures: &Captures, value: &Value, name: &str) -> StepResult {
    let expected = DataType::named(captures.text("type")?)?;
    if expected.includes(value) {
        return Ok(());
    }
    let error = Failure::new(format!("{name} is not {}", expected.with_article()));
    Err(error.note(match value {
        Value::Null => "it is null".to_owned(),
        value => format!("it is {}, {}", kind(value), brief(value)),
    }))
}

fn is_within(captures: &Captures, value: &Value, assertion: Assertion, name: &str) -> StepResult {
    let is_least = assertion == Assertion::IsAtLeast;
    let written = captures.text(if is_least { "least" } else { "most" })?;
    let limit = number(written).ok_or_else(|| Failure::new(format!("invalid number: {written}")))?;
    let Value::Number(actual) = value else {
        let error = Failure::new(format!("{name} is not a number"));
        return Err(error.note(format!("it is {}, {}", kind(value), brief(value))));
    };
    let order = compare::compare(actual, &limit);
    if order.is_some_and(|order| if is_least { order.is_ge() } else { order.is_le() }) {
        return Ok(());
    }
    let word = if is_least { "at least" } else { "at most" };
    Err(Failure::new(format!("{name} is {actual}, expected {word} {written}")))
}

fn has_elements(captures: &Captures, data: &Data, path: &Path, name: &str) -> Result<(), Mismatch> {
    let expected: usize = captures.number("count")?;
    let elements = |count: usize| format!("{count} {}", if count == 1 { "element" } else { "elements" });
    let (actual, at) = if path.is_single {
        let node = path.one(&data.value, &data.what)?;
        let count = match node.value {
            Value::Array(items) => items.len(),
            Value::Object(members) => members.len(),
            value => {
                let failure = Failure::new(format!("{name} is {}, which has no elements", kind(value)))
                    .note(format!("it is {}", brief(value)));
                return Err(Mismatch { failure, at: node.place });
            }
        };
        (count, node.place)
    } else {
        (path.nodes(&data.value).len(), Vec::new())
    };
    if actual == expected {
        return Ok(());
    }
    let failure = if path.is_single {
        Failure::new(format!("{name} has {}, expected {}", elements(actual), elements(expected)))
    } else {
        Failure::new(format!("{} selects {} in {}, expected {expected}", path.text, elements(actual), data.what))
    };
    Err(Mismatch { failure, at })
}

/// The elements of an array, or the values that a path selects.
struct Elements<'a> {
    values: Vec<&'a Value>,
    /// The place of the array, or that of the whole.
    at: Vec<Element>,
    /// The place of each.
    places: Vec<Vec<Element>>,
}

/// Returns the elements of the array at a path; if the path can select several values, these.
fn elements<'a>(data: &'a Data, path: &Path, name: &str) -> Result<Elements<'a>, Mismatch> {
    if !path.is_single {
        let (values, places) = path.nodes(&data.value).into_iter().map(|node| (node.value, node.place)).unzip();
        return Ok(Elements { values, at: Vec::new(), places });
    }
    let node = path.one(&data.value, &data.what)?;
    let Value::Array(items) = node.value else {
        let failure = Failure::new(format!("{name} is {}, and only an array has an order", kind(node.value)))
            .note(format!("it is {}", brief(node.value)));
        return Err(Mismatch { failure, at: node.place });
    };
    let below = |index| node.place.iter().cloned().chain([Element::Index(index)]).collect();
    let places = (0..items.len()).map(below).collect();
    Ok(Elements { values: items.iter().collect(), at: node.place, places })
}

fn is_in_any_order(captures: &Captures, data: &Data, path: &Path, name: &str) -> Result<(), Mismatch> {
    let Value::Array(expected) = json_of(captures, "elements")? else {
        return Err(Failure::new("`is, in any order,` needs an array: [...]").into());
    };
    let Elements { values, at, places } = elements(data, path, name)?;
    let ignored = Ignored::new();
    let mut finder =
        if path.is_single { Finder::new(&at, &ignored) } else { Finder::of_selected(&path.text, &ignored) };
    finder.any_order(&expected, &values, &places);
    let differences = finder.finish();
    if differences.is_empty() {
        return Ok(());
    }
    Err(Mismatch { failure: differing(&format!("{name} is not as expected, in any order"), &differences), at })
}

fn includes(expected: &Value, data: &Data, path: &Path, name: &str) -> Result<(), Mismatch> {
    let ignored = Ignored::new();
    let (differences, at) = if path.is_single {
        let node = path.one(&data.value, &data.what)?;
        let mut finder = Finder::new(&node.place, &ignored);
        finder.includes(expected, node.value);
        (finder.finish(), node.place)
    } else {
        let Elements { values, at, places } = elements(data, path, name)?;
        let mut finder = Finder::of_selected(&path.text, &ignored);
        match expected {
            Value::Array(expected) => finder.elements_included(expected, &values, &places),
            expected => finder.elements_included(std::slice::from_ref(expected), &values, &places),
        }
        (finder.finish(), at)
    };
    if differences.is_empty() {
        return Ok(());
    }
    Err(Mismatch { failure: differing(&format!("{name} does not include what is expected"), &differences), at })
}

/// Compares the whole with an embedded file.
fn compare_file(context: &mut Context, captures: &Captures, data: &Data, assertion: Assertion) -> Result<(), Mismatch> {
    let file = context.embedded_file(captures.text("file")?)?;
    let format = format_of(&file.name, captures);
    let expected = data::parse(file.text.as_bytes(), format)
        .map_err(|error| not_data(&format!("embedded file {}", file.name), format, file.text.as_bytes(), error))?;
    if assertion == Assertion::IncludesFile {
        return includes(&expected, data, &Path::root(), &data.what);
    }
    let mut ignored = Ignored::new();
    for written in captures.get("paths").map(split).unwrap_or_default() {
        let path = Path::parse(written).map_err(PathError::into_failure)?;
        let nodes = path.nodes(&data.value);
        if nodes.is_empty() {
            let mut failure = path.nothing(&data.value, &data.what);
            failure.message = format!("the exception {written} selects nothing in {}", data.what);
            return Err(failure.into());
        }
        ignored.extend(nodes.into_iter().map(|node| node.place));
    }
    let name = format!("{} beside embedded file {}", data.what, file.name);
    same(&expected, &data.value, &[], &name, &ignored).map_err(|mut failure| {
        failure.message = format!("{} differs from embedded file {}", data.what, file.name);
        failure.into()
    })
}

/// Checks the whole by a JSON Schema.
fn conforms(context: &mut Context, captures: &Captures, data: &Data) -> Result<(), Mismatch> {
    let file = context.embedded_file(captures.text("schema")?)?;
    let format = Format::of_file(&file.name).unwrap_or(Format::Json);
    let schema = data::parse(file.text.as_bytes(), format)
        .map_err(|error| not_data(&format!("embedded file {}", file.name), format, file.text.as_bytes(), error))?;
    let schema = Schema::compile(&schema, &file.name, context.embedded_files()).map_err(|error| {
        let message = format!("embedded file {} is not a valid JSON Schema: {}", file.name, error.reason);
        error.help.into_iter().fold(Failure::new(message), Failure::help)
    })?;
    let complaints = schema.complaints(&data.value);
    let Some((at, _)) = complaints.first() else { return Ok(()) };
    let message = format!("{} does not conform to schema {}", data.what, file.name);
    Err(Mismatch { failure: schema_failure(message, &complaints), at: at.clone() })
}

/// Parses the JSON of a capture.
pub(crate) fn json_of(captures: &Captures, name: &str) -> Result<Value, Failure> {
    let written = captures.text(name)?;
    data::json(written).map_err(|DataError { reason, help, .. }| {
        let failure = Failure::new(format!("`{name}` is not JSON: {reason}")).note(format!("it is {written}"));
        help.into_iter().fold(failure, Failure::help)
    })
}
