//! Places in the scenario's directory. Steps write and remove nothing outside of it.
//!
//! [`Context::inside`] rejects names that leave the working directory. A scenario can also create
//! symbolic links, by running a program. So a [`Place`] is a name in an open directory, which was
//! reached without leaving the scenario's directory.
//!
//! If a step function of the user changed to a directory elsewhere, that one takes the place of the
//! scenario's directory.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use greenroom_sandbox::process::Watch;
use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, ResolveFlags, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT, chmodat, fchmod, fstat,
    fstatvfs, mkdirat, open, openat, openat2, renameat, statat, symlinkat, unlinkat, utimensat,
};
use rustix::io::Errno;

use crate::check::{PreflightState, Problem, ProblemKind};
use crate::context::{Context, leaves};
use crate::step::{Captures, Failure, StepResult, names_value};

/// How many bytes are copied before a time limit is looked at.
const COPIED_AT_ONCE: u64 = 16 << 20;

/// How many names a message lists at most.
const LISTED: usize = 10;

/// Returns a note about output in this directory or file if the disk is full, because output may
/// then be missing.
pub(crate) fn full_disk(at: impl AsFd) -> Option<&'static str> {
    let full = fstatvfs(at).is_ok_and(|disk| disk.f_blocks > 0 && disk.f_bavail == 0);
    full.then_some("the disk of the scenario's directory is full (ENOSPC), so output may be missing")
}

/// Returns what kind of file something is: `a directory`, `a fifo`.
pub(crate) fn kind(metadata: &fs::Metadata) -> &'static str {
    kind_of(FileType::from_raw_mode(metadata.mode()))
}

fn kind_of(file_type: FileType) -> &'static str {
    match file_type {
        FileType::RegularFile => "a file",
        FileType::Directory => "a directory",
        FileType::Symlink => "a symbolic link",
        FileType::Fifo => "a fifo",
        FileType::Socket => "a socket",
        FileType::CharacterDevice | FileType::BlockDevice => "a device",
        FileType::Unknown => "something else",
    }
}

/// A name in an open directory inside the scenario's directory.
#[derive(Debug)]
pub(crate) struct Place {
    parent: OwnedFd,
    name: OsString,
    /// As the document writes it.
    shown: String,
}

impl Place {
    /// Returns the place of an existing file or directory.
    pub(crate) fn of(context: &Context, shown: &str) -> Result<Self, Failure> {
        Self::reach(context, Start::of(context)?, shown, false)
    }

    /// Returns the place of a file or directory to create. Creates the directories above it.
    pub(crate) fn make(context: &Context, shown: &str) -> Result<Self, Failure> {
        Self::reach(context, Start::of(context)?, shown, true)
    }

    /// Returns the place of a file to create in this directory inside the scenario's directory.
    pub(crate) fn make_in(context: &Context, directory: &Path, shown: &str) -> Result<Self, Failure> {
        let start = Start { root: context.directory(), base: directory.strip_prefix(context.directory())? };
        Self::reach(context, start, shown, true)
    }

    fn reach(context: &Context, start: Start<'_>, shown: &str, make: bool) -> Result<Self, Failure> {
        context.inside(shown)?;
        let (start, path) = match context.below(shown) {
            Some(below) => (Start { root: context.directory(), base: Path::new("") }, below),
            None => (start, Path::new(shown)),
        };
        let Some(name) = path.file_name() else {
            return Err(Failure::new(format!("{shown} names a directory that always exists")));
        };
        let parent = descend(context, start, shown, path.parent().unwrap_or(Path::new("")), make)?;
        Ok(Self { parent, name: name.to_owned(), shown: shown.to_owned() })
    }

    /// Writes a file, and replaces its content. `executable` makes it executable for everyone who
    /// may read it.
    pub(crate) fn write(&self, content: &[u8], executable: bool) -> StepResult {
        let mode = if executable { Mode::from_raw_mode(0o755) } else { Mode::from_raw_mode(0o666) };
        let mut file = self.open_to_write(mode, OFlags::TRUNC)?;
        file.write_all(content).map_err(|error| cannot("write", &self.shown, &error))?;
        if executable {
            // The mode above applies to new files only.
            let mode = Mode::from_raw_mode(fstat(&file)?.st_mode & 0o7777);
            let executable = mode | Mode::from_raw_mode((mode.as_raw_mode() & 0o444) >> 2);
            if executable != mode {
                fchmod(&file, executable).map_err(|error| cannot("write", &self.shown, &error.into()))?;
            }
        }
        Ok(())
    }

