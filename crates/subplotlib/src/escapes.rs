//! Escapes in the texts of steps.
//!
//! Generated code of subplotlib 0.11 passes expected outputs of commands with their escapes, such
//! as `\n`; that of later versions passes the characters that they stand for. So whether they are
//! replaced depends on the step that runs.

use std::borrow::Cow;
use std::cell::Cell;

use crate::types::StepError;

thread_local! {
    /// Whether the step that runs has escapes. A scenario runs in one thread.
    static ARE_REPLACED: Cell<bool> = const { Cell::new(false) };
}

/// Calls a function, in which [`replace`] replaces escapes if `are_replaced`. The function does not panic.
pub(crate) fn with<R>(are_replaced: bool, function: impl FnOnce() -> R) -> R {
    let before = ARE_REPLACED.replace(are_replaced);
    let result = function();
    ARE_REPLACED.set(before);
    result
}

/// Replaces the escapes in a text, if the step that runs has them.
///
/// # Errors
/// If one is invalid.
pub(crate) fn replace(text: &str) -> Result<Cow<'_, str>, StepError> {
    if !ARE_REPLACED.get() {
        return Ok(Cow::Borrowed(text));
    }
    let replaced = unescape::unescape(text);
    Ok(Cow::Owned(replaced.ok_or_else(|| format!("invalid escape in `{text}`; write `\\\\` for a backslash"))?))
}
