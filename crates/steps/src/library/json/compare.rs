//! Compares values, and says where they differ.
//!
//! The order of members never matters, that of elements always does, except in the one array that
//! a step frees from it. Numbers are equal if they are the same number, however they are written:
//! 1 is 1.0. Integers of 64 bits are compared exactly.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use serde_json::{Number, Value};

use super::place::{Element, place};
use super::show::{brief, kind};

/// The most differences that a failure lists.
const LISTED: usize = 10;

/// Where two values differ.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Difference {
    place: String,
    what: What,
}

#[derive(Debug, Clone, PartialEq)]
enum What {
    /// Both have a value there.
    Other { expected: Value, actual: Value },
    /// Only the expected value has something there.
    Missing(Value),
    /// Only the actual value has something there.
    Unexpected(Value),
    /// No element is left for one of the expected ones; perhaps how the most similar one differs.
    NoElement(Value, Option<String>),
    /// Only a value that has members or elements can include something.
    NotIncluding(Value),
}

impl Difference {
    /// Describes it in one line.
    pub(super) fn line(&self) -> String {
        let place = &self.place;
        match &self.what {
            What::Other { expected, actual } => {
                let types = if kind(expected) == kind(actual) || actual.is_null() || expected.is_null() {
                    String::new()
                } else {
                    format!(", {} instead of {}", kind(actual), kind(expected))
                };
                format!("{place}: expected {}, actual {}{types}", brief(expected), brief(actual))
            }
            What::Missing(expected) => format!("{place}: missing, expected {}", brief(expected)),
            What::Unexpected(actual) => format!("{place}: unexpected, actual {}", brief(actual)),
            What::NoElement(expected, None) => format!("{place}: no element left for {}", brief(expected)),
            What::NoElement(expected, Some(near)) => {
                format!("{place}: no element left for {}; most like it is {near}", brief(expected))
            }
            What::NotIncluding(actual) => {
                format!("{place}: {} has no members or elements, actual {}", kind(actual), brief(actual))
            }
        }
    }
}

/// Returns the lines that a failure shows of differences.
pub(super) fn lines(differences: &[Difference]) -> Vec<String> {
    let mut lines: Vec<String> = differences.iter().take(LISTED).map(Difference::line).collect();
    match differences.len().saturating_sub(LISTED) {
        0 => {}
        1 => lines.push("and 1 more difference".to_owned()),
        more => lines.push(format!("and {more} more differences")),
    }
    lines
}

/// Returns whether two values are the same.
pub(super) fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => compare(a, b) == Some(Ordering::Equal),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| equal(a, b)))
        }
        _ => a == b,
    }
}

/// Compares two numbers by value.
pub(super) fn compare(a: &Number, b: &Number) -> Option<Ordering> {
    let integer = |number: &Number| number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
    match (integer(a), integer(b)) {
        (Some(a), Some(b)) => Some(a.cmp(&b)),
        (Some(a), None) => compare_mixed(a, b.as_f64()?),
        (None, Some(b)) => compare_mixed(b, a.as_f64()?).map(Ordering::reverse),
        (None, None) => a.as_f64()?.partial_cmp(&b.as_f64()?),
    }
}

/// Compares an integer with a float, exactly.
#[expect(clippy::cast_possible_truncation, reason = "the range is checked first, and the fraction is compared")]
fn compare_mixed(a: i128, b: f64) -> Option<Ordering> {
    // Beyond what an integer of 64 bits can be.
    if b >= 1e20 {
        return Some(Ordering::Less);
    }
    if b <= -1e20 {
        return Some(Ordering::Greater);
    }
    let whole = b.trunc();
    match a.cmp(&(whole as i128)) {
        Ordering::Equal => 0.0_f64.partial_cmp(&(b - whole)),
        other => Some(other),
    }
}

/// What a comparison does not look at: places in the actual value.
pub(super) type Ignored = HashSet<Vec<Element>>;

/// Finds where two values differ. `at` is the place of both.
pub(super) struct Finder<'a> {
    ignored: &'a Ignored,
    at: Vec<Element>,
    /// The path that selects the elements, if they are not those of an array.
    selected_by: Option<&'a str>,
    found: Vec<Difference>,
}