    /// Adds a text at the end of a file, which is created if it does not exist.
    pub(crate) fn append(&self, content: &[u8]) -> StepResult {
        let mut file = self.open_to_write(Mode::from_raw_mode(0o666), OFlags::APPEND)?;
        file.write_all(content).map_err(|error| cannot("write", &self.shown, &error))
    }

    /// Writes the content of another file, with its permissions, and replaces its own.
    ///
    /// The watch may cut a long copy short.
    pub(crate) fn copy_from(&self, from: &File, watch: &mut Watch) -> StepResult {
        let mode = Mode::from_raw_mode(from.metadata()?.mode() & 0o777);
        let mut file = self.open_to_write(mode | Mode::from_raw_mode(0o200), OFlags::TRUNC)?;
        let copy_failed = |error: io::Error| cannot("write", &self.shown, &error);
        while io::copy(&mut Read::take(from, COPIED_AT_ONCE), &mut file).map_err(copy_failed)? > 0 {
            watch.check()?;
        }
        fchmod(&file, mode).map_err(|error| copy_failed(error.into()))
    }

    /// Returns whether this is the name of an open file.
    pub(crate) fn is_same(&self, file: &File) -> bool {
        let there = statat(&self.parent, &self.name, AtFlags::empty());
        let identity = |file: rustix::fs::Stat| (file.st_dev, file.st_ino);
        there.is_ok_and(|there| fstat(file).is_ok_and(|file| identity(there) == identity(file)))
    }

    /// Sets the permissions of a file or directory.
    pub(crate) fn set_mode(&self, context: &Context, mode: u32) -> StepResult {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let there = statat(&self.parent, &self.name, AtFlags::SYMLINK_NOFOLLOW);
        match there.map(|there| FileType::from_raw_mode(there.st_mode)) {
            Err(Errno::NOENT) => return Err(missing(context, "file", &self.shown)),
            Ok(FileType::Symlink) => return Err(self.is_a_link()),
            _ => {}
        }
        let cannot = |error: Errno| cannot("set the mode of", &self.shown, &error.into());
        let mode = Mode::from_raw_mode(mode);
        // A file that its owner must not read is reached by its name.
        match openat(&self.parent, &self.name, flags, Mode::empty()) {
            Ok(file) => fchmod(file, mode).map_err(cannot),
            Err(Errno::ACCESS) => chmodat(&self.parent, &self.name, mode, AtFlags::empty()).map_err(cannot),
            Err(error) => Err(cannot(error)),
        }
    }

    /// Creates a symbolic link.
    pub(crate) fn link_to(&self, target: &Path) -> StepResult {
        match symlinkat(target, &self.parent, &self.name) {
            Ok(()) => Ok(()),
            Err(Errno::EXIST) => Err(Failure::new(format!("{} exists already", self.shown))),
            Err(error) => Err(cannot("create", &self.shown, &error.into())),
        }
    }

    /// Renames a file or directory, which must exist.
    pub(crate) fn move_to(&self, context: &Context, to: &Self) -> StepResult {
        match renameat(&self.parent, &self.name, &to.parent, &to.name) {
            Ok(()) => Ok(()),
            Err(Errno::NOENT) => Err(missing(context, "file", &self.shown)),
            Err(error) => Err(cannot(&format!("rename {} to", self.shown), &to.shown, &error.into())),
        }
    }

