//! The system calls that have no safe form in `rustix`: all of greenroom's `unsafe`.

#![expect(unsafe_code, reason = "the only module that may; every block says which invariant holds and who keeps it")]

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::atomic::AtomicU64;

use rustix::fs::{Mode, OFlags, open, openat};
use rustix::process::{
    DumpableBehavior, Gid, Pid, Resource, Rlimit, Signal, Uid, getegid, geteuid, ioctl_tiocsctty, set_child_subreaper,
    set_dumpable_behavior, set_parent_process_death_signal, setrlimit, setsid,
};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

use crate::process::{Account, Restrictions, RunAs};

pub(crate) mod keeper;
#[cfg(target_arch = "x86_64")]
mod text;

/// Which side of a [`clone`] or [`fork`] this is.
#[derive(Debug)]
pub(crate) enum Side {
    /// The new process.
    Child,
    /// The calling process, with the child's number.
    Parent(Pid),
}

/// `CLONE_NEWPID`: the child is pid 1 of a new process table.
pub(crate) const NEW_PID: i32 = libc::CLONE_NEWPID;
/// `CLONE_NEWUSER`: the child has all capabilities in a new user namespace.
pub(crate) const NEW_USER: i32 = libc::CLONE_NEWUSER;
/// Own mounts.
pub(crate) const NEW_MOUNTS: i32 = libc::CLONE_NEWNS;
/// An own network.
pub(crate) const NEW_NETWORK: i32 = libc::CLONE_NEWNET;
/// Own System V objects and host name.
pub(crate) const NEW_HOST: i32 = libc::CLONE_NEWIPC | libc::CLONE_NEWUTS;

/// A namespace that a stage can have.
pub(crate) struct Namespace {
    /// Its flag for clone and unshare.
    flag: i32,
    /// The name of the flag.
    name: &'static str,
    /// Its file in `/proc/PID/ns`.
    file: &'static str,
    /// The kind in its quota, `user.max_KIND_namespaces`.
    pub(crate) kind: &'static str,
}

/// All namespaces, in the order in which they can be entered: the one for users gives the right to
/// enter the others.
pub(crate) const NAMESPACES: &[Namespace] = &[
    Namespace { flag: libc::CLONE_NEWUSER, name: "CLONE_NEWUSER", file: "user", kind: "user" },
    Namespace { flag: libc::CLONE_NEWPID, name: "CLONE_NEWPID", file: "pid", kind: "pid" },
    Namespace { flag: libc::CLONE_NEWNET, name: "CLONE_NEWNET", file: "net", kind: "net" },
    Namespace { flag: libc::CLONE_NEWIPC, name: "CLONE_NEWIPC", file: "ipc", kind: "ipc" },
    Namespace { flag: libc::CLONE_NEWUTS, name: "CLONE_NEWUTS", file: "uts", kind: "uts" },
    Namespace { flag: libc::CLONE_NEWNS, name: "CLONE_NEWNS", file: "mnt", kind: "mnt" },
];

fn among(namespaces: i32) -> impl Iterator<Item = &'static Namespace> {
    NAMESPACES.iter().filter(move |namespace| namespaces & namespace.flag != 0)
}

/// Names namespaces as in the source of a call: `CLONE_NEWPID | CLONE_NEWNS`.
pub(crate) fn namespace_names(namespaces: i32) -> String {
    among(namespaces).map(|namespace| namespace.name).collect::<Vec<_>>().join(" | ")
}

/// Returns the names of their files in `/proc/PID/ns`, in the order in which they can be entered.
pub(crate) fn namespace_files(namespaces: i32) -> impl Iterator<Item = &'static str> {
    among(namespaces).map(|namespace| namespace.file)
}

/// Makes the child of this command end with this process, and adopt what its own children leave
/// behind.
pub(crate) fn attach(command: &mut Command) {
    let prepare = || {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        set_child_subreaper(Pid::from_raw(1))?;
        Ok(())
    };
    // SAFETY: between fork and exec the child makes two bare system calls, which neither allocate
    // nor lock.
    unsafe { command.pre_exec(prepare) };
}