impl<'a> Finder<'a> {
    /// Creates one for values at a place.
    pub(super) fn new(at: &[Element], ignored: &'a Ignored) -> Self {
        Self { ignored, at: at.to_vec(), selected_by: None, found: Vec::new() }
    }

    /// Creates one for the values that a path selects.
    pub(super) fn of_selected(path: &'a str, ignored: &'a Ignored) -> Self {
        Self { selected_by: Some(path), ..Self::new(&[], ignored) }
    }

    /// Returns what was found.
    pub(super) fn finish(self) -> Vec<Difference> {
        self.found
    }

    fn add(&mut self, what: What) {
        self.found.push(Difference { place: place(&self.at), what });
    }

    fn inside(&mut self, element: Element, look: impl FnOnce(&mut Self)) {
        self.at.push(element);
        if !self.ignored.contains(&self.at) {
            look(self);
        }
        self.at.pop();
    }

    /// Compares two values.
    pub(super) fn compare(&mut self, expected: &Value, actual: &Value) {
        match (expected, actual) {
            (Value::Object(expected), Value::Object(actual)) => {
                for (key, expected) in expected {
                    self.inside(Element::Name(key.clone()), |finder| match actual.get(key) {
                        Some(actual) => finder.compare(expected, actual),
                        None => finder.add(What::Missing(expected.clone())),
                    });
                }
                for (key, value) in actual.iter().filter(|(key, _)| !expected.contains_key(*key)) {
                    self.inside(Element::Name(key.clone()), |finder| finder.add(What::Unexpected(value.clone())));
                }
            }
            (Value::Array(expected), Value::Array(actual)) => self.elements(expected, actual),
            _ if equal(expected, actual) => {}
            _ => self.add(What::Other { expected: expected.clone(), actual: actual.clone() }),
        }
    }

    /// Compares arrays. If one has more elements, they are those between what both begin and end
    /// with.
    fn elements(&mut self, expected: &[Value], actual: &[Value]) {
        let common = expected.len().min(actual.len());
        let (mut before, mut after) = (common, 0);
        if expected.len() != actual.len() {
            let is_same = |at: &usize| self.is_same(&expected[*at], &actual[*at], *at);
            before = (0..common).take_while(is_same).count();
            let from_end = |at: usize| {
                let (ours, theirs) = (expected.len() - 1 - at, actual.len() - 1 - at);
                self.is_same(&expected[ours], &actual[theirs], theirs)
            };
            after = (0..common - before).take_while(|&at| from_end(at)).count();
        }
        let (last_expected, last_actual) = (expected.len() - after, actual.len() - after);
        let paired = last_expected.min(last_actual);
        for at in 0..paired {
            if at >= before || expected.len() == actual.len() {
                self.inside(Element::Index(at), |finder| finder.compare(&expected[at], &actual[at]));
            }
        }
        for (at, value) in expected.iter().enumerate().take(last_expected).skip(paired) {
            self.inside(Element::Index(at), |finder| finder.add(What::Missing(value.clone())));
        }
        for (at, value) in actual.iter().enumerate().take(last_actual).skip(paired) {
            self.inside(Element::Index(at), |finder| finder.add(What::Unexpected(value.clone())));
        }
    }

    fn is_same(&self, expected: &Value, actual: &Value, index: usize) -> bool {
        if self.ignored.is_empty() {
            return equal(expected, actual);
        }
        let at: Vec<Element> = self.at.iter().cloned().chain([Element::Index(index)]).collect();
        let mut finder = Finder::new(&at, self.ignored);
        finder.compare(expected, actual);
        finder.found.is_empty()
    }