    /// Opens a regular file to write to it. `how` says what becomes of its content.
    fn open_to_write(&self, mode: Mode, how: OFlags) -> Result<File, Failure> {
        // Without blocking, because the name may be a fifo.
        let flags = OFlags::WRONLY
            | OFlags::CREATE
            | how
            | OFlags::NOFOLLOW
            | OFlags::NONBLOCK
            | OFlags::NOCTTY
            | OFlags::CLOEXEC;
        let cannot = |error: io::Error| cannot("write", &self.shown, &error);
        let file = match openat(&self.parent, &self.name, flags, mode) {
            Ok(file) => file,
            Err(Errno::LOOP) => return Err(self.is_a_link()),
            Err(Errno::ISDIR) => return Err(is_directory(&self.shown)),
            Err(error) => {
                let there = statat(&self.parent, &self.name, AtFlags::SYMLINK_NOFOLLOW);
                let kind = there.map(|there| FileType::from_raw_mode(there.st_mode));
                return Err(match kind {
                    Ok(kind) if kind != FileType::RegularFile => self.is_no_file(kind_of(kind)),
                    _ => cannot(error.into()),
                });
            }
        };
        let file = File::from(file);
        let before = file.metadata().map_err(cannot)?;
        if !before.is_file() {
            return Err(self.is_no_file(kind(&before)));
        }
        Ok(file)
    }

    /// Creates an empty file to append to, and replaces whatever has its name.
    pub(crate) fn replace(&self) -> Result<File, Failure> {
        let cannot = |error: Errno| cannot("write", &self.shown, &error.into());
        match unlinkat(&self.parent, &self.name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(Errno::ISDIR) => return Err(is_directory(&self.shown)),
            Err(error) => return Err(cannot(error)),
        }
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::APPEND | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        openat(&self.parent, &self.name, flags, Mode::from_raw_mode(0o644)).map(File::from).map_err(cannot)
    }

    /// Renames a file, and replaces whatever has the new name. The file may be gone.
    pub(crate) fn rename(&self, to: &Self) -> StepResult {
        match renameat(&self.parent, &self.name, &to.parent, &to.name) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(cannot("rename", &self.shown, &error.into())),
        }
    }

    /// Creates an empty file unless it exists, and sets its modification time, to now by default.
    pub(crate) fn touch(&self, modified: Option<Timespec>) -> StepResult {
        let cannot = |error: Errno| cannot("touch", &self.shown, &error.into());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        match openat(&self.parent, &self.name, flags, Mode::from_raw_mode(0o666)) {
            Ok(_) | Err(Errno::EXIST) => {}
            Err(error) => return Err(cannot(error)),
        }
        let there = statat(&self.parent, &self.name, AtFlags::SYMLINK_NOFOLLOW).map_err(cannot)?;
        if FileType::from_raw_mode(there.st_mode).is_symlink() {
            return Err(self.is_a_link());
        }
        let special = |tv_nsec| Timespec { tv_sec: 0, tv_nsec };
        let times = match modified {
            None => Timestamps { last_access: special(UTIME_NOW), last_modification: special(UTIME_NOW) },
            Some(modified) => Timestamps { last_access: special(UTIME_OMIT), last_modification: modified },
        };
        utimensat(&self.parent, &self.name, &times, AtFlags::SYMLINK_NOFOLLOW).map_err(cannot)
    }

    /// Removes a file; a symbolic link itself, not its target.
    pub(crate) fn remove_file(&self, context: &Context) -> StepResult {
        match unlinkat(&self.parent, &self.name, AtFlags::empty()) {
            Ok(()) => Ok(()),
            Err(Errno::NOENT) => Err(missing(context, "file", &self.shown)),
            Err(Errno::ISDIR) => {
                Err(is_directory(&self.shown).help(format!("write `when I remove directory {}`", self.shown)))
            }
            Err(error) => Err(cannot("remove", &self.shown, &error.into())),
        }
    }

    /// Removes a directory with its content, or only if it is empty.
    pub(crate) fn remove_directory(&self, context: &Context, only_empty: bool) -> StepResult {
        let removed = if only_empty {
            unlinkat(&self.parent, &self.name, AtFlags::REMOVEDIR).map_err(io::Error::from)
        } else {
            self.remove_tree()
        };
        let Err(error) = removed else {
            return Ok(());
        };
        Err(match Errno::from_io_error(&error) {
            Some(Errno::NOENT) => missing(context, "directory", &self.shown),
            Some(Errno::NOTDIR) => {
                let there = statat(&self.parent, &self.name, AtFlags::SYMLINK_NOFOLLOW);
                let kind = there.map_or("something else", |there| kind_of(FileType::from_raw_mode(there.st_mode)));
                Failure::new(format!("{} is {kind}, not a directory", self.shown))
            }
            Some(Errno::NOTEMPTY) => {
                let error = Failure::new(format!("directory {} is not empty", self.shown));
                match context.inside(&self.shown).ok().and_then(|path| names(&path).ok()) {
                    Some(names) => error.note(format!("it contains {}", list(&names))),
                    None => error,
                }
            }
            _ => cannot("remove", &self.shown, &error),
        })
    }

    fn remove_tree(&self) -> io::Result<()> {
        let there = statat(&self.parent, &self.name, AtFlags::SYMLINK_NOFOLLOW)?;
        // The standard library would remove a symbolic link, but a step about a directory should
        // not.
        if !FileType::from_raw_mode(there.st_mode).is_dir() {
            return Err(Errno::NOTDIR.into());
        }
        // It uses descriptors and follows no links below. So its start is a descriptor too.
        let start = Path::new("/proc/self/fd").join(self.parent.as_raw_fd().to_string());
        fs::remove_dir_all(start.join(&self.name))
    }

    fn is_no_file(&self, kind: &str) -> Failure {
        Failure::new(format!("{} is {kind}, not a file", self.shown))
    }

    fn is_a_link(&self) -> Failure {
        Failure::new(format!("{} is a symbolic link, and steps do not write through symbolic links", self.shown))
            .help("write the name of its target, or remove it first")
    }
}

