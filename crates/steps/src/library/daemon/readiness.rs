//! Waits until daemons are ready.
//!
//! The conditions are those of `greenroom_sandbox::ready`; here are the words around them, and what
//! a scenario adds: whose port it is, and which daemons have ended. A daemon that ends first ends
//! the wait at once, with its exit status and the end of its output.

use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::time::{Duration, Instant};

use greenroom_event::words;
use greenroom_sandbox::process::attempts::{self, Refusal, Transport};
use greenroom_sandbox::process::holders::{self, Holder};
use greenroom_sandbox::process::ports::Listener;
use greenroom_sandbox::process::{Service, ports, table};
use greenroom_sandbox::ready::{Content, File, Http, HttpAttempt, Port, Readiness, Socket};

use super::daemons::Daemons;
use super::instance::Daemon;
use super::listening::{OUTSIDE, in_words, is_hidden, search};
use super::url::{loopback_of_url, path_of_url};
use super::{addresses, background, buffering, listening, taken};
use crate::context::Context;
use crate::library::bytes::{self, Bytes};
use crate::library::http;
use crate::library::place::{self, kind};
use crate::step::{Failure, Relation, StepResult, Stream};

/// How long a daemon must have been quiet after its first output.
const QUIET: Duration = Duration::from_millis(200);

/// Fails when the port is in use: a daemon that cannot bind it would look ready.
pub(super) fn port_is_free(context: &mut Context, port: u16) -> StepResult {
    let (daemons, _) = context.state_and_watch::<Daemons>();
    let Some(listener) = daemons.listeners().on_port(port).into_iter().next() else {
        return Ok(());
    };
    let holder = holders::of_socket(listener.inode);
    let owner = owner_in_words(daemons, holder.as_ref());
    let error =
        with_search(Failure::new(format!("port {port} is already in use by {owner}")), holder.as_ref(), &listener);
    Err(error.help("stop that process first, or use another port"))
}

/// Names the process that has a socket open.
pub(super) fn owner_in_words(daemons: &Daemons, holder: Option<&Holder>) -> String {
    let Some(holder) = holder else { return OUTSIDE.to_owned() };
    let daemon = daemons.of_holder(&table::members(), Some(holder)).map(Daemon::label);
    in_words(daemon, holder)
}

/// Adds how to find the process that has a socket open, if it may not be seen.
pub(super) fn with_search(error: Failure, holder: Option<&Holder>, listener: &Listener) -> Failure {
    let at = Refusal { transport: Transport::Tcp, address: listener.address };
    if is_hidden(holder) { error.help(search(at)) } else { error }
}

/// What a look at a daemon's port found.
enum Look {
    Listens(Listener),
    Ended,
}

/// Adds that only root may listen on a port, if a daemon was denied something.
fn with_low_port(error: Failure, port: u16, wrote: &[String]) -> Failure {
    let is_denied = |text: &String| ["ermission denied", "EACCES"].iter().any(|sign| text.contains(sign));
    let first = || std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").ok()?.trim().parse().ok();
    if !wrote.iter().any(is_denied) {
        return error;
    }
    match first() {
        Some(first) if port < first => {
            error.note(format!("only root may listen on ports below {first} in this network")).help(format!(
                "have the daemon listen on port {first} or above, or seal the scenario: it may use all ports then"
            ))
        }
        _ => error,
    }
}

