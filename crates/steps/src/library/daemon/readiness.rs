//! Waiting until a daemon is ready, whatever that means for it.
//!
//! Every wait looks at the daemon too: should it end first, that is said at once, with its exit status and last words.

use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use greenroom_sandbox::process::ports::Listener;
use greenroom_sandbox::process::table::Entry;
use greenroom_sandbox::process::{capture, ports, table};
use rustix::fs::{Mode, OFlags, open};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};

use super::daemons::{Daemon, Daemons, unescape};
use super::{limit_of, words};
use crate::context::Context;
use crate::host::known_as;
use crate::step::{Captures, Failure, StepResult, Stream};

/// How long a daemon must have been quiet after it wrote something before that counts as its output.
const QUIET: Duration = Duration::from_millis(200);

/// A port, 1 to 65535.
pub(super) fn port_of(captures: &Captures) -> Result<u16, Failure> {
    let text = captures.text("port")?;
    parse_port(text)
        .ok_or_else(|| Failure::new(format!("{text} is not a port")).help("a port is a number from 1 to 65535"))
}

pub(super) fn parse_port(text: &str) -> Option<u16> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|&port| digits && port > 0)
}

/// Fails when something listens on the port already: a daemon that cannot bind it would look as if it were ready.
pub(super) fn port_is_free(context: &mut Context, port: u16) -> StepResult {
    let (daemons, _) = context.state_and_watch::<Daemons>();
    let Some(listener) = daemons.listeners().on_port(port).into_iter().next() else {
        return Ok(());
    };
    let error = Failure::new(format!("port {port} is taken already, by {}", holder(daemons, &listener)));
    Err(error.help("stop that process first, or use another port"))
}

/// Who listens, in words.
fn holder(daemons: &mut Daemons, listener: &Listener) -> String {
    let Some(entry) = table::holder_of_socket(listener.inode) else {
        return "a process outside of this scenario".to_owned();
    };
    let daemon = daemons.of_process(&table::members(), entry.pid).map(Daemon::label);
    in_words(daemon, &entry)
}

/// A process in words, with the name of the daemon that it is of.
fn in_words(daemon: Option<String>, entry: &Entry) -> String {
    let command = known_as(&entry.command);
    match daemon {
        Some(name) => format!("daemon {name} ({command})"),
        None => format!("process {} ({command})", entry.pid),
    }
}

/// What a look at a daemon's port found.
enum Look {
    Listens(Listener),
    Ended,
}

/// Waits until a daemon listens on a port. `more_time` says what gives it more time, should it need that.
pub(super) fn port(
    context: &mut Context,
    name: &str,
    port: u16,
    limit: Duration,
    more_time: &str,
) -> Result<Listener, Failure> {
    let begun = Instant::now();
    let (daemons, watch) = context.state_and_watch::<Daemons>();
    let fd = daemons.get(name)?.end_fd()?;
    let fds: Vec<_> = fd.iter().map(std::os::fd::AsFd::as_fd).collect();
    let look = watch.until(&format!("port {port} of daemon {name}"), limit, &fds, || {
        // The port first, the end after it: a daemon that has ended by then is not ready, though it did listen.
        let listener = daemons.listeners().on_port(port).into_iter().next();
        let ended = daemons.get(name).is_ok_and(|daemon| daemon.ended().is_some());
        match listener {
            // Its children may serve on when it puts itself into the background.
            Some(listener) if !ended || daemons.ended_well(name) => Some(Look::Listens(listener)),
            // One that puts itself into the background leaves children behind; without any there is nobody to listen.
            None if ended && !(daemons.ended_well(name) && daemons.somebody_else_lives()) => Some(Look::Ended),
            _ => None,
        }
    })?;
    match look {
        Some(Look::Listens(listener)) => belongs_to_another(daemons, name, &listener).map_or(Ok(listener), |owner| {
            let error =
                Failure::new(format!("port {port} is open, but it is {owner} that listens on it, not daemon {name}"));
            Err(error)
        }),
        Some(Look::Ended) => {
            let daemon = daemons.get(name)?;
            let how = daemon
                .ended()
                .map_or_else(String::new, |ended| format!(" with {} after {}", ended.status, words(ended.after)));
            let error = Failure::new(format!(
                "daemon {name} ended{how}, before it listened on port {port}: ConnectionRefusedError"
            ));
            let taken = daemons.listeners().on_port(port).into_iter().next();
            let taken = taken.map(|listener| holder(daemons, &listener));
            let error =
                taken.into_iter().fold(error, |error, owner| error.note(format!("{owner} listens on port {port}")));
            Err(daemons.get(name)?.show(error))
        }
        None => {
            let daemon = daemons.get(name)?;
            let message = format!(
                "daemon {name} has not listened on port {port} within {}: ConnectionRefusedError",
                words(begun.elapsed().min(limit))
            );
            let error = match daemon.ended() {
                Some(ended) => Failure::new(message).note(format!("it ended with {}", ended.status)),
                None => Failure::new(message).note("it is still running"),
            };
            let error = daemon.show(error);
            let others = daemons.ports_of(name);
            let Some(other) = others.first() else {
                return Err(error.help(format!("more time is given by {more_time}")));
            };
            let addresses: Vec<_> = others.iter().map(ToString::to_string).collect();
            Err(error
                .note(format!("it listens on {}", addresses.join(", ")))
                .help(format!("expect it on port {}, or have it listen on port {port}", other.port())))
        }
    }
}

