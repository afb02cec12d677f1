//! Starting the process of a daemon, with its output files.

use std::ffi::OsString;
use std::fs::File;
use std::path::Path;

use greenroom_sandbox::process::{Input, Program, Service, SpawnError, retry_while_scarce};

use super::daemons::Daemons;
use super::instance::{Daemon, meter_name, output_file};
use super::order::StartOrder;
use super::program::find;
use super::renamed_outputs::RenamedOutputs;
use crate::context::Context;
use crate::library::place::Place;
use crate::step::{Failure, Stream, out_of_room};

/// Starts a daemon, and does not wait for it.
pub(super) fn spawn(context: &mut Context, order: StartOrder) -> Result<(), Failure> {
    let is_inside = order.directory.starts_with(context.directory());
    let directory = if is_inside { order.directory.clone() } else { context.directory().to_owned() };
    let path = find(context, &order)?;
    let crashed = crashed(context, &order.name);
    let renamed = RenamedOutputs::make(context, &order.name, &directory)?;
    let process = match execute(context, &order, &path, &directory) {
        Ok(process) => process,
        Err(error) => {
            // The name still means the daemon that is running.
            renamed.map(|renamed| renamed.undo(context, &directory)).transpose()?;
            return Err(error);
        }
    };
    let step = context.step_number();
    context.state::<Daemons>().note_start(step);
    context.state::<Daemons>().crashed.extend(crashed);
    let daemons = &mut context.state::<Daemons>().started;
    if let Some(renamed) = renamed {
        daemons[renamed.at].former = Some(renamed.number);
    }
    // An earlier daemon of this name that has ended: its output files now belong to the new one.
    let is_replaced = |daemon: &mut Daemon| daemon.order.name == order.name && daemon.former.is_none();
    let replaced = daemons.extract_if(.., is_replaced).flat_map(|daemon| [daemon.former_addresses, daemon.addresses]);
    let former_addresses = replaced.flatten().collect();
    let mut daemon = Daemon::new(order, directory, process);
    daemon.former_addresses = former_addresses;
    daemons.push(daemon);
    Ok(())
}

/// Returns the daemon of this name, if it crashed and no step knows. Its output files are about to
/// be replaced.
fn crashed(context: &mut Context, name: &str) -> Option<greenroom_event::Daemon> {
    let (daemons, watch) = context.state_and_watch::<Daemons>();
    let daemon = daemons.get(name).ok()?;
    let end = daemon.end(watch);
    let output = end.is_unnoticed_crash().then(|| daemon.captured_around_end().0)?;
    Some(greenroom_event::Daemon {
        name: name.to_owned(),
        command: daemon.command_line().to_owned(),
        end,
        output,
        lives: Vec::new(),
    })
}

/// Executes the program of a daemon.
fn execute(context: &mut Context, order: &StartOrder, path: &Path, directory: &Path) -> Result<Service, Failure> {
    let (stdout, stderr) =
        (create(context, directory, order, Stream::Stdout)?, create(context, directory, order, Stream::Stderr)?);
    let outputs = [(Stream::Stdout, stdout.try_clone()?), (Stream::Stderr, stderr.try_clone()?)];
    let start = || -> std::io::Result<_> {
        let program = Program {
            path: path.to_owned(),
            argv: order.words.iter().map(OsString::from).collect(),
            directory: order.directory.clone(),
            environment: order.environment.clone(),
            stdin: Input::Null,
            stdout: stdout.try_clone()?,
            stderr: stderr.try_clone()?,
        };
        Ok(Service::start(program, order.port))
    };
    let is_scarce = |started: &std::io::Result<Result<Service, SpawnError>>| {
        started.as_ref().is_ok_and(|started| started.as_ref().is_err_and(SpawnError::is_out_of_room))
    };
    let started = retry_while_scarce(context.watch(), path, start, is_scarce)?;
    let process = started?.map_err(|error| {
        if error.is_out_of_room() {
            return out_of_room(&error);
        }
        let hint = error.hint.clone();
        let failure = Failure::from(error);
        match hint {
            Some(hint) => failure.note(hint),
            None => failure,
        }
    })?;
    process.record_end_in(context.watch());
    for (stream, file) in &outputs {
        context.watch().meter(&meter_name(&order.name, *stream), file, Some(process.first_pidfd()))?;
    }
    Ok(process)
}

/// Creates an output file in place of whatever has its name, inside the scenario's directory.
fn create(context: &Context, directory: &Path, order: &StartOrder, stream: Stream) -> Result<File, Failure> {
    Place::make_in(context, directory, &output_file(&order.name, None, stream))?.replace()
}