    /// Compares arrays whose order does not matter. `places` are those of the actual elements.
    pub(super) fn any_order(&mut self, expected: &[Value], actual: &[&Value], places: &[Vec<Element>]) {
        let mut left: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, value) in actual.iter().enumerate().rev() {
            left.entry(canonical(value)).or_default().push(at);
        }
        let mut missing = Vec::new();
        for value in expected {
            if left.get_mut(&canonical(value)).and_then(Vec::pop).is_none() {
                missing.push(value);
            }
        }
        let mut more: Vec<usize> = left.into_values().flatten().collect();
        more.sort_unstable();
        // One that is left on each side is likely the same one, changed.
        if let ([expected], &[at]) = (&missing[..], &more[..])
            && expected.is_object()
            && actual[at].is_object()
        {
            let before = std::mem::replace(&mut self.at, places[at].clone());
            self.compare(expected, actual[at]);
            self.at = before;
            return;
        }
        let left: Vec<&Value> = more.iter().map(|&at| actual[at]).collect();
        for value in missing {
            let near = most_like(value, &left, |finder, actual| finder.compare(value, actual));
            let near = near.map(|(at, lines)| format!("{}, with {lines}", place(&places[more[at]])));
            self.no_element(value, near);
        }
        for at in more {
            self.found.push(Difference { place: place(&places[at]), what: What::Unexpected(actual[at].clone()) });
        }
    }

    /// Looks for all that is expected in a value that may have more.
    pub(super) fn includes(&mut self, expected: &Value, actual: &Value) {
        match (expected, actual) {
            (Value::Array(expected), Value::Array(actual)) => {
                let places = self.places(actual.len());
                self.elements_included(expected, &actual.iter().collect::<Vec<_>>(), &places);
            }
            (expected, Value::Array(actual)) => {
                let places = self.places(actual.len());
                self.elements_included(std::slice::from_ref(expected), &actual.iter().collect::<Vec<_>>(), &places);
            }
            (Value::Object(_), Value::Object(_)) => self.members_included(expected, actual),
            (_, Value::Object(_)) => self.add(What::Other { expected: expected.clone(), actual: actual.clone() }),
            (_, actual) => self.add(What::NotIncluding(actual.clone())),
        }
    }

    /// Looks for members in objects, also in those below. Arrays must be the same.
    fn members_included(&mut self, expected: &Value, actual: &Value) {
        let (Value::Object(expected), Value::Object(actual)) = (expected, actual) else {
            return self.compare(expected, actual);
        };
        for (key, expected) in expected {
            self.inside(Element::Name(key.clone()), |finder| match actual.get(key) {
                Some(actual) => finder.members_included(expected, actual),
                None => finder.add(What::Missing(expected.clone())),
            });
        }
    }

    /// Returns the places of elements below its own.
    fn places(&self, count: usize) -> Vec<Vec<Element>> {
        (0..count).map(|index| self.at.iter().cloned().chain([Element::Index(index)]).collect()).collect()
    }

    fn no_element(&mut self, expected: &Value, near: Option<String>) {
        let place = self.selected_by.map_or_else(|| place(&self.at), str::to_owned);
        self.found.push(Difference { place, what: What::NoElement(expected.clone(), near) });
    }

    /// Looks for a different element for each expected one. `places` are those of the actual ones.
    pub(super) fn elements_included(&mut self, expected: &[Value], actual: &[&Value], places: &[Vec<Element>]) {
        let fits = |wanted: &Value, element: &Value| {
            let mut finder = Finder::new(&[], self.ignored);
            finder.members_included(wanted, element);
            finder.found.is_empty()
        };
        let fitting: Vec<Vec<usize>> =
            expected.iter().map(|wanted| (0..actual.len()).filter(|&at| fits(wanted, actual[at])).collect()).collect();
        let mut taken: Vec<Option<usize>> = vec![None; actual.len()];
        let mut without = Vec::new();
        for wanted in 0..expected.len() {
            if !find_place(wanted, &fitting, &mut taken, &mut vec![false; actual.len()]) {
                without.push(wanted);
            }
        }
        let left: Vec<usize> = (0..actual.len()).filter(|&at| taken[at].is_none()).collect();
        let values: Vec<&Value> = left.iter().map(|&at| actual[at]).collect();
        for wanted in without.into_iter().map(|wanted| &expected[wanted]) {
            let near = most_like(wanted, &values, |finder, actual| finder.members_included(wanted, actual));
            let near = near.map(|(at, lines)| format!("{}, with {lines}", place(&places[left[at]])));
            self.no_element(wanted, near);
        }
    }
}