/// Who listens, in words, if it is not this daemon.
fn belongs_to_another(daemons: &mut Daemons, name: &str, listener: &Listener) -> Option<String> {
    let Some(owner) = table::holder_of_socket(listener.inode) else {
        // Somebody whose descriptors may not be seen: in a network of the scenario's own it can only be of the scenario, and
        // otherwise it may be.
        let is_foreign = !ports::are_private() && !table::has_closed_member();
        return is_foreign.then(|| "a process outside of this scenario".to_owned());
    };
    let members = table::members();
    let (pid, begun) = daemons.get(name).map_or((0, Duration::ZERO), |daemon| (daemon.pid(), daemon.age()));
    let daemon = daemons.of_process(&members, owner.pid);
    if daemon.is_some_and(|daemon| daemon.pid() == pid) {
        return None;
    }
    let daemon = daemon.map(Daemon::label);
    // The kernel counts ages in hundredths of a second.
    let younger = owner.age <= begun + Duration::from_millis(20);
    let of_scenario = members.iter().any(|member| member.pid == owner.pid);
    // A daemon that has put itself into the background is nobody's family any more, but still of the scenario, and not older
    // than the process that it came from.
    let may_be_its_own = daemon.is_none() && younger && of_scenario;
    (!may_be_its_own).then(|| in_words(daemon, &owner))
}

impl Daemons {
    /// The daemon that a process is of: itself, or something in its group or below it.
    fn of_process(&self, members: &[Entry], pid: i32) -> Option<&Daemon> {
        let is_of = |daemon: &&Daemon| {
            daemon.process().is_some_and(|process| table::family(members, process.pid()).contains(&pid))
        };
        self.iter().find(is_of)
    }

    /// Whether a daemon has ended with exit status 0, as one does that puts itself into the background.
    fn ended_well(&mut self, name: &str) -> bool {
        self.get(name).ok().and_then(Daemon::ended).is_some_and(|ended| ended.status.success())
    }

    /// Whether the scenario has a process that is of no daemon that runs.
    fn somebody_else_lives(&mut self) -> bool {
        let members = table::members();
        let mut known = std::collections::BTreeSet::new();
        for daemon in self.iter_mut() {
            if daemon.ended().is_none()
                && let Some(process) = daemon.process()
            {
                known.extend(table::family(&members, process.pid()));
            }
        }
        members.iter().any(|member| !known.contains(&member.pid))
    }

    /// Whether nothing that the scenario has started can still do anything: then what is waited for will never come. What
    /// is outside of it can only reach it when it has not a network of its own.
    fn all_is_over(&mut self) -> bool {
        // All daemons are asked, so that each end is noticed when it comes.
        let ended = self.iter_mut().map(Daemon::ended).filter(Option::is_none).count() == 0;
        ended && ports::are_private() && table::members().is_empty()
    }