/// Creates a directory and the directories above it, unless they exist.
pub(crate) fn make_directory(context: &Context, shown: &str) -> StepResult {
    context.inside(shown)?;
    if let Some(below) = context.below(shown) {
        let start = Start { root: context.directory(), base: Path::new("") };
        return descend(context, start, shown, below, true).map(drop);
    }
    descend(context, Start::of(context)?, shown, Path::new(shown), true).map(drop)
}

/// The directory from which names start.
#[derive(Debug, Clone, Copy)]
struct Start<'a> {
    /// The directory that no name may leave.
    root: &'a Path,
    /// The path from there to the directory from which names start.
    base: &'a Path,
}

impl<'a> Start<'a> {
    /// Returns the working directory, with the scenario's directory as root if it is inside.
    fn of(context: &'a Context) -> Result<Self, Failure> {
        let directory = context.working_directory()?;
        Ok(match directory.strip_prefix(context.directory()) {
            Ok(base) => Self { root: context.directory(), base },
            Err(_) => Self { root: directory, base: Path::new("") },
        })
    }
}

/// Opens a directory by its path from a start. Follows symbolic links that stay inside the root.
fn descend(context: &Context, start: Start<'_>, shown: &str, path: &Path, make: bool) -> Result<OwnedFd, Failure> {
    let Start { root, base } = start;
    let around = if root == context.directory() { "the scenario's directory".to_owned() } else { context.here() };
    // Without following links: a step may have replaced the directory by one.
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let root = open(root, flags, Mode::empty()).map_err(|error| cannot("open", &around, &error.into()))?;
    let mut current: Option<OwnedFd> = None;
    let mut reached = PathBuf::new();
    for component in base.components().chain(path.components()) {
        if component == Component::CurDir {
            continue;
        }
        let above = current.as_ref().unwrap_or(&root);
        reached.push(component);
        let mut opened = beneath(&root, above, &reached, component.as_os_str());
        if make && opened.as_ref().is_err_and(|&error| error == Errno::NOENT) {
            match mkdirat(above, component.as_os_str(), Mode::from_raw_mode(0o777)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(cannot("make directory", &reached.to_string_lossy(), &error.into())),
            }
            opened = beneath(&root, above, &reached, component.as_os_str());
        }
        let directory = reached.strip_prefix(base).unwrap_or(&reached).to_string_lossy();
        current = Some(opened.map_err(|error| {
            match error {
                Errno::XDEV => Failure::new(format!("{shown} is outside of {around}"))
                    .note(format!("the symbolic link {directory} points outside")),
                Errno::LOOP => Failure::new(format!("{directory} is a symbolic link that cannot be followed")),
                Errno::NOTDIR => {
                    let there = statat(above, component.as_os_str(), AtFlags::SYMLINK_NOFOLLOW);
                    let kind = there.map_or("something else", |there| kind_of(FileType::from_raw_mode(there.st_mode)));
                    Failure::new(format!("{directory} is {kind}, not a directory"))
                }
                Errno::NOENT if make => {
                    Failure::new(format!("{directory} is a symbolic link to something that does not exist"))
                }
                Errno::NOENT => missing(context, "directory", &directory),
                error => cannot("open", &directory, &error.into()),
            }
        })?);
    }
    Ok(current.unwrap_or(root))
}