/// Finds the object that differs least from an expected one, with how it differs. At least one
/// member must be the same.
fn most_like(
    expected: &Value,
    actual: &[&Value],
    mut look: impl FnMut(&mut Finder<'_>, &Value),
) -> Option<(usize, String)> {
    const LISTED: usize = 3;
    const COMPARED: usize = 200;
    let members = expected.as_object()?;
    let ignored = Ignored::new();
    let mut found: Option<(usize, Vec<Difference>)> = None;
    for (at, value) in actual.iter().enumerate().take(COMPARED) {
        let Some(object) = value.as_object() else { continue };
        if !members.iter().any(|(key, value)| object.get(key).is_some_and(|actual| equal(value, actual))) {
            continue;
        }
        let mut finder = Finder::new(&[], &ignored);
        look(&mut finder, value);
        if found.as_ref().is_none_or(|(_, least)| finder.found.len() < least.len()) {
            found = Some((at, finder.found));
        }
    }
    let (at, differences) = found?;
    let lines: Vec<String> = differences
        .iter()
        .take(LISTED)
        .map(|difference| difference.line().trim_start_matches("$.").to_owned())
        .collect();
    let more = if differences.len() > LISTED { "; ..." } else { "" };
    Some((at, format!("{}{more}", lines.join("; "))))
}

/// Finds an element for an expected one. Elements that others have taken are exchanged.
fn find_place(wanted: usize, fitting: &[Vec<usize>], taken: &mut [Option<usize>], tried: &mut [bool]) -> bool {
    for &at in &fitting[wanted] {
        if std::mem::replace(&mut tried[at], true) {
            continue;
        }
        if taken[at].is_none_or(|other| find_place(other, fitting, taken, tried)) {
            taken[at] = Some(wanted);
            return true;
        }
    }
    false
}

/// Returns a text that two values have in common if and only if they are equal.
#[expect(clippy::cast_possible_truncation, reason = "only of floats that are integers of at most 64 bits")]
fn canonical(value: &Value) -> String {
    match value {
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(float) if float.fract() == 0.0 && float.abs() < 1e20 => (float as i128).to_string(),
            _ => number.to_string(),
        },
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        Value::Object(members) => {
            // The keys of an object are sorted.
            let members = members.iter().map(|(key, value)| format!("{key:?}:{}", canonical(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        }
        value => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(look: impl FnOnce(&mut Finder<'_>)) -> Vec<String> {
        let ignored = Ignored::new();
        let mut finder = Finder::new(&[], &ignored);
        look(&mut finder);
        lines(&finder.finish())
    }

    fn different(expected: &Value, actual: &Value) -> Vec<String> {
        found(|finder| finder.compare(expected, actual))
    }

    fn not_included(expected: &Value, actual: &Value) -> Vec<String> {
        found(|finder| finder.includes(expected, actual))
    }

    fn number(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn numbers_are_equal_by_value() {
        for (a, b) in [
            ("1", "1.0"),
            ("1", "1e0"),
            ("100", "1e2"),
            ("0", "-0.0"),
            ("9223372036854775808", "9223372036854775808.0"),
        ] {
            assert!(equal(&number(a), &number(b)), "{a} {b}");
            assert_eq!(canonical(&number(a)), canonical(&number(b)), "{a} {b}");
        }
        for (a, b) in [
            ("9007199254740992", "9007199254740993"),
            ("18446744073709551615", "18446744073709551614"),
            ("9007199254740993", "9007199254740992.0"),
            ("1", "1.5"),
            ("18446744073709551615", "1e20"),
        ] {
            let order = compare(number(a).as_number().unwrap(), number(b).as_number().unwrap());
            assert!(!equal(&number(a), &number(b)) && order != Some(Ordering::Equal), "{a} {b}");
            assert_ne!(canonical(&number(a)), canonical(&number(b)), "{a} {b}");
        }
        let order = |a: &str, b: &str| compare(number(a).as_number().unwrap(), number(b).as_number().unwrap());
        assert_eq!(order("1", "1.5"), Some(Ordering::Less));
        assert_eq!(order("-1", "-1.5"), Some(Ordering::Greater));
        assert_eq!(order("2.5", "2"), Some(Ordering::Greater));
        assert!(!equal(&json!("1"), &json!(1)) && !equal(&json!(true), &json!(1)));
    }

    #[test]
    fn differences_have_paths() {
        let (expected, actual) =
            (json!({"a": 1, "b": [1, {"c": 2}], "d": null}), json!({"a": "1", "b": [1, {"c": 3}], "e": 5}));
        assert_eq!(
            different(&expected, &actual),
            [
                "$.a: expected 1, actual \"1\", a string instead of a number",
                "$.b[1].c: expected 2, actual 3",
                "$.d: missing, expected null",
                "$.e: unexpected, actual 5",
            ]
        );
        assert_eq!(different(&json!([1, 2, 3]), &json!([2, 3])), ["$[0]: missing, expected 1"]);
        assert_eq!(different(&json!([1, 2, 3]), &json!([1, 2, 9, 3])), ["$[2]: unexpected, actual 9"]);
        assert_eq!(
            different(&json!([1, 2]), &json!([2, 1])),
            ["$[0]: expected 1, actual 2", "$[1]: expected 2, actual 1"]
        );
        assert_eq!(
            different(&json!([1, 2, 3, 4]), &json!([9, 2, 8])),
            ["$[0]: expected 1, actual 9", "$[2]: expected 3, actual 8", "$[3]: missing, expected 4"]
        );
        let many = json!((0..30).collect::<Vec<_>>());
        let lines = different(&many, &json!((1..31).collect::<Vec<_>>()));
        assert_eq!((lines.len(), lines[10].as_str()), (11, "and 20 more differences"));
    }

    #[test]
    fn ignored_places_are_not_compared() {
        let ignored: Ignored =
            [vec![Element::Name("id".to_owned())], vec![Element::Index(0), Element::Name("t".to_owned())]].into();
        let mut finder = Finder::new(&[], &ignored);
        finder.compare(&json!({"id": 1, "a": 1}), &json!({"id": 2, "a": 2}));
        finder.compare(&json!([{"t": 1}, {"t": 1}]), &json!([{"t": 2}, {"t": 1}, {"t": 3}]));
        assert_eq!(lines(&finder.finish()), ["$.a: expected 1, actual 2", "$[2]: unexpected, actual {\"t\":3}"]);
    }

    #[test]
    fn order_matters_only_where_it_should() {
        let any_order = |expected: Value, actual: Value| {
            let actual = actual.as_array().unwrap();
            let places: Vec<_> = (0..actual.len()).map(|at| vec![Element::Index(at)]).collect();
            found(|finder| finder.any_order(expected.as_array().unwrap(), &actual.iter().collect::<Vec<_>>(), &places))
        };
        assert!(any_order(json!([1, 2, 2.0, {"a": 1}]), json!([2, {"a": 1.0}, 1, 2])).is_empty());
        assert_eq!(
            any_order(json!([1, 2, 2]), json!([2, 1, 1])),
            ["$: no element left for 2", "$[2]: unexpected, actual 1"]
        );
        assert_eq!(
            any_order(json!([[1, 2]]), json!([[2, 1]])),
            ["$: no element left for [1,2]", "$[0]: unexpected, actual [2,1]"]
        );
        assert_eq!(
            any_order(json!([{"a": 1}, {"a": 2}]), json!([{"a": 3}, {"a": 1}])),
            ["$[0].a: expected 2, actual 3"]
        );
    }

    #[test]
    fn includes_looks_for_different_elements() {
        assert!(not_included(&json!({"a": {"b": 1}}), &json!({"a": {"b": 1, "c": 2}, "d": 1})).is_empty());
        assert!(not_included(&json!([{"a": 1}, 2]), &json!([2, {"a": 1, "b": 2}, 3])).is_empty());
        assert!(not_included(&json!("x"), &json!(["y", "x"])).is_empty());
        // The first could take the element that the second needs.
        assert!(not_included(&json!([{}, {"a": 1}]), &json!([{"a": 1}, {"b": 1}])).is_empty());
        assert_eq!(not_included(&json!([1, 1]), &json!([1, 2])), ["$: no element left for 1"]);
        assert_eq!(not_included(&json!({"a": [1]}), &json!({"a": [1, 2]})), ["$.a[1]: unexpected, actual 2"]);
        assert_eq!(not_included(&json!({"a": 1}), &json!([{"a": 2, "b": 1}])), ["$: no element left for {\"a\":1}"]);
        assert_eq!(
            not_included(&json!({"a": 1, "b": {"c": 1}}), &json!([{"a": 2}, {"a": 1, "b": {"c": 2}}])),
            ["$: no element left for {\"a\":1,\"b\":{\"c\":1}}; most like it is $[1], with b.c: expected 1, actual 2"]
        );
        assert_eq!(
            not_included(&json!("a"), &json!("abc")),
            ["$: a string has no members or elements, actual \"abc\""]
        );
    }
}