/// Waits until a daemon listens on a port. `more_time` says how the author can allow more time.
pub(super) fn port(
    context: &mut Context,
    name: &str,
    port: u16,
    limit: Duration,
    more_time: &str,
) -> Result<Listener, Failure> {
    let (daemons, watch) = context.state_and_watch::<Daemons>();
    let clock = watch.stopwatch();
    let fd = daemons.get(name)?.end_fd()?;
    let fds: Vec<_> = fd.iter().map(AsFd::as_fd).collect();
    let mut readiness = Port::new(port);
    let look = watch.until(&format!("{readiness} of daemon {name}"), limit, &fds, || {
        // The port first, then the end: a daemon that has ended by then is not ready, though it did
        // listen.
        let listener = readiness.look(limit);
        let daemon = daemons.get(name).ok().filter(|daemon| listener.is_some() || daemon.may_have_ended());
        let ended = daemon.and_then(Daemon::try_wait);
        let ended_well = ended.is_some_and(|ended| ended.status.success());
        match listener {
            Some(listener) if ended.is_none() || ended_well => Some(Look::Listens(listener)),
            // One that goes into the background leaves a process there, which may still listen.
            None if ended.is_some() && !(ended_well && daemons.lives_on(name)) => Some(Look::Ended),
            _ => None,
        }
    })?;
    match look {
        Some(Look::Listens(listener)) => {
            let holder = holders::of_socket(listener.inode);
            if let Some(owner) = belongs_to_another(daemons, name, holder.as_ref()) {
                let error = Failure::new(format!("{owner} listens on port {port}, not daemon {name}"));
                return Err(with_search(error, holder.as_ref(), &listener));
            }
            let daemon = daemons.get(name)?;
            daemon.addresses.push(listener.address);
            if let Some(process) = daemon.process_mut() {
                process.serves(port);
            }
            // A program that only starts the server ends once the server is ready for clients.
            let daemon = daemons.get(name)?;
            if background::only_starts(daemon)
                && let Some(process) = daemon.process_mut()
            {
                let left = limit.saturating_sub(clock.elapsed(watch));
                process.settle(watch, left)?;
            }
            Ok(listener)
        }
        Some(Look::Ended) => {
            let daemon = daemons.get(name)?;
            let how = daemon.try_wait().map_or_else(String::new, |ended| {
                format!(" with {} after {}", ended.status, words::duration(ended.after))
            });
            daemon.closed_port = Some(port);
            let error = Failure::new(format!("daemon {name} ended{how} before it listened on port {port}"));
            let wrote = Stream::BOTH.map(|stream| String::from_utf8_lossy(&daemon.tail(stream).bytes).into_owned());
            // Where it found an address in use, all failures get what listens.
            let taken = daemons.listeners().on_port(port).into_iter().next();
            let taken = taken.filter(|_| !wrote.iter().any(|text| taken::is_in_use(text)));
            let owner = taken.map(|listener| owner_in_words(daemons, holders::of_socket(listener.inode).as_ref()));
            let error =
                owner.into_iter().fold(error, |error, owner| error.note(format!("{owner} listens on port {port}")));
            let daemon = daemons.get(name)?;
            let error = addresses::with_missing_address(error, &daemon.order.words, &wrote);
            let error = background::explain(daemon, error);
            let error = with_low_port(error, port, &wrote);
            Err(daemon.show(error))
        }
        None => {
            let daemon = daemons.get(name)?;
            daemon.closed_port = Some(port);
            let message = format!("daemon {name} did not listen on port {port} within {}", words::limit(limit));
            // From here on its name means what lives of it, though it does not listen.
            if let Some(process) = daemon.process_mut() {
                process.forget_port(port);
            }
            let ended = daemon.try_wait();
            let is_in_background = daemon.process().is_some_and(Service::is_in_background);
            let error = Failure::new(message);
            let error = match ended {
                Some(ended) => error.note(format!("it ended with {}", ended.status)),
                None if is_in_background => background::note(daemon, error),
                None => error.note(format!("it is still running{}", daemon.restarted())),
            };
            let error = daemon.show(error);
            let error = match addresses::with_udp(error.clone(), name, port) {
                Some(error) => return Err(error),
                None => error,
            };
            let others = daemons.addresses_of(name);
            let Some(other) = others.first() else {
                let daemon = daemons.get(name)?;
                return Err(background::help(daemon, error.help(format!("to allow more time, {more_time}"))));
            };
            let addresses: Vec<_> = others.iter().map(ToString::to_string).collect();
            let mut error = error;
            // This is why; that it is still running follows from it.
            error.notes.insert(0, format!("it listens on {}", addresses.join(", ")));
            Err(error
                .help(format!("change the step to port {}, or make the daemon listen on port {port}", other.port())))
        }
    }
}

/// Names the process that listens, if it does not belong to this daemon.
pub(super) fn belongs_to_another(daemons: &mut Daemons, name: &str, holder: Option<&Holder>) -> Option<String> {
    let owner = match holder {
        Some(Holder::Seen(owner)) => owner,
        Some(Holder::Outside(_)) => return holder.map(|holder| in_words(None, holder)),
        // The descriptors of its process may not be seen. In a private network it belongs to the
        // scenario, and otherwise it may.
        None => return (!ports::are_private() && !table::has_closed_member()).then(|| OUTSIDE.to_owned()),
    };
    let members = table::members();
    let (pid, begun) = daemons.get(name).map_or((0, Duration::ZERO), |daemon| (daemon.id(), daemon.age()));
    let daemon = daemons.of_process(&members, owner.pid);
    if daemon.is_some_and(|daemon| daemon.id() == pid) {
        return None;
    }
    let (is_unknown, daemon) = (daemon.is_none(), daemon.map(Daemon::label));
    // The kernel counts ages in hundredths of a second.
    let younger = owner.age <= begun + Duration::from_millis(20);
    let of_scenario = members.iter().any(|member| member.pid == owner.pid);
    // Where processes cannot be marked, a daemon in the background is in no daemon's family, but
    // still in the scenario, and not older than the process that it came from.
    let has_mark = daemons.get(name).ok().and_then(|daemon| daemon.process()).is_some_and(Service::has_mark);
    let may_be_its_own = is_unknown && !has_mark && younger && of_scenario;
    (!may_be_its_own).then(|| in_words(daemon, &Holder::Seen(owner.clone())))
}