/// The user and the groups of an account, as the kernel takes them.
struct Credentials {
    user: Uid,
    group: Gid,
    groups: Vec<Gid>,
}

impl Credentials {
    fn of(account: &Account) -> Self {
        let groups = account.groups.iter().map(|&group| Gid::from_raw(group)).collect();
        Self { user: Uid::from_raw(account.user), group: Gid::from_raw(account.group), groups }
    }

    /// Gives them to the calling thread, by bare system calls. The user comes last, since only root
    /// may set the groups.
    fn take(&self) -> rustix::io::Result<()> {
        let Self { user, group, groups } = self;
        set_thread_groups(groups)?;
        set_thread_res_gid(*group, *group, *group)?;
        set_thread_res_uid(*user, *user, *user)
    }
}

/// Makes this process run as another user from now on. It must have a single thread.
pub(crate) fn switch_to(account: &Account) -> io::Result<()> {
    Credentials::of(account).take()?;
    // The kernel gives the files of `/proc/self` to root after a switch.
    set_dumpable_behavior(DumpableBehavior::Dumpable)?;
    Ok(())
}

/// Makes the child of this command have limits, and run as another user.
pub(crate) fn restrict(command: &mut Command, restrictions: &Restrictions) {
    let limit = |resource, value: Option<u64>| {
        value.map(|value| (resource, Rlimit { current: Some(value), maximum: Some(value) }))
    };
    let limits = [limit(Resource::Nofile, restrictions.open_files), limit(Resource::Data, restrictions.memory)];
    let (user, group) = (geteuid().as_raw(), getegid().as_raw());
    let maps = match restrictions.user {
        Some(RunAs::Ordinary(number)) => Some(
            [c"uid_map", c"gid_map"].into_iter().zip([format!("{number} {user} 1"), format!("{number} {group} 1")]),
        ),
        _ => None,
    };
    let maps: Option<Vec<(&std::ffi::CStr, String)>> = maps.map(Iterator::collect);
    let credentials = match &restrictions.user {
        Some(RunAs::Account(account)) => Some(Credentials::of(account)),
        _ => None,
    };
    let own_terminal = restrictions.own_terminal;
    let prepare = move || {
        if own_terminal {
            setsid()?;
            ioctl_tiocsctty(rustix::stdio::stdin())?;
        }
        for (resource, limit) in limits.iter().flatten() {
            setrlimit(*resource, *limit)?;
        }
        if let Some(maps) = &maps {
            unshare(NEW_USER)?;
            let directory = open(c"/proc/self", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
            let write_to = |file: &std::ffi::CStr, text: &[u8]| -> io::Result<()> {
                let file = openat(&directory, file, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
                rustix::io::write(&file, text)?;
                Ok(())
            };
            // Without it, an ordinary user may not map a group.
            write_to(c"setgroups", b"deny")?;
            for (file, map) in maps {
                write_to(file, map.as_bytes())?;
            }
        }
        if let Some(credentials) = &credentials {
            credentials.take()?;
        }
        Ok(())
    };
    // SAFETY: between fork and exec the child makes bare system calls, which neither allocate nor
    // lock; what they need was allocated before.
    unsafe { command.pre_exec(prepare) };
}

/// Clones this process into new namespaces, like `fork`.
///
/// Uses `clone` rather than `clone3`: it does all that is needed here, and container runtimes
/// answer `clone3` with ENOSYS.
pub(crate) fn clone(namespaces: i32) -> io::Result<Side> {
    let flags = i64::from(namespaces | libc::SIGCHLD);
    // SAFETY: without CLONE_VM and with a null stack this is fork: the child continues in a copy of
    // this memory. The launcher has a single thread, so no lock is held by a thread that the copy
    // lacks; the keeper, the only other caller, makes only bare system calls on both sides, which
    // need no lock. glibc's cached thread id in the child remains that of the parent; the first
    // process uses nothing that reads it, and forks the worker with `fork`, which sets it; the
    // keeper's child executes.
    let pid = unsafe { libc::syscall(libc::SYS_clone, flags, 0usize, 0usize, 0usize, 0usize) };
    side(pid)
}

/// Forks this process.
pub(crate) fn fork() -> io::Result<Side> {
    // SAFETY: the callers (the launcher, for its sweeper, and first processes) have a single
    // thread, so the child may do anything.
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

/// Ends this process at once, without exit handlers.
pub fn exit_now(code: i32) -> ! {
    // SAFETY: _exit has no preconditions; a cloned process must not run the exit handlers of the
    // one it was cloned from.
    unsafe { libc::_exit(code) }
}

/// Moves this process into new namespaces.
pub(crate) fn unshare(namespaces: i32) -> io::Result<()> {
    // SAFETY: none of the flags shares or unshares descriptors or memory, which could confuse other
    // code; the callers, first processes and the probe's throwaway process, have a single thread.
    let result = unsafe { libc::unshare(namespaces) };
    check(result)
}

/// Sets all signals to their default action and unblocks them.
///
/// So scenarios do not inherit what the runner was started with (by `nohup`, by a shell's `&`, by a
/// careless parent).
pub(crate) fn reset_signals() {
    default_actions();
    unblock_signals();
}

/// Handles SIGXFSZ and SIGPIPE, so that oversized writes return EFBIG, and those to a pipe without
/// readers EPIPE, instead of killing this process.
///
/// With a handler, not by ignoring them: programs that are started have the default action again.
pub(crate) fn survive_failed_writes() {
    extern "C" fn nothing(_: i32) {}
    for signal in [libc::SIGXFSZ, libc::SIGPIPE] {
        // SAFETY: the handler does nothing, which is allowed at any time.
        unsafe { libc::signal(signal, nothing as *const () as libc::sighandler_t) };
    }
}

fn default_actions() {
    for number in 1..=64 {
        // SAFETY: SIG_DFL is a valid action for every signal; the kernel refuses KILL, STOP and
        // those that glibc uses itself, which is fine.
        unsafe { libc::signal(number, libc::SIG_DFL) };
    }
}

/// Returns the signal with this number, also one without a name.
pub(crate) fn signal_of_number(number: i32) -> Option<Signal> {
    // SAFETY: the kernel has these signals. This process only sends them to others and never
    // handles them, so it does not matter which of them glibc uses itself.
    (1..=64).contains(&number).then(|| unsafe { Signal::from_raw_unchecked(number) })
}

/// Detects the processor's features, which the standard library caches.
///
/// Libraries ask for them before their first text search, and in a virtual machine the answer takes
/// tens of microseconds. Asked in the launcher, every stage has the answer.
pub(crate) fn detect_processor_features() {
    #[cfg(target_arch = "x86_64")]
    let _ = std::arch::is_x86_feature_detected!("avx2");
}

/// Moves the code of this program into huge pages, where that is possible: copies of this process
/// then take fewer page faults.
///
/// It takes 3 ms. This process must have a single thread.
pub(crate) fn prepare_for_many_copies() {
    #[cfg(target_arch = "x86_64")]
    let _ = text::move_into_huge_pages();
}

fn empty_set() -> libc::sigset_t {
    let mut set = std::mem::MaybeUninit::uninit();
    // SAFETY: sigemptyset initialises the set that it is given, and cannot fail for a valid
    // pointer.
    unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    // SAFETY: initialised by the call above.
    unsafe { set.assume_init() }
}

/// Creates a set of these signals.
fn set_of(signals: &[i32]) -> libc::sigset_t {
    let mut set = empty_set();
    for &signal in signals {
        // SAFETY: `set` is initialised; an invalid number is refused.
        unsafe { libc::sigaddset(&raw mut set, signal) };
    }
    set
}

/// Opens a descriptor from which a first process reads its signals.
///
/// The signals stay blocked; children need [`unblock_signals`].
pub(crate) fn signals_of_first_process() -> io::Result<OwnedFd> {
    let set = set_of(&FOR_FIRST_PROCESS);
    block(&set);
    signal_descriptor(&set)
}

/// The signals that a first process handles.
const FOR_FIRST_PROCESS: [i32; 4] = [libc::SIGCHLD, libc::SIGTERM, libc::SIGTSTP, libc::SIGCONT];

/// Blocks the signals that a first process handles.
///
/// A signal that comes before the first process has a descriptor for it then waits for that.
pub(crate) fn block_signals_of_first_process() {
    block(&set_of(&FOR_FIRST_PROCESS));
}

/// Blocks these signals in addition to those that are blocked.
fn block(set: &libc::sigset_t) {
    // SAFETY: `set` is an initialised signal set that outlives the call; the old mask is not
    // requested.
    unsafe { libc::sigprocmask(libc::SIG_BLOCK, set, std::ptr::null_mut()) };
}

/// Opens a descriptor from which these signals, which must be blocked, can be read.
fn signal_descriptor(set: &libc::sigset_t) -> io::Result<OwnedFd> {
    // SAFETY: `set` is initialised; -1 requests a new descriptor.
    let fd: RawFd = unsafe { libc::signalfd(-1, set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) };
    check(fd.min(0))?;
    // SAFETY: the kernel has just created this descriptor, and nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Unblocks all signals.
pub(crate) fn unblock_signals() {
    let set = empty_set();
    // SAFETY: `set` is an initialised signal set that outlives the call.
    unsafe { libc::sigprocmask(libc::SIG_SETMASK, &raw const set, std::ptr::null_mut()) };
}

/// Brings the loopback interface of the present network namespace up.
pub(crate) fn raise_loopback(socket: &OwnedFd) -> io::Result<()> {
    // SAFETY: an all-zero ifreq is a valid value of that plain C struct.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
        *to = libc::c_char::from_ne_bytes([*from]);
    }
    request.ifr_ifru.ifru_flags = i16::try_from(libc::IFF_UP | libc::IFF_RUNNING).unwrap_or(1);
    // SAFETY: SIOCSIFFLAGS reads one ifreq, which outlives the call; the descriptor is an open
    // socket.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request) };
    check(result)
}

/// Creates a number that this process shares with the copies that it makes of itself later. It is 0.
///
/// It exists as long as the process.
pub(crate) fn shared_number() -> io::Result<&'static AtomicU64> {
    let (access, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_ANONYMOUS);
    // SAFETY: a new mapping, at an address that the kernel chooses.
    let page = unsafe { libc::mmap(std::ptr::null_mut(), size_of::<AtomicU64>(), access, flags, -1, 0) };
    if page == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the page is zeroed and aligned, is never unmapped, and is used as this number only.
    Ok(unsafe { &*page.cast::<AtomicU64>() })
}

/// Whether this process namespace has a process besides its first and this one, zombies included.
pub(crate) fn has_other_processes() -> bool {
    // SAFETY: signal 0 sends nothing, and no memory is touched. -1 means all processes except the
    // first one and this one.
    let asked = unsafe { libc::kill(-1, 0) };
    asked == 0 || io::Error::last_os_error().raw_os_error() != Some(libc::ESRCH)
}

/// Returns how a process ended that has been reaped, as `waitpid` stores it. Needs Linux 6.15.
pub(crate) fn status_of_reaped(pidfd: BorrowedFd<'_>) -> Option<i32> {
    let exit = u64::from(libc::PIDFD_INFO_EXIT);
    // SAFETY: an all-zero pidfd_info is a valid value of that plain C struct.
    let mut info: libc::pidfd_info = unsafe { std::mem::zeroed() };
    info.mask = exit;
    // SAFETY: the kernel writes at most the size that the request's number contains, that of `info`, which outlives
    // the call.
    let asked = unsafe { libc::ioctl(pidfd.as_raw_fd(), libc::PIDFD_GET_INFO, &raw mut info) };
    (asked == 0 && info.mask & exit != 0).then_some(info.exit_code)
}

/// Has a Unix socket say which process each message comes from, for [`receive_from`].
///
/// # Errors
///
/// When it is not a Unix socket.
pub fn name_senders(socket: BorrowedFd<'_>) -> io::Result<()> {
    let on: libc::c_int = 1;
    let size = libc::socklen_t::try_from(size_of_val(&on)).unwrap_or(4);
    let (level, option) = (libc::SOL_SOCKET, libc::SO_PASSCRED);
    // SAFETY: the option is an int, which outlives the call.
    let result = unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, (&raw const on).cast(), size) };
    check(result)
}

