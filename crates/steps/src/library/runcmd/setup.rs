//! Steps that prepare commands: helper scripts, PATH, environment variables and standard input.

use greenroom_sandbox::process::RunAs;

use super::state::{Runcmd, Stdin};
use crate::check::{PreflightState, Problem, ProblemKind};
use crate::context::{Context, DEFAULT_PATH};
use crate::library::command::not_replaced;
use crate::library::literal::{Remedy, literal_escape, literal_value};
use crate::library::place::{Place, outside};
use crate::library::user;
use crate::registry::{Check, Library};
use crate::step::{Captures, StepResult, names_value};

/// Adds the steps of this file.
pub(super) fn steps(library: Library) -> Library {
    library
        .step("runcmd_helper_script", helper_script, Check::With(check_helper_script))
        .step(
            "runcmd_put_srcdir_on_path",
            |context, _| {
                let srcdir = context.source_directory().to_owned();
                context.environment().prepend_to_path(srcdir);
                Ok(())
            },
            Check::With(check_srcdir),
        )
        .step("runcmd_set_variable", set_variable, Check::With(check_variable))
        .step("runcmd_unset_variable", unset_variable, Check::With(check_variable))
        .step("runcmd_run_as_user", run_as_user, Check::With(|captures, state| user::check(captures, state)))
        .step(
            "runcmd_run_as_ordinary_user",
            |context, _| {
                context.state::<Runcmd>().user = Some(RunAs::ordinary());
                Ok(())
            },
            Check::Nothing,
        )
        .step("runcmd_stdin_from_file", stdin_from_file, Check::With(|captures, _| outside(captures, &["file"])))
        .step("runcmd_stdin_from_text", stdin_from_text, Check::With(check_stdin))
}

fn helper_script(context: &mut Context, captures: &Captures) -> StepResult {
    let script = captures.text("script")?;
    let file = context.embedded_file(script)?;
    Place::make(context, script)?.write(file.text.as_bytes(), true)
}

fn check_helper_script(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    let script = captures.get("script").unwrap_or_default();
    state.creates_from(script, script);
    outside(captures, &["script"])
}

fn check_srcdir(_: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    if !state.path_prefix.contains(&state.source_directory) {
        state.path_prefix.push(state.source_directory.clone());
    }
    Vec::new()
}

fn set_variable(context: &mut Context, captures: &Captures) -> StepResult {
    let (variable, value) = (captures.text("variable")?, captures.text("value")?);
    context.environment().set(variable, value);
    Ok(())
}

fn run_as_user(context: &mut Context, captures: &Captures) -> StepResult {
    let account = user::user_of(captures)?;
    if account.is_some() {
        user::open_directory(context)?;
    }
    context.state::<Runcmd>().user = account.map(RunAs::Account);
    Ok(())
}

fn unset_variable(context: &mut Context, captures: &Captures) -> StepResult {
    let variable = captures.text("variable")?;
    context.environment().unset(variable);
    Ok(())
}

fn check_variable(captures: &Captures, state: &mut PreflightState) -> Vec<Problem> {
    let (variable, value) = (captures.get("variable").unwrap_or_default(), captures.get("value"));
    // What a kept value contains is not known before the run, nor which programs it leads to.
    state.anything_goes |= names_value(variable) || (variable == "PATH" && value.is_some_and(names_value));
    if variable == "PATH" {
        state.sets_path(value.unwrap_or(DEFAULT_PATH).into());
    }
    let Some(value) = value else { return Vec::new() };
    let unchanged = not_replaced("value", variable, value, state).or_else(|| literal_value("value", variable, value));
    unchanged.into_iter().chain(quoted(value)).collect()
}

/// Returns a warning about a value between quotes, which are part of it.
fn quoted(value: &str) -> Option<Problem> {
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let inside = value[1..].strip_suffix(quote).filter(|inside| !inside.contains(quote))?;
    let message = "the quotes are part of the value";
    let problem = Problem::warning("value", ProblemKind::LiteralEscape, message);
    Some(problem.help(format!("write the value without quotes, up to the end of the line: `={inside}`")))
}

fn stdin_from_file(context: &mut Context, captures: &Captures) -> StepResult {
    let file = captures.text("file")?;
    context.inside(file)?;
    context.state::<Runcmd>().stdin = Stdin::File(file.to_owned());
    Ok(())
}

fn check_stdin(captures: &Captures, _: &mut PreflightState) -> Vec<Problem> {
    literal_escape(captures, "text", Remedy::Stdin).into_iter().collect()
}

fn stdin_from_text(context: &mut Context, captures: &Captures) -> StepResult {
    context.state::<Runcmd>().stdin = Stdin::Text(captures.text("text")?.to_owned());
    Ok(())
}