    /// Where a daemon listens, for a message.
    fn ports_of(&mut self, name: &str) -> Vec<SocketAddr> {
        let all = self.listeners().all();
        let pid = self.get(name).map_or(0, |daemon| daemon.pid());
        let members = table::members();
        let of_daemon = |listener: &Listener| {
            let owner = table::holder_of_socket(listener.inode);
            owner.is_some_and(|owner| self.of_process(&members, owner.pid).is_some_and(|daemon| daemon.pid() == pid))
        };
        let mut addresses: Vec<SocketAddr> =
            all.into_iter().filter(of_daemon).map(|listener| listener.address).collect();
        // The kernel gives them in no order.
        addresses.sort();
        addresses
    }
}

/// Waits until a daemon has produced output.
pub(super) fn output(context: &mut Context, name: &str, limit: Duration) -> StepResult {
    let (daemons, watch) = context.state_and_watch::<Daemons>();
    let daemon = daemons.get(name)?;
    let files = [daemon.file(Stream::Stdout), daemon.file(Stream::Stderr)];
    let sizes = || files.each_ref().map(|file| std::fs::metadata(file).map_or(0, |metadata| metadata.len()));
    let fd = daemon.end_fd()?;
    let fds: Vec<_> = fd.iter().map(std::os::fd::AsFd::as_fd).collect();
    let mut former = [0, 0];
    let mut since = Instant::now();
    watch.until(&format!("output of daemon {name}"), limit, &fds, || {
        // The end first: what it wrote before is then in the files.
        let ended = daemon.ended().is_some();
        let now = sizes();
        if now != former {
            former = now;
            since = Instant::now();
        }
        let both = now.iter().all(|&size| size > 0);
        let settled = now.iter().any(|&size| size > 0) && since.elapsed() >= QUIET;
        (ended || both || settled).then_some(())
    })?;
    if sizes() != [0, 0] {
        return Ok(());
    }
    let error = Failure::new(match daemon.ended() {
        Some(ended) => {
            format!("daemon {name} has produced no output; it ended with {} after {}", ended.status, words(ended.after))
        }
        None => format!("daemon {name} has produced no output within {}", words(limit)),
    });
    Err(daemon.show(error))
}

/// Waits until a daemon has written a text.
pub(super) fn text(context: &mut Context, captures: &Captures, stream: Stream) -> StepResult {
    let (name, limit) = (captures.text("name")?, limit_of(captures)?);
    let text = unescape(captures.text("text")?);
    let (daemons, watch) = context.state_and_watch::<Daemons>();
    let daemon = daemons.get(name)?;
    let file = daemon.file(stream);
    let fd = daemon.end_fd()?;
    let fds: Vec<_> = fd.iter().map(std::os::fd::AsFd::as_fd).collect();
    let mut seeker = capture::Seeker::new(text.as_bytes());
    let found = watch.until(
        &format!("\"{}\" on {} of daemon {name}", text.escape_debug(), stream.name()),
        limit,
        &fds,
        || {
            let ended = daemon.ended().is_some();
            let found = seeker.look(&file).unwrap_or(false);
            (found || ended).then_some(found)
        },
    )?;
    if found == Some(true) {
        return Ok(());
    }
    let error = Failure::new(match daemon.ended() {
        Some(ended) => {
            format!(
                "daemon {name} ended with {} without writing \"{}\" to {}",
                ended.status,
                text.escape_debug(),
                stream.name()
            )
        }
        None => format!(
            "daemon {name} has not written \"{}\" to {} within {}",
            text.escape_debug(),
            stream.name(),
            words(limit)
        ),
    });
    Err(daemon.show(error))
}

/// Waits for something that no daemon in particular is to bring about; `Ok(false)` when it has not come.
fn wait_for_anybody(
    context: &mut Context,
    what: &str,
    limit: Duration,
    mut look: impl FnMut() -> bool,
) -> Result<bool, Failure> {
    let (daemons, watch) = context.state_and_watch::<Daemons>();
    let found = watch.until(what, limit, &[], || {
        // The end of all first: what they did before it is then to be seen.
        let over = daemons.all_is_over();
        let found = look();
        (found || over).then_some(found)
    })?;
    Ok(found == Some(true))
}

/// The end of a message about a wait.
fn in_vain(context: &mut Context, limit: Duration) -> String {
    if context.state::<Daemons>().all_is_over() {
        ", and no process of the scenario is left".to_owned()
    } else {
        format!(" within {}", words(limit))
    }
}