/// Receives what a Unix socket has, without waiting, and the number of the process that sent it.
///
/// What comes from several processes is received in several pieces. The number is 0 for a process
/// outside of this process namespace. Descriptors that come along are dropped.
///
/// # Errors
///
/// When there is nothing, or the socket has failed.
pub fn receive_from(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<(usize, Option<i32>)> {
    /// Where the data of a control message begin: behind its length, its level and its kind.
    const DATA: usize = size_of::<usize>() + 8;
    // Room for the sender and nothing more, so that the kernel installs no descriptors.
    let mut control = [0u64; 4];
    let mut piece = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    // SAFETY: an all-zero msghdr is a valid value of that plain C struct.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut piece;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = size_of_val(&control) as _;
    // SAFETY: the kernel writes at most `iov_len` bytes to `buffer` and `msg_controllen` to `control`,
    // which both outlive the call.
    let read = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, libc::MSG_DONTWAIT) };
    let read = usize::try_from(read).map_err(|_| io::Error::last_os_error())?;
    let control = control.map(u64::to_ne_bytes).concat();
    let number = |at: usize| control.get(at..at + 4).map(|it| i32::from_ne_bytes([it[0], it[1], it[2], it[3]]));
    let is_sender = number(DATA - 8) == Some(libc::SOL_SOCKET) && number(DATA - 4) == Some(libc::SCM_CREDENTIALS);
    Ok((read, number(DATA).filter(|_| is_sender)))
}

