//! The system calls that have no safe form in `rustix`: the whole of greenroom's `unsafe`.

#![expect(unsafe_code, reason = "the one module that may; every block says which invariant holds and who keeps it")]

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::process::{Pid, Signal, set_child_subreaper, set_parent_process_death_signal};

pub(crate) mod keeper;

/// Which side of a [`clone`] or [`fork`] this is.
#[derive(Debug)]
pub(crate) enum Side {
    /// The new process.
    Child,
    /// The old one, with the child's number.
    Parent(Pid),
}

/// `CLONE_NEWPID`: the child is pid 1 of a new process table.
pub(crate) const NEW_PID: i32 = libc::CLONE_NEWPID;
/// `CLONE_NEWUSER`: the child has all capabilities in a new user namespace.
pub(crate) const NEW_USER: i32 = libc::CLONE_NEWUSER;
/// Mounts of its own.
pub(crate) const NEW_MOUNTS: i32 = libc::CLONE_NEWNS;
/// A network of its own.
pub(crate) const NEW_NETWORK: i32 = libc::CLONE_NEWNET;
/// System V objects and host name of its own.
pub(crate) const NEW_HOST: i32 = libc::CLONE_NEWIPC | libc::CLONE_NEWUTS;

/// Namespaces as the system call's arguments are written in C.
pub(crate) fn namespace_names(namespaces: i32) -> String {
    let names = [
        (libc::CLONE_NEWUSER, "CLONE_NEWUSER"),
        (libc::CLONE_NEWPID, "CLONE_NEWPID"),
        (libc::CLONE_NEWNS, "CLONE_NEWNS"),
        (libc::CLONE_NEWNET, "CLONE_NEWNET"),
        (libc::CLONE_NEWIPC, "CLONE_NEWIPC"),
        (libc::CLONE_NEWUTS, "CLONE_NEWUTS"),
    ];
    let names: Vec<&str> = names.into_iter().filter(|(flag, _)| namespaces & flag != 0).map(|(_, name)| name).collect();
    names.join(" | ")
}

/// The names of their files in `/proc/PID/ns`, in the order in which they can be entered: that for users gives the right to the
/// others.
pub(crate) fn namespace_files(namespaces: i32) -> impl Iterator<Item = &'static str> {
    let names = [
        (libc::CLONE_NEWUSER, "user"),
        (libc::CLONE_NEWPID, "pid"),
        (libc::CLONE_NEWNET, "net"),
        (libc::CLONE_NEWIPC, "ipc"),
        (libc::CLONE_NEWUTS, "uts"),
        (libc::CLONE_NEWNS, "mnt"),
    ];
    names.into_iter().filter(move |(flag, _)| namespaces & flag != 0).map(|(_, name)| name)
}

/// Has the child that this command starts end with this process, and keep what its own children leave behind.
pub(crate) fn attach(command: &mut Command) {
    let prepare = || {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        set_child_subreaper(Pid::from_raw(1))?;
        Ok(())
    };
    // SAFETY: between fork and exec the child makes two bare system calls, which neither allocate nor lock.
    unsafe { command.pre_exec(prepare) };
}

/// Clones this process into new namespaces, like `fork`.
///
/// The old system call is taken rather than `clone3`: it can all that is needed here, and container runtimes answer
/// `clone3` with ENOSYS.
pub(crate) fn clone(namespaces: i32) -> io::Result<Side> {
    let flags = i64::from(namespaces | libc::SIGCHLD);
    // SAFETY: without CLONE_VM and with a null stack this is fork: the child goes on in a copy of this memory. The launcher
    // has a single thread, so no lock is held by a thread that the copy lacks; the keeper, the only other caller, keeps to bare
    // system calls on both sides, which need none. glibc's cached thread id stays that of the parent in the child; the first
    // process uses nothing that reads it, and forks the worker with `fork`, which sets it anew; the keeper's child executes.
    let pid = unsafe { libc::syscall(libc::SYS_clone, flags, 0usize, 0usize, 0usize, 0usize) };
    side(pid)
}

/// Forks this process.
pub(crate) fn fork() -> io::Result<Side> {
    // SAFETY: the callers (the launcher, for its sweeper, and first processes) have a single thread, so the child may do anything.
    let pid = unsafe { libc::fork() };
    side(i64::from(pid))
}