/// Opens a directory by its path from the root, without leaving the root.
fn beneath(root: &OwnedFd, above: &OwnedFd, path: &Path, name: &OsStr) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    // The kernel returns EAGAIN if something is renamed at the same time.
    for _ in 0..32 {
        match openat2(root, path, flags, Mode::empty(), resolve) {
            Err(Errno::AGAIN) => {}
            // An old kernel or a container without this call: open it from the directory above,
            // without links.
            Err(Errno::NOSYS | Errno::PERM) => {
                let opened = openat(above, name, flags | OFlags::NOFOLLOW, Mode::empty());
                return opened.map_err(|error| no_link(above, name, error));
            }
            opened => return opened,
        }
    }
    Err(Errno::AGAIN)
}

/// Returns ELOOP for a link that was not followed; with `O_DIRECTORY` the kernel says ENOTDIR.
fn no_link(above: &OwnedFd, name: &OsStr, error: Errno) -> Errno {
    let is_link = statat(above.as_fd(), name, AtFlags::SYMLINK_NOFOLLOW)
        .is_ok_and(|there| FileType::from_raw_mode(there.st_mode).is_symlink());
    if error == Errno::NOTDIR && is_link { Errno::LOOP } else { error }
}

/// Opens a regular file for reading. Follows all links, because reading does no harm.
pub(crate) fn read(context: &Context, shown: &str) -> Result<File, Failure> {
    let path = context.inside(shown)?;
    // Without blocking, because the name may be a fifo.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = match open(&path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(Errno::NOENT) => return Err(missing(context, "file", shown)),
        Err(error) => {
            // Sockets cannot be opened, nor devices without a driver.
            return Err(match fs::metadata(&path) {
                Ok(there) if !there.is_file() => Failure::new(format!("{shown} is {}, not a file", kind(&there))),
                _ => cannot("read", shown, &error.into()),
            });
        }
    };
    let metadata = file.metadata().map_err(|error| cannot("read", shown, &error))?;
    if metadata.is_dir() {
        return Err(not_a_file(context, &path, shown));
    }
    if !metadata.is_file() {
        return Err(Failure::new(format!("{shown} is {}, not a file", kind(&metadata))));
    }
    Ok(file)
}

/// Says that a name is that of a directory, where a step expects a file.
pub(crate) fn is_directory(shown: &str) -> Failure {
    Failure::new(format!("{shown} is a directory, not a file"))
}

/// Says that a directory is where a step expects a file, what it contains, and which command may have created it.
fn not_a_file(context: &Context, path: &Path, shown: &str) -> Failure {
    let error = is_directory(shown);
    let error = match names(path) {
        Ok(names) if names.is_empty() => error.note("the directory is empty"),
        Ok(names) => error.note(format!("the directory contains {}", list(&names))),
        Err(_) => error,
    };
    let command = context.latest_command().filter(|line| line.contains(shown.trim_end_matches('/')));
    let other = format!("name a file in {} in this step", shown.trim_end_matches('/'));
    match command {
        Some(line) => error
            .note(format!("the latest command names it: `{line}`"))
            .help(format!("have the command write a file there, not create a directory of that name; or {other}")),
        None => error.help(format!("have a file written there, not a directory created; or {other}")),
    }
}

/// Returns the names in a directory, sorted.
pub(crate) fn names(directory: &Path) -> io::Result<Vec<String>> {
    let mut names = fs::read_dir(directory)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<io::Result<Vec<_>>>()?;
    names.sort_unstable();
    Ok(names)
}

