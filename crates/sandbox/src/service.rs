//! The launcher process: makes stages, tells of their ends, and sees to the run's directory.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, set_child_subreaper, waitpid};

use crate::channel::Control;
use crate::child::Child;
use crate::isolation::{self, Isolation, Property};
use crate::launcher::{Answer, FAREWELL, Request, StageId};
use crate::probe::probe;
use crate::process::{Watch, table};
use crate::run_directory::{self, RunDirectory};
use crate::stage::{self, Agent};
use crate::sys::{self, Side};

/// A stage that the launcher has made.
struct Made {
    stage: StageId,
    hint: Option<u32>,
    first: Child,
    /// When it was told to end.
    ending: Option<Instant>,
}

/// Everything the launcher holds; dropped as a whole in a new first process, so that no stage has a hand on another.
struct Serving {
    control: Control,
    made: Vec<Made>,
}

/// What is the same for all stages.
struct Run<'a, A: Agent> {
    agent: &'a A,
    prologue: A::Prologue,
    isolation: Isolation,
    ids: (u32, u32),
    /// Removes what earlier runs have left.
    sweeper: Option<Child>,
}

/// The launcher's life.
pub(crate) fn serve<A: Agent>(agent: &A) -> ! {
    let code = match begin() {
        Some(Begun { control, isolation, ids, directory, prologue, stale }) => {
            let (control, directory, sweeper) = sweep(control, directory, stale);
            let mut run = Run { agent, prologue: agent.prepare(&prologue), isolation, ids, sweeper };
            // The directory's lock stays open in every stage: it is in use until the last of them has ended.
            let keep = run.serve(Serving { control, made: Vec::new() });
            // What stages have shared ends before the run's directory goes.
            drop(run);
            if keep {
                directory.keep();
            } else {
                let _ = directory.remove();
            }
            0
        }
        None => 1,
    };
    sys::exit_now(code)
}

struct Begun {
    control: Control,
    isolation: Isolation,
    ids: (u32, u32),
    directory: RunDirectory,
    prologue: Vec<u8>,
    stale: Vec<RunDirectory>,
}

fn begin() -> Option<Begun> {
    let _ = rustix::process::setsid();
    sys::reset_signals();
    sys::survive_limit_on_files();
    sys::know_the_processor();
    // The control line came as standard input; programs of the stages must not find it there.
    let control = rustix::io::fcntl_dupfd_cloexec(io::stdin(), 3).ok()?;
    let null = File::open("/dev/null").ok()?;
    rustix::stdio::dup2_stdin(&null).ok()?;
    // Descriptors that the runner's parent left open are none of the stages' business.
    close_strangers(&[&control]);
    let control = Control::new(control);
    let Ok(Some((Request::Begin { choice, temporary_directory }, fds))) = control.receive(true) else {
        return None;
    };
    let mut prologue = Vec::new();
    if let Some(fd) = fds.into_iter().next() {
        let _ = File::from(fd).read_to_end(&mut prologue);
    }
    let ids = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
    let isolation = probe(choice, ids);
    if !isolation.has(Property::Kill) {
        // Should somebody kill a first process, what descends from it comes to us.
        let _ = set_child_subreaper(Pid::from_raw(1));
    }
    // Should the runner be gone by now, that is noticed in the loop, which then sees to the run's directory.
    let directory = run_directory::whatever_the_umask(|| RunDirectory::make(&temporary_directory));
    let stale = RunDirectory::stale(&temporary_directory);
    let path = directory.as_ref().map(|directory| directory.path().to_owned()).map_err(isolation::in_words);
    let _ = control.send(&Answer::Ready { isolation: isolation.clone(), run_directory: path }, &[], true);
    Some(Begun { control, isolation, ids, directory: directory.ok()?, prologue, stale })
}

/// Marks every descriptor but 0 to 2 and these to be closed in started programs.
fn close_strangers(own: &[&OwnedFd]) {
    let own: Vec<i32> = own.iter().map(|fd| fd.as_raw_fd()).collect();
    let Ok(entries) = std::fs::read_dir("/proc/self/fd") else {
        return;
    };
    let open: Vec<i32> = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    for fd in open.into_iter().filter(|fd| *fd > 2 && !own.contains(fd)) {
        sys::close_on_exec(fd);
    }
}

