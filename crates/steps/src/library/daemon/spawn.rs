//! Starting the process of a daemon, with its output files.

use std::ffi::OsString;
use std::fs::File;
use std::path::Path;

use greenroom_sandbox::process::{Input, NotifySocket, Program, Service, SpawnError, Terminal, retry_while_scarce};

use super::daemons::Daemons;
use super::instance::{Daemon, Extent, StartedProcess, meter_name, output_file};
use super::order::StartOrder;
use super::program::find;
use super::renamed_outputs::RenamedOutputs;
use crate::context::Context;
use crate::library::place::Place;
use crate::step::{Failure, Stream, out_of_room};

/// Starts a daemon, and does not wait for it.
pub(super) fn spawn(context: &mut Context, order: StartOrder) -> Result<(), Failure> {
    let is_inside = order.outputs.starts_with(context.directory());
    let directory = if is_inside { order.outputs.clone() } else { context.directory().to_owned() };
    let path = find(context, &order)?;
    let crashed = crashed(context, &order.name);
    let renamed = RenamedOutputs::make(context, &order.name, &directory)?;
    let started = match execute(context, &order, &path, &directory) {
        Ok(started) => started,
        Err(error) => {
            // The name still means the daemon that is running.
            renamed.map(|renamed| renamed.undo(context, &directory)).transpose()?;
            return Err(error);
        }
    };
    let step = context.step_number();
    let mut daemon = Daemon::new(context, order, directory, started);
    let (daemons, watch) = context.state_and_watch::<Daemons>();
    daemons.note_start(step);
    if let Some(renamed) = renamed {
        daemons.started[renamed.at].former = Some(renamed.number);
    }
    // An earlier daemon of this name that has ended: its output files now belong to the new one.
    let is_replaced = |earlier: &mut Daemon| earlier.order.name == daemon.order.name && earlier.former.is_none();
    let replaced: Vec<Daemon> = daemons.started.extract_if(.., is_replaced).collect();
    for mut earlier in replaced {
        daemon.former_addresses.append(&mut earlier.former_addresses);
        daemon.former_addresses.append(&mut earlier.addresses);
        if crashed.is_none() {
            daemon.earlier = earlier.into_lives(watch);
        }
    }
    daemons.crashed.extend(crashed);
    daemons.started.push(daemon);
    Ok(())
}

/// Returns the daemon of this name, if it crashed and no step knows. Its output files are about to
/// be replaced.
fn crashed(context: &mut Context, name: &str) -> Option<greenroom_event::Daemon> {
    let evidence = context.evidence();
    let (daemons, watch) = context.state_and_watch::<Daemons>();
    let extent = Extent::of(evidence, daemons.crashed.len());
    let daemon = daemons.get(name).ok()?;
    let life = daemon.life(watch);
    let output = life.end.is_unnoticed_crash().then(|| daemon.captured_around_end(watch, extent).0)?;
    Some(greenroom_event::Daemon {
        name: name.to_owned(),
        command: daemon.command_line().to_owned(),
        end: life.end.clone(),
        output,
        lives: daemon.earlier.iter().cloned().chain([life]).collect(),
    })
}

/// Executes the program of a daemon. Returns its process, and the meters of its outputs.
fn execute(
    context: &mut Context,
    order: &StartOrder,
    path: &Path,
    directory: &Path,
) -> Result<StartedProcess, Failure> {
    let (stdout, stderr) =
        (create(context, directory, order, Stream::Stdout)?, create(context, directory, order, Stream::Stderr)?);
    let outputs = (stdout.try_clone()?, stderr.try_clone()?);
    let terminal = order.options.terminal.map(|size| Terminal::open(size, stdout.try_clone()?)).transpose()?;
    let (terminal, inside) = terminal.unzip();
    let (stdin, writer) = order.options.stdin.open(context)?;
    let notify = order.options.reports.then(|| NotifySocket::new(&order.name)).transpose()?;
    let mut environment = order.environment.clone();
    if let Some(socket) = &notify {
        environment.push(("NOTIFY_SOCKET".into(), Some(socket.address().into())));
    }
    let start = || -> std::io::Result<_> {
        let stdin = match &stdin {
            Input::Null => Input::Null,
            Input::File(file) => Input::File(file.try_clone()?),
        };
        let program = Program {
            path: path.to_owned(),
            argv: order.words.iter().map(OsString::from).collect(),
            directory: order.directory.clone(),
            environment: environment.clone(),
            stdin: match &inside {
                Some(inside) => Input::File(inside.try_clone()?),
                None => stdin,
            },
            stdout: inside.as_ref().unwrap_or(&stdout).try_clone()?,
            stderr: inside.as_ref().unwrap_or(&stderr).try_clone()?,
        };
        Ok(Service::start(program, order.port, &order.options.restrictions))
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
    let mut meter = |stream: Stream, file: &File| {
        context.watch().meter(&meter_name(&order.name, stream), file, Some(process.first_pidfd()))
    };
    let meters = [meter(Stream::Stdout, &outputs.0)?, meter(Stream::Stderr, &outputs.1)?];
    Ok(StartedProcess { process, meters, stdin: writer, notify, terminal })
}

/// Creates an output file in place of whatever has its name, inside the scenario's directory.
fn create(context: &Context, directory: &Path, order: &StartOrder, stream: Stream) -> Result<File, Failure> {
    Place::make_in(context, directory, &output_file(&order.name, None, stream))?.replace()
}