/// Returns the failure for something that does not exist, with what does.
pub(crate) fn missing(context: &Context, kind: &str, shown: &str) -> Failure {
    around(context, shown, Failure::new(format!("{kind} {shown} does not exist")))
}

/// Adds the content of the directory and a similar name to a failure about a name.
pub(crate) fn around(context: &Context, shown: &str, error: Failure) -> Failure {
    let Ok(path) = context.inside(shown) else {
        return error;
    };
    if let Ok(target) = fs::read_link(&path) {
        return error.note(format!("{shown} is a symbolic link to {}, which does not exist", target.display()));
    }
    let parent = Path::new(shown).parent().unwrap_or(Path::new(""));
    let is_top = parent.components().all(|component| component == Component::CurDir);
    let what = if is_top { context.here() } else { format!("directory {}", parent.display()) };
    if let Err(gone) = context.working_directory() {
        return error.note(gone.message);
    }
    let names = match names(path.parent().unwrap_or(&path)) {
        Ok(names) => names,
        Err(reason) if reason.kind() == io::ErrorKind::NotFound && !is_top => {
            return error.note(format!("{what} does not exist either"));
        }
        Err(reason) => return error.note(format!("{what} cannot be listed: {}", plainly(&reason))),
    };
    let error = if names.is_empty() {
        error.note(format!("{what} is empty"))
    } else {
        error.note(format!("{what} contains {}", list(&names)))
    };
    let name = Path::new(shown).file_name().unwrap_or_default().to_string_lossy();
    match nearest(&name, names.iter().map(String::as_str)) {
        Some(near) => error.help(format!("did you mean `{}`?", parent.join(near).display())),
        None => error,
    }
}

/// Lists names: `a, b, c and 7 more`.
pub(crate) fn list(names: &[String]) -> String {
    let shown = names.iter().take(LISTED).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(LISTED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// Returns the known name that is most similar to a written one, if it may be a typo.
pub(crate) fn nearest<'a>(written: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let length = written.chars().count();
    let allowed = match length {
        // Comparing costs the product of the lengths, and no name is that long.
        256.. => return None,
        0..=2 => 1,
        3..=7 => 2,
        _ => length / 3,
    };
    known
        .filter(|name| name.len().abs_diff(written.len()) <= 4 * allowed)
        .map(|name| (strsim::osa_distance(&written.to_lowercase(), &name.to_lowercase()), name))
        .filter(|&(distance, name)| distance <= allowed && distance < name.chars().count())
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, name)| name)
}

/// Returns a failure such as `cannot write x: permission denied`.
pub(crate) fn cannot(verb: &str, what: &str, error: &io::Error) -> Failure {
    Failure::new(format!("cannot {verb} {what}: {}", plainly(error)))
}

/// Returns the text of a system error without its number.
pub(crate) fn plainly(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error ").next().unwrap_or(&text);
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect())
}

/// Returns the problems of captures that leave the scenario's directory.
pub(crate) fn outside(captures: &Captures, names: &[&str]) -> Vec<Problem> {
    let leaving = names.iter().filter(|name| captures.get(name).is_some_and(leaves));
    leaving
        .map(|name| {
            let path = captures.get(name).unwrap_or_default();
            Problem::new(name, ProblemKind::OutsideDirectory, format!("{path} is outside of the scenario's directory"))
                .help("write a path inside the scenario's directory, without a leading `/` or `..`")
        })
        .collect()
}

/// Returns the problem of a step about a file or directory that no earlier step can create.
///
/// `kind` is what it should be, for the message.
pub(crate) fn never_created(captures: &Captures, name: &str, kind: &str, state: &PreflightState) -> Option<Problem> {
    let path = captures.get(name)?;
    if names_value(path) || leaves(path) || state.may_exist(path) {
        return None;
    }
    let message = format!("{kind} {path} does not exist: no earlier step can create it");
    let problem = Problem::new(name, ProblemKind::NeverCreated, message);
    Some(match nearest(path, state.files.iter().map(String::as_str)) {
        Some(near) => problem.help(format!("did you mean {near}?")),
        None if kind == "directory" => problem.help(format!("write `given a directory {path}` before this step")),
        None => problem.help(format!("write `given file {path}` before this step, and embed the file in the document")),
    })
}