fn side(pid: i64) -> io::Result<Side> {
    match i32::try_from(pid) {
        Ok(0) => Ok(Side::Child),
        Ok(pid) => Pid::from_raw(pid.max(0)).map(Side::Parent).ok_or_else(io::Error::last_os_error),
        Err(_) => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// Ends this process without running anything more of it.
pub(crate) fn exit_now(code: i32) -> ! {
    // SAFETY: _exit has no preconditions; a cloned process must not run the exit handlers of the one it was cloned from.
    unsafe { libc::_exit(code) }
}

/// Moves this process into new namespaces.
pub(crate) fn unshare(namespaces: i32) -> io::Result<()> {
    // SAFETY: none of the flags shares or unshares descriptors or memory, which is what can confuse other code; first processes
    // and the probe's throwaway process, its callers, have a single thread.
    let result = unsafe { libc::unshare(namespaces) };
    check(result)
}

/// Sets all signals to their default action and blocks none: what the runner was started with (by `nohup`, by a shell's
/// `&`, by a careless parent) does not reach the scenarios.
pub(crate) fn reset_signals() {
    default_actions();
    unblock_signals();
}

/// Has a write beyond the limit on the size of files fail, which can be told, rather than kill this process. By a handler: programs that
/// are started have the default action again.
pub(crate) fn survive_limit_on_files() {
    extern "C" fn nothing(_: i32) {}
    // SAFETY: the handler does nothing, which is allowed at any moment.
    unsafe { libc::signal(libc::SIGXFSZ, nothing as *const () as libc::sighandler_t) };
}

fn default_actions() {
    for number in 1..=64 {
        // SAFETY: SIG_DFL is a valid action for every signal; the kernel refuses KILL, STOP and those of glibc's own, which is fine.
        unsafe { libc::signal(number, libc::SIG_DFL) };
    }
}

/// The signal of this number, also one without a name.
pub(crate) fn signal_of_number(number: i32) -> Option<Signal> {
    // SAFETY: the kernel has these signals. This process sends them to others only, and does nothing about them itself, so that
    // it does not matter which of them glibc keeps for itself.
    (1..=64).contains(&number).then(|| unsafe { Signal::from_raw_unchecked(number) })
}

/// Asks the processor what it can do. Libraries ask before their first search of a text, and in a virtual machine the
/// answer takes tens of microseconds; asked in the launcher, it is known to every stage.
pub(crate) fn know_the_processor() {
    #[cfg(target_arch = "x86_64")]
    let _ = std::arch::is_x86_feature_detected!("avx2");
}

fn empty_set() -> libc::sigset_t {
    let mut set = std::mem::MaybeUninit::uninit();
    // SAFETY: sigemptyset initialises the set it is given and cannot fail for a valid pointer.
    unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    // SAFETY: initialised by the call above.
    unsafe { set.assume_init() }
}

/// A set of these signals.
fn set_of(signals: &[i32]) -> libc::sigset_t {
    let mut set = empty_set();
    for &signal in signals {
        // SAFETY: `set` is initialised; a number that is none is refused.
        unsafe { libc::sigaddset(&raw mut set, signal) };
    }
    set
}

/// A descriptor from which the signals that the first process heeds can be read. Blocks them: see [`unblock_signals`] for children.
pub(crate) fn signals_of_first_process() -> io::Result<OwnedFd> {
    let set = set_of(&FOR_FIRST_PROCESS);
    block(&set);
    signal_descriptor(&set)
}

/// What a first process reads from its descriptor.
const FOR_FIRST_PROCESS: [i32; 4] = [libc::SIGCHLD, libc::SIGTERM, libc::SIGTSTP, libc::SIGCONT];

/// Blocks the signals that a first process heeds, so that one that comes before it has a descriptor for them waits for that.
pub(crate) fn block_signals_of_first_process() {
    block(&set_of(&FOR_FIRST_PROCESS));
}

/// Adds to the signals that are blocked.
fn block(set: &libc::sigset_t) {
    // SAFETY: `set` is an initialised signal set that lives through the call; the old mask is not asked for.
    unsafe { libc::sigprocmask(libc::SIG_BLOCK, set, std::ptr::null_mut()) };
}

/// A descriptor from which these signals, which must be blocked, can be read.
fn signal_descriptor(set: &libc::sigset_t) -> io::Result<OwnedFd> {
    // SAFETY: `set` is initialised; -1 asks for a new descriptor.
    let fd: RawFd = unsafe { libc::signalfd(-1, set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) };
    check(fd.min(0))?;
    // SAFETY: the kernel has just given us this descriptor, nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Takes everything out of the signal mask again.
pub(crate) fn unblock_signals() {
    let set = empty_set();
    // SAFETY: `set` is an initialised signal set that lives through the call.
    unsafe { libc::sigprocmask(libc::SIG_SETMASK, &raw const set, std::ptr::null_mut()) };
}

/// Raises the loopback interface of the present network namespace.
pub(crate) fn raise_loopback(socket: &OwnedFd) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    // SAFETY: an all-zero ifreq is a valid value of that plain C struct.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
        *to = libc::c_char::from_ne_bytes([*from]);
    }
    request.ifr_ifru.ifru_flags = i16::try_from(libc::IFF_UP | libc::IFF_RUNNING).unwrap_or(1);
    // SAFETY: SIOCSIFFLAGS reads one ifreq, which lives through the call; the descriptor is an open socket.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request) };
    check(result)
}

/// Whether this process namespace has any process but its first and this one, be it one that nobody has reaped.
pub(crate) fn has_company() -> bool {
    // SAFETY: signal 0 is none: nothing is sent and no memory is touched. -1 means everybody but the first process and this one.
    let asked = unsafe { libc::kill(-1, 0) };
    asked == 0 || io::Error::last_os_error().raw_os_error() != Some(libc::ESRCH)
}

/// Sets or unsets a variable of this process's own environment.
pub(crate) fn set_variable(name: &OsStr, value: Option<&OsString>) {
    match value {
        // SAFETY: the worker, the only caller, sets its environment before the agent's code runs, while it has a single thread.
        Some(value) => unsafe { std::env::set_var(name, value) },
        // SAFETY: as above.
        None => unsafe { std::env::remove_var(name) },
    }
}

/// Has a descriptor closed in every program that is started; a number that is not open is fine.
pub(crate) fn close_on_exec(fd: RawFd) {
    // SAFETY: F_SETFD with FD_CLOEXEC changes a flag of a descriptor of this process and touches no memory; whoever owns the descriptor keeps it.
    unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
}

fn check(result: i32) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
