//! The keeper process, between a test and its daemon: no process of the daemon escapes it.
//!
//! The keeper is a copy of one thread of a process that may have many, so any lock, also the
//! allocator's, may be held by a thread that the copy lacks. Everything here is therefore bare
//! system calls on the keeper's own stack: those of `rustix`, which are no more than that, and the
//! few of libc that may be called in a signal handler. Nothing here allocates, locks, or can panic.
//!
//! As a child subreaper the keeper becomes the parent of every orphan below it. So it only has to
//! look for its children: when they are killed, their children become its own, level by level,
//! until the kernel reports that there are none.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};
use rustix::process::{
    Pid, PidfdFlags, Resource, Signal, WaitId, WaitIdOptions, WaitOptions, getpid, getppid, getrlimit, kill_process,
    kill_process_group, pidfd_open, set_child_subreaper, set_parent_process_death_signal, setpgid, setsid, wait,
    waitid,
};
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout, stderr, stdin, stdout};

use super::Side;

/// The bit of a request that sends the signal to the daemon's group; the other bits are its number.
pub(crate) const GROUP: u8 = 0x80;

/// A report of the keeper, one datagram: its kind, and a number.
pub(crate) type Report = [u8; 5];
/// Kind of report: the daemon was started; its process number.
pub(crate) const STARTED: u8 = b's';
/// Kind of report: the daemon has ended; its exit status.
pub(crate) const EXITED: u8 = b'e';
/// Kind of report: the daemon has ended; the signal that killed it.
pub(crate) const KILLED: u8 = b'k';

/// Makes the child of this command a keeper, and a child of that execute the program.
///
/// `line` is the keeper's end of a datagram socket, and not one of the first three descriptors. It
/// carries requests and [`Report`]s. When the other end is shut down, the keeper kills everything
/// below it and ends.
pub(crate) fn put_between(command: &mut Command, line: OwnedFd) {
    let fork = move || become_keeper(line.as_fd());
    // SAFETY: between fork and exec a child of a threaded process may only do what is allowed in a
    // signal handler. This module keeps to that: see its first lines.
    unsafe { command.pre_exec(fork) };
}

/// Returns in the future daemon, which then executes the program. The command's caller gets errors.
fn become_keeper(line: BorrowedFd<'_>) -> io::Result<()> {
    let test = pidfd_open(getppid().ok_or(Errno::SRCH)?, PidfdFlags::empty())?;
    // Signals of a terminal, and those to the test's process group, do not reach it.
    setsid()?;
    set_child_subreaper(Pid::from_raw(1))?;
    // From here on only SIGKILL and SIGSTOP affect this process.
    super::block(&every_signal());
    super::default_actions();
    let signals = super::signal_descriptor(&super::set_of(&[libc::SIGCHLD]))?;
    let keeper = getpid();
    match super::clone(0)? {
        Side::Child => become_daemon(keeper),
        Side::Parent(daemon) => keep(daemon, line, &signals, &test),
    }
}

fn every_signal() -> libc::sigset_t {
    let mut set = super::empty_set();
    // SAFETY: `set` is a valid signal set.
    unsafe { libc::sigfillset(&raw mut set) };
    set
}

fn become_daemon(keeper: Pid) -> io::Result<()> {
    setpgid(None, None)?;
    // If the keeper is killed, at least the daemon itself dies too.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    if getppid() != Some(keeper) {
        super::exit_now(1);
    }
    // Not closed: one of them carries the error of the exec.
    each_descriptor_from_three(libc::CLOSE_RANGE_CLOEXEC, super::close_on_exec);
    super::unblock_signals();
    Ok(())
}

/// Treats all open descriptors except the first three.
///
/// One call of `close_range` with these flags does it, or, where that is missing, `each` one by
/// one.
fn each_descriptor_from_three(flags: u32, each: fn(RawFd)) {
    // SAFETY: the call touches only descriptors, no memory. In the future daemon nothing is closed;
    // the keeper, which closes them, never returns to code that owns one.
    let result = unsafe { libc::syscall(libc::SYS_close_range, 3u32, u32::MAX, flags) };
    if result != 0 {
        let limit = getrlimit(Resource::Nofile).current.and_then(|limit| RawFd::try_from(limit).ok());
        // The limit may be a billion; no process has so many open.
        (3..limit.unwrap_or(RawFd::MAX).min(1 << 16)).for_each(each);
    }
}

fn close(fd: RawFd) {
    // SAFETY: only the keeper calls this, with descriptors that nothing in it uses or closes again:
    // it never returns.
    unsafe { libc::close(fd) };
}

/// What the keeper knows about its daemon.
struct Daemon {
    pid: Pid,
    /// Until it is reaped, its number, which is also its group's, cannot pass to another process.
    reaped: bool,
}