/// Removes what earlier runs have left, beside the run, in a process that has no hand on it; there is nothing to remove unless
/// somebody has killed all processes of a run.
fn sweep(
    control: Control,
    directory: RunDirectory,
    stale: Vec<RunDirectory>,
) -> (Control, RunDirectory, Option<Child>) {
    if stale.is_empty() {
        return (control, directory, None);
    }
    match sys::fork() {
        Ok(Side::Child) => {
            drop((control, directory));
            for directory in stale {
                let _ = directory.remove();
            }
            sys::exit_now(0)
        }
        Ok(Side::Parent(pid)) => (control, directory, Child::hold(pid).ok()),
        Err(_) => (control, directory, None),
    }
}

/// How long a first process without a process namespace may take to kill what descends from it.
const TENDED_END: Duration = Duration::from_secs(2);

impl<A: Agent> Run<'_, A> {
    /// Makes stages and tells of their ends until the run is over or the runner is gone; whether the run's directory is to stay.
    fn serve(&mut self, mut serving: Serving) -> bool {
        let keep = loop {
            let mut fds = vec![PollFd::from_borrowed_fd(serving.control.fd(), PollFlags::IN)];
            fds.extend(serving.made.iter().map(|made| PollFd::from_borrowed_fd(made.first.pidfd(), PollFlags::IN)));
            let overdue = serving.made.iter().filter_map(|made| made.ending).min().map(|ending| ending + TENDED_END);
            let timeout = overdue.map(|at| at.saturating_duration_since(Instant::now()));
            let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
            if poll(&mut fds, timeout.as_ref()).is_err() {
                continue;
            }
            let asked = !fds[0].revents().is_empty();
            let ended: Vec<bool> = fds[1..].iter().map(|fd| !fd.revents().is_empty()).collect();
            drop(fds);
            let mut ended = ended.into_iter();
            let (gone, made): (Vec<Made>, Vec<Made>) =
                serving.made.into_iter().partition(|_| ended.next().unwrap_or(false));
            serving.made = made;
            if self.tell(&serving, &gone).is_err() {
                break false;
            }
            for made in &mut serving.made {
                if made.ending.is_some_and(|since| since.elapsed() >= TENDED_END) {
                    made.ending = None;
                    let _ = made.first.signal(Signal::KILL);
                }
            }
            if !asked {
                continue;
            }
            match serving.control.receive(false) {
                Ok(Some((Request::Launch { stage, hint }, fds))) => {
                    if let Some(hint) = hint
                        && self.isolation.has(Property::Kill)
                    {
                        let in_use: Vec<u32> = serving.made.iter().filter_map(|made| made.hint).collect();
                        self.agent.make_ready(&mut self.prologue, hint, &in_use);
                    }
                    serving = self.make(serving, (stage, hint), fds);
                }
                Ok(Some((Request::End { stage }, _))) => {
                    if let Some(made) = serving.made.iter_mut().find(|made| made.stage == stage) {
                        self.end(made);
                    }
                }
                Ok(Some((Request::Pause, _))) => signal_all(&serving.made, Signal::TSTP),
                Ok(Some((Request::Resume, _))) => signal_all(&serving.made, Signal::CONT),
                Ok(Some((Request::Dismiss { keep }, _))) => break keep,
                Ok(Some((Request::Begin { .. }, _))) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Ok(None) | Err(_) => break false,
            }
        };
        for made in &mut serving.made {
            self.end(made);
        }
        let until = Instant::now() + FAREWELL / 2;
        for made in &serving.made {
            let gone = Watch::new().readable(&[made.first.pidfd()], until);
            if !matches!(gone, Ok(true)) {
                let _ = made.first.signal(Signal::KILL);
            }
        }
        self.kill_orphans(&[]);
        keep
    }

    /// Ends a stage.
    fn end(&self, made: &mut Made) {
        if self.isolation.has(Property::Kill) {
            // The kernel kills everything in it.
            let _ = made.first.signal(Signal::KILL);
        } else {
            // It must kill what descends from it before it goes, and must not be stopped for that.
            let _ = made.first.signal(Signal::TERM);
            let _ = made.first.signal(Signal::CONT);
            made.ending.get_or_insert_with(Instant::now);
        }
    }

    /// Reaps first processes that have ended and says so.
    fn tell(&self, serving: &Serving, gone: &[Made]) -> io::Result<()> {
        // All of them, before anything is done about what they may have left: that is told apart by not being one of them.
        let ended: Vec<_> = gone.iter().map(|made| (made.stage, made.first.reap())).collect();
        if !gone.is_empty() {
            self.kill_orphans(&serving.made);
        }
        for (stage, ended) in ended {
            let (status, signal) = match ended {
                Ok(Some(ended)) => (ended.exit_status(), ended.terminating_signal()),
                _ => (None, None),
            };
            let signal = signal.or((status.is_none()).then_some(Signal::KILL.as_raw()));
            serving.control.send(&Answer::Gone { stage, status, signal, error: None }, &[], true)?;
        }
        Ok(())
    }

    /// Without process namespaces: kills what a first process that was killed itself has left to us.
    fn kill_orphans(&self, made: &[Made]) {
        if self.isolation.has(Property::Kill) {
            return;
        }
        let own = i32::try_from(std::process::id()).unwrap_or(-1);
        let until = Instant::now() + TENDED_END;
        while Instant::now() < until {
            let sweeper = self.sweeper.as_ref().map(Child::pid);
            let known = |pid: &i32| {
                made.iter()
                    .map(|made| made.first.pid())
                    .chain(sweeper)
                    .any(|known| known.as_raw_nonzero().get() == *pid)
            };
            let orphans: Vec<Pid> =
                table::children(own).into_iter().filter(|pid| !known(pid)).filter_map(Pid::from_raw).collect();
            if orphans.is_empty() {
                return;
            }
            for orphan in orphans {
                let below = table::descendants(orphan.as_raw_nonzero().get());
                // The worker before what it has started, so that it does not tell of ends that were none of a step's.
                let _ = kill_process(orphan, Signal::KILL);
                for below in below.into_iter().filter_map(Pid::from_raw) {
                    let _ = kill_process(below, Signal::KILL);
                }
                if let Ok(orphan) = Child::hold(orphan) {
                    let _ = Watch::new().readable(&[orphan.pidfd()], until);
                }
                let _ = waitpid(Some(orphan), WaitOptions::NOHANG);
            }
        }
    }

    fn make(&self, mut serving: Serving, (stage, hint): (StageId, Option<u32>), fds: Vec<OwnedFd>) -> Serving {
        let mut fds = fds.into_iter();
        let (Some(channel), Some(order)) = (fds.next(), fds.next()) else {
            return serving;
        };
        let holds: Vec<OwnedFd> = fds.collect();
        // Until it has a descriptor for them; this process has no use for them either.
        sys::block_signals_of_first_process();
        let made = clone_patiently(self.isolation.clone_flags(), &serving.made).and_then(|side| match side {
            Side::Child => Ok(None),
            Side::Parent(pid) => Child::hold(pid).map(Some).inspect_err(|_| {
                // Not reaped yet, so that the number is still its own.
                let _ = kill_process(pid, Signal::KILL);
                let _ = waitpid(Some(pid), WaitOptions::empty());
            }),
        });
        if !matches!(made, Ok(None)) {
            sys::unblock_signals();
        }
        match made {
            Ok(None) => {
                drop(serving);
                let order = stage::Beginning { channel, order: File::from(order), holds };
                stage::first_process_main(self.agent, &self.prologue, &self.isolation, self.ids, order)
            }
            Ok(Some(first)) => serving.made.push(Made { stage, hint, first, ending: None }),
            Err(error) => {
                let error = Some(format!("failed to create a process: {}", isolation::in_words(&error)));
                let _ = serving.control.send(&Answer::Gone { stage, status: None, signal: None, error }, &[], true);
            }
        }
        serving
    }
}

fn signal_all(made: &[Made], signal: Signal) {
    for made in made {
        let _ = made.first.signal(signal);
    }
}

/// Namespaces and process numbers are given back a moment after their users have ended, so "none left" is first met with
/// patience: until another stage ends, or a little later, for two seconds in all.
fn clone_patiently(flags: i32, made: &[Made]) -> io::Result<Side> {
    let begun = Instant::now();
    loop {
        match sys::clone(flags) {
            Err(error) if isolation::may_pass(&error) && begun.elapsed() < isolation::PATIENCE => {
                let mut fds: Vec<PollFd<'_>> =
                    made.iter().map(|made| PollFd::from_borrowed_fd(made.first.pidfd(), PollFlags::IN)).collect();
                let _ = poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 10_000_000 }));
            }
            other => return other,
        }
    }
}
