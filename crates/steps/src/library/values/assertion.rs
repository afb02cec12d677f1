//! Steps that check kept values.

use super::validity;
use crate::context::Context;
use crate::library::bytes::{self, Bytes};
use crate::library::json::unknown_value;
use crate::look::Look;
use crate::registry::{Check, Library};
use crate::step::{Captures, Relation, StepResult};

/// Adds the steps of this file.
pub(super) fn steps(library: Library) -> Library {
    let relations = [
        ("is", Relation::Is),
        ("is_not", Relation::IsNot),
        ("contains", Relation::Contains),
        ("matches_regex", Relation::Matches),
    ];
    relations.into_iter().fold(library, |library, (name, relation)| {
        let function = move |context: &mut Context, captures: &Captures| check(context, captures, relation);
        let function_name = format!("values_{name}");
        library
            .step(&function_name, function, Check::With(validity::checks))
            .looks(Look::Fixed(validity::is_fixed), &[&function_name])
    })
}

fn check(context: &mut Context, captures: &Captures, relation: Relation) -> StepResult {
    let name = captures.text("name")?;
    let expected = match relation {
        Relation::Matches => captures.text("regex")?,
        _ => captures.text("text")?,
    };
    let actual = context.kept(name).ok_or_else(|| unknown_value(context, name))?.to_owned();
    bytes::check(&format!("value {name}"), Bytes::Held(actual.as_bytes()), relation, expected, context.watch())
}