impl Daemons {
    /// Whether a daemon has processes, though the one that was started may have ended.
    pub(super) fn lives_on(&mut self, name: &str) -> bool {
        self.get(name).ok().and_then(|daemon| daemon.process()).is_some_and(|process| {
            // Where processes cannot be marked, any may be its.
            !(process.living().is_empty() && (process.has_mark() || table::members().is_empty()))
        })
    }

    /// Whether no process is left that could meet a condition.
    ///
    /// Processes outside of the scenario can only do so in a shared network.
    fn all_is_over(&mut self) -> bool {
        // Look at all daemons, so that each end is noticed when it comes.
        let ended = self.iter_mut().map(Daemon::try_wait).filter(Option::is_none).count() == 0;
        ended && ports::are_private() && table::members().is_empty()
    }
}

/// Waits until a daemon has produced output.
pub(super) fn output(context: &mut Context, name: &str, limit: Duration) -> StepResult {
    let (daemons, watch) = context.state_and_watch::<Daemons>();
    let daemon = daemons.get(name)?;
    let files = [daemon.file(Stream::Stdout), daemon.file(Stream::Stderr)];
    let sizes = || files.each_ref().map(|file| std::fs::metadata(file).map_or(0, |metadata| metadata.len()));
    let fd = daemon.end_fd()?;
    let fds: Vec<_> = fd.iter().map(AsFd::as_fd).collect();
    let mut former = [0, 0];
    let mut since = Instant::now();
    watch.until(&format!("output of daemon {name}"), limit, &fds, || {
        // The end first: what it wrote before is then in the files.
        let ended = daemon.try_wait().is_some();
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
    let error = Failure::new(match daemon.try_wait() {
        Some(ended) => {
            format!(
                "daemon {name} produced no output; it ended with {} after {}",
                ended.status,
                words::duration(ended.after)
            )
        }
        None => format!("daemon {name} produced no output within {}", words::limit(limit)),
    });
    let error = if daemon.process().is_some_and(Service::is_in_background) {
        background::explain(daemon, error)
    } else {
        let error = buffering::note(daemon, Stream::Stdout, error);
        background::help(daemon, error)
    };
    Err(daemon.show(error))
}

/// Waits for a condition that any process of the scenario may meet.
fn wait_for<R: Readiness>(context: &mut Context, readiness: &mut R, limit: Duration) -> StepResult {
    let what = readiness.to_string();
    let begun = Instant::now();
    let (daemons, watch) = context.state_and_watch::<Daemons>();
    let found = watch.until(&what, limit, &[], || {
        // The end of all first, so that the look sees everything from before it.
        let over = daemons.all_is_over();
        // The last look has no time left, so it waits for the answer to what it asks.
        let left = if over { Duration::ZERO } else { limit.saturating_sub(begun.elapsed()) };
        let found = readiness.look(left).is_some();
        (found || over).then_some(found)
    })?;
    if found == Some(true) {
        return Ok(());
    }
    let how = if context.state::<Daemons>().all_is_over() {
        ", and the scenario has no processes left".to_owned()
    } else {
        format!(" within {}", words::limit(limit))
    };
    let error = Failure::new(format!("{}{how}", readiness.unmet()));
    let latest = readiness.latest().map(|latest| format!("last attempt: {latest}"));
    Err(show_all(context, latest.into_iter().fold(error, Failure::note)))
}

/// Waits for a file.
pub(super) fn file(context: &mut Context, path: &Path, shown: &str, limit: Duration) -> StepResult {
    let waited = wait_for(context, &mut File::new(path).shown_as(shown), limit);
    // A link to something that does not exist is there, and yet no file.
    let target = std::fs::read_link(path);
    waited.map_err(|error| match target {
        Ok(target) => error.note(format!("{shown} is a symbolic link to {}, which does not exist", target.display())),
        Err(_) => error,
    })
}

/// Waits until a file contains a text.
pub(super) fn file_content(context: &mut Context, path: &Path, shown: &str, text: &str, limit: Duration) -> StepResult {
    let mut readiness = Content::new(path, text.as_bytes()).shown_as(shown);
    let Err(error) = wait_for(context, &mut readiness, limit) else { return Ok(()) };
    // What it contains instead says most.
    let compared = match place::read(context, shown) {
        Ok(file) => {
            bytes::check(&format!("file {shown}"), Bytes::of(&file)?, Relation::Contains, text, context.watch())
        }
        Err(_) => Ok(()),
    };
    match compared {
        Err(compared) if compared.comparison.is_some() => {
            let notes = compared.notes.into_iter().chain(error.notes).filter(|note| !note.starts_with("last attempt"));
            Err(Failure { comparison: compared.comparison, notes: notes.collect(), ..error })
        }
        _ => Err(error),
    }
}

/// Waits for a Unix socket. A name that begins with `@` is that of an abstract one, unless there is
/// such a file.
pub(super) fn socket(context: &mut Context, path: &Path, shown: &str, limit: Duration) -> StepResult {
    let mut readiness = Socket::new(path).shown_as(shown);
    if let Some(name) = shown.strip_prefix('@') {
        readiness = readiness.or_abstract(name.as_bytes());
    }
    let waited = wait_for(context, &mut readiness, limit);
    waited.map_err(|error| match std::fs::metadata(path) {
        Ok(there) if !there.file_type().is_socket() => error.note(format!("{shown} is {}, not a socket", kind(&there))),
        _ => error,
    })
}

/// Waits for an HTTP answer. `more_time` says how the author can allow more time.
pub(super) fn http(
    context: &mut Context,
    url: &str,
    status: Option<u16>,
    limit: Duration,
    more_time: &str,
) -> StepResult {
    let readiness = status.map_or_else(|| Http::any_status(url), |status| Http::new(url, status));
    let mut readiness = readiness.by(http::route_of_wait(context, url)?);
    let waited = wait_for(context, &mut readiness, limit);
    if waited.is_err() && !ports::are_private() {
        let listening = context.state::<Daemons>().listeners().all();
        let is_silent = |address: &SocketAddr| !listening.iter().any(|it| listening::reaches(it.address, *address));
        loopback_of_url(url).into_iter().filter(is_silent).for_each(attempts::record_refusal);
    }
    waited.map_err(|error| {
        let more_time = format!("to allow more time, {more_time}");
        if let Some(HttpAttempt::Certificate(fault)) = readiness.attempt() {
            return http::explain_fault(context, error, fault);
        }
        let Some(HttpAttempt::Status(actual)) = readiness.attempt() else {
            return if context.state::<Daemons>().all_is_over() { error } else { error.help(more_time) };
        };
        let by = answering(context.state::<Daemons>(), url);
        let error = error.note(format!("{by} answers there"));
        match http_help(path_of_url(url), *actual) {
            Some(help) => error.help(help),
            None => error.help(more_time),
        }
    })
}

/// Names what answers on the port of a URL.
fn answering(daemons: &mut Daemons, url: &str) -> String {
    let addresses = loopback_of_url(url);
    let listener = addresses.iter().find_map(|address| {
        let mut on_port = daemons.listeners().on_port(address.port()).into_iter();
        on_port.find(|listener| listening::reaches(listener.address, *address))
    });
    match listener.map(|listener| holders::of_socket(listener.inode)) {
        Some(holder) => owner_in_words(daemons, holder.as_ref()),
        None => "another server".to_owned(),
    }
}

/// Says what to do about a status that is not the expected one; nothing if it can change with time.
fn http_help(path: &str, actual: u16) -> Option<String> {
    Some(match actual {
        404 | 410 => format!("it has nothing at `{path}`: correct the path in this step, or add it to the server"),
        300..=399 => {
            format!(
                "redirects are not followed: wait for their target, or for the answer itself: `with status {actual}`"
            )
        }
        400..=499 => format!(
            "the server refuses this request, which is a GET without credentials or a body; if that answer is enough, \
             wait for it: `with status {actual}`"
        ),
        200..=299 => format!("if that answer is right, wait for it: `with status {actual}`"),
        _ => return None,
    })
}

/// Adds the state of every daemon, when any of them may be the cause.
fn show_all(context: &mut Context, error: Failure) -> Failure {
    let (daemons, _) = context.state_and_watch::<Daemons>();
    daemons.iter_mut().fold(error, |error, daemon| match daemon.try_wait() {
        Some(ended) => {
            let error = error.note(format!(
                "daemon {} ended with {} after {}",
                daemon.label(),
                ended.status,
                words::duration(ended.after)
            ));
            daemon.show(error)
        }
        None => error.note(format!("daemon {} is running{}", daemon.label(), daemon.restarted())),
    })
}