/// Keeps the daemon, and ends when nothing is left below this process.
fn keep(daemon: Pid, line: BorrowedFd<'_>, signals: &OwnedFd, test: &OwnedFd) -> ! {
    // Standard input, output and error are the daemon's. What the keeper needs takes their place.
    // All else is closed: the sockets of other keepers, which must not stay open because of this
    // one, and the pipe by which the test learns about the exec.
    let placed = dup2_stdin(line).and_then(|()| dup2_stdout(signals)).and_then(|()| dup2_stderr(test));
    if placed.is_ok() {
        each_descriptor_from_three(0, close);
    }
    let (line, signals, test) = (stdin(), stdout(), stderr());
    let _ = rustix::thread::set_name(c"daemon-keeper");
    let _ = rustix::process::chdir(c"/");
    let mut daemon = Daemon { pid: daemon, reaped: false };
    report(STARTED, daemon.pid.as_raw_nonzero().get());
    if placed.is_err() {
        kill_all(&mut daemon);
    }
    loop {
        let mut fds = [&line, &signals, &test].map(|fd| PollFd::new(fd, PollFlags::IN));
        // An error is a lack of memory; what follows then does nothing, and is repeated.
        let _ = poll(&mut fds, None);
        let test_is_gone = fds.last().is_some_and(|test| !test.revents().is_empty());
        // Signals of a kind merge, so one read takes all.
        let _ = rustix::io::read(signals, &mut [0u8; 128]);
        reap(&mut daemon, WaitOptions::NOHANG);
        if test_is_gone || !handle_requests(&daemon) {
            kill_all(&mut daemon);
        }
    }
}

/// Handles the requests that have come; `false` when the other end is closed.
fn handle_requests(daemon: &Daemon) -> bool {
    let mut request = [0u8];
    loop {
        match rustix::net::recv(stdin(), &mut request[..], RecvFlags::DONTWAIT) {
            Ok((1, _)) => {
                let [request] = request;
                if let Some(signal) = Signal::from_named_raw(i32::from(request & !GROUP)) {
                    send(daemon, signal, request & GROUP != 0);
                }
            }
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => return true,
            _ => return false,
        }
    }
}

/// Sends a signal to the daemon or its group; once the daemon has ended, to what it left behind.
fn send(daemon: &Daemon, signal: Signal, to_group: bool) {
    let _ = match (daemon.reaped, to_group) {
        (false, false) => kill_process(daemon.pid, signal),
        (false, true) => kill_process_group(daemon.pid, signal),
        (true, false) => Ok(()),
        (true, true) => {
            each_child(|pid| {
                let _ = kill_process(pid, signal);
            });
            Ok(())
        }
    };
}

/// Kills everything below this process, and ends when nothing is left.
fn kill_all(daemon: &mut Daemon) -> ! {
    loop {
        each_child(|pid| {
            let _ = kill_process(pid, Signal::KILL);
        });
        // At least one child is dead or dying, so this returns; the next round finds what it
        // leaves.
        reap(daemon, WaitOptions::empty());
    }
}

/// Reaps children that have ended, reports the daemon's end, and ends this process after its last
/// child.
fn reap(daemon: &mut Daemon, mut options: WaitOptions) {
    loop {
        match wait(options) {
            Ok(Some((pid, status))) => {
                if pid == daemon.pid && !daemon.reaped {
                    daemon.reaped = true;
                    match (status.exit_status(), status.terminating_signal()) {
                        (Some(code), _) => report(EXITED, code),
                        (None, signal) => report(KILLED, signal.unwrap_or(libc::SIGKILL)),
                    }
                }
                // There may be more.
                options = WaitOptions::NOHANG;
            }
            Ok(None) => return,
            Err(Errno::INTR) => {}
            Err(_) => super::exit_now(0),
        }
    }
}

fn report(kind: u8, number: i32) {
    let [a, b, c, d] = number.to_ne_bytes();
    let report: Report = [kind, a, b, c, d];
    // At most three are ever sent, so there is room; an error means that the other end is closed.
    let _ = rustix::net::send(stdin(), &report, SendFlags::NOSIGNAL | SendFlags::DONTWAIT);
}

/// Calls `act` with every child of this process.
///
/// Where the kernel has no list of them, or `/proc` belongs to another process namespace, only with
/// one: the first that is found when every number is tried, from this process's own upwards, where
/// the first children are. Killing needs no more, as the next round finds the next child.
fn each_child(mut act: impl FnMut(Pid)) {
    const HIGHEST: i32 = 1 << 22;
    let mut act_on_child = |number: i32| -> bool {
        let Some(pid) = Pid::from_raw(number) else {
            return false;
        };
        // Only a child can be waited for, so the number of any other process does no harm. And a
        // child's number stays its own until it is reaped, which only this thread does.
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let is_child = waitid(WaitId::Pid(pid), options).is_ok();
        if is_child {
            act(pid);
        }
        is_child
    };
    if !matches!(each_number_in_list(&mut act_on_child), Ok(true)) {
        let own = getpid().as_raw_nonzero().get();
        let _ = (own..=HIGHEST).chain(1..own).any(act_on_child);
    }
}

/// Reads the kernel's list of this thread's children: numbers, each followed by a space.
///
/// Returns whether `act` accepted one.
fn each_number_in_list(act: &mut impl FnMut(i32) -> bool) -> rustix::io::Result<bool> {
    let list = rustix::fs::open(c"/proc/thread-self/children", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let mut buffer = [0u8; 4096];
    let mut number = 0i32;
    let mut found = false;
    loop {
        let length = rustix::io::read(&list, &mut buffer)?;
        if length == 0 {
            return Ok(found);
        }
        for &byte in buffer.iter().take(length) {
            if byte.is_ascii_digit() {
                number = number.saturating_mul(10).saturating_add(i32::from(byte - b'0'));
            } else {
                found |= act(number);
                number = 0;
            }
        }
    }
}