/// Attaches a classic BPF program to a socket: each instruction with its two jumps and its operand.
pub(crate) fn attach_filter(socket: &OwnedFd, program: &[(u16, u8, u8, u32)]) -> io::Result<()> {
    let mut instructions: Vec<libc::sock_filter> =
        program.iter().map(|&(code, jt, jf, k)| libc::sock_filter { code, jt, jf, k }).collect();
    let length = u16::try_from(instructions.len()).unwrap_or(0);
    let program = libc::sock_fprog { len: length, filter: instructions.as_mut_ptr() };
    let size = libc::socklen_t::try_from(size_of_val(&program)).unwrap_or(16);
    let (level, option) = (libc::SOL_SOCKET, libc::SO_ATTACH_FILTER);
    // SAFETY: the kernel reads the program, whose length is that of the vector, which outlives the call.
    let result = unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, (&raw const program).cast(), size) };
    check(result)
}

/// Has a raw socket for ICMP receive messages of one type below 32 and no others.
pub(crate) fn receive_only(socket: &OwnedFd, version_6: bool, kind: u32) -> io::Result<()> {
    const ICMP_FILTER: i32 = 1;
    const ICMPV6_FILTER: i32 = 1;
    const SOL_RAW: i32 = 255;
    // A bit for each type that is kept away: 32 types, or 256 in version 6.
    let mut away = [u32::MAX; 8];
    away[0] &= !(1u32 << (kind & 31));
    let (level, option, length) =
        if version_6 { (libc::IPPROTO_ICMPV6, ICMPV6_FILTER, 32) } else { (SOL_RAW, ICMP_FILTER, 4) };
    // SAFETY: the kernel reads at most `length` bytes of the array, which outlives the call.
    let result = unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, away.as_ptr().cast(), length) };
    check(result)
}

/// Sets or unsets a variable of this process's environment.
pub(crate) fn set_variable(name: &OsStr, value: Option<&OsString>) {
    match value {
        // SAFETY: the worker, the only caller, sets its environment before the agent's code runs,
        // while it has a single thread.
        Some(value) => unsafe { std::env::set_var(name, value) },
        // SAFETY: as above.
        None => unsafe { std::env::remove_var(name) },
    }
}

/// Marks a descriptor to be closed in started programs; one that is not open is fine.
pub(crate) fn close_on_exec(fd: RawFd) {
    // SAFETY: F_SETFD with FD_CLOEXEC changes a flag of a descriptor of this process and touches no
    // memory; the descriptor keeps its owner.
    unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
}

fn check(result: i32) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