/// Waits for a file.
pub(super) fn file(context: &mut Context, captures: &Captures) -> StepResult {
    let (name, limit) = (captures.text("file")?, limit_of(captures)?);
    let path = context.working_directory()?.join(name);
    if wait_for_anybody(context, &format!("file {name}"), limit, || path.exists())? {
        return Ok(());
    }
    let vain = in_vain(context, limit);
    Err(show_all(context, Failure::new(format!("file {name} has not come to exist{vain}"))))
}

/// Connects to a Unix socket, without waiting for a place in its queue.
fn connect_to(path: &str) -> std::io::Result<()> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    Ok(connect(&socket, &SocketAddrUnix::new(path)?)?)
}

/// Waits for a Unix socket.
pub(super) fn socket(context: &mut Context, captures: &Captures) -> StepResult {
    let (name, limit) = (captures.text("file")?, limit_of(captures)?);
    let mut reason = None;
    // The kernel takes a hundred characters at most. Relative to the working directory of this process, which is the
    // scenario's, or to a descriptor of the one that a step has changed to.
    let directory = context.working_directory()?;
    let opened = (directory != context.directory())
        .then(|| open(directory, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()))
        .transpose()?;
    let path = opened.as_ref().map_or_else(|| name.to_owned(), |fd| format!("/proc/self/fd/{}/{name}", fd.as_raw_fd()));
    let connected = wait_for_anybody(context, &format!("socket {name}"), limit, || match connect_to(&path) {
        Ok(()) => true,
        Err(error) => {
            reason = Some(error);
            false
        }
    })?;
    if connected {
        return Ok(());
    }
    let vain = in_vain(context, limit);
    let error = Failure::new(format!("socket {name} has not accepted a connection{vain}"));
    let error = reason.into_iter().fold(error, |error, reason| error.note(format!("the latest try: {reason}")));
    Err(show_all(context, error))
}

/// How long a server has at least to answer one try, and at most.
const LAST_TRY: Duration = Duration::from_millis(100);
const LONGEST_TRY: Duration = Duration::from_secs(1);

/// Waits for an HTTP answer.
pub(super) fn http(context: &mut Context, captures: &Captures) -> StepResult {
    let (url, limit) = (captures.text("url")?, limit_of(captures)?);
    let wanted: u16 = captures.number("status")?;
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .build();
    let agent = ureq::Agent::new_with_config(config);
    let mut latest = String::new();
    let what = format!("{url} to answer with status {wanted}");
    let begun = Instant::now();
    let answered = wait_for_anybody(context, &what, limit, || {
        let left = limit.saturating_sub(begun.elapsed());
        // The last look comes when the limit has passed, and must not take as long again.
        let try_limit = left.clamp(LAST_TRY, LONGEST_TRY);
        latest = match agent.get(url).config().timeout_global(Some(try_limit)).build().call() {
            Ok(response) if response.status().as_u16() == wanted => return true,
            Ok(response) => format!("it answered with status {}", response.status().as_u16()),
            Err(ureq::Error::Timeout(_)) if left.is_zero() && !latest.is_empty() => return false,
            Err(ureq::Error::Timeout(_)) if left < LONGEST_TRY => "no answer before the limit had passed".to_owned(),
            Err(ureq::Error::Timeout(_)) => format!("no answer within {}", words(LONGEST_TRY)),
            Err(ureq::Error::Io(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        false
    })?;
    if answered {
        return Ok(());
    }
    let vain = in_vain(context, limit);
    let error = Failure::new(format!("{url} has not answered with status {wanted}{vain}"));
    Err(show_all(context, error.note(format!("the latest try: {latest}"))))
}

/// Adds how every daemon is, when it is not known whose fault it is.
fn show_all(context: &mut Context, error: Failure) -> Failure {
    let (daemons, _) = context.state_and_watch::<Daemons>();
    daemons.iter_mut().fold(error, |error, daemon| match daemon.ended() {
        Some(ended) => {
            let error = error.note(format!(
                "daemon {} ended with {} after {}",
                daemon.label(),
                ended.status,
                words(ended.after)
            ));
            daemon.show(error)
        }
        None => error.note(format!("daemon {} is running", daemon.label())),
    })
}
