//! Moves the program's code into huge pages, for a process that copies itself many times.
//!
//! The kernel does not copy the page tables of files with a process. So each copy faults once for
//! every 64 KiB of code that it executes, at about 3 µs each: some 80 times in a short scenario.
//! The entries of anonymous huge pages are copied, at 2 µs for each 2 MiB. docs/PERFORMANCE.md has
//! the measurements.

use std::ffi::c_void;
use std::io;
use std::ops::Range;

/// The size of a huge page, and what it is aligned to.
const HUGE: usize = 2 << 20;

/// Larger programs stay as they are, since all of their code is copied once. Bytes.
const MOST: usize = 64 << 20;

/// Moves the code of this program into huge pages, and returns how many bytes of it.
///
/// What does not fill a huge page stays where it is. Call it in a process with a single thread.
///
/// # Errors
///
/// When the kernel has no huge pages. Then nothing has changed.
pub(crate) fn move_into_huge_pages() -> io::Result<usize> {
    let code = code()?;
    let Range { start, end } = whole_pages(code);
    let length = end.saturating_sub(start);
    if length == 0 || length > MOST {
        return Ok(0);
    }
    let copy = Copy::new(length)?;
    // SAFETY: both ranges are mapped, `length` bytes long and apart: the code is readable, and the
    // copy is a new mapping of this function.
    unsafe { std::ptr::copy_nonoverlapping(start as *const u8, copy.start as *mut u8, length) };
    copy.collapse()?;
    copy.replace(start)?;
    Ok(length)
}

/// Finds the mapping of the code that runs.
fn code() -> io::Result<Range<usize>> {
    let here = move_into_huge_pages as *const () as usize;
    let maps = std::fs::read_to_string("/proc/self/maps")?;
    let range = |line: &str| {
        let (range, rest) = line.split_once(' ')?;
        let (start, end) = range.split_once('-')?;
        let number = |text| usize::from_str_radix(text, 16).ok();
        let range = number(start)?..number(end)?;
        (rest.starts_with("r-xp") && range.contains(&here)).then_some(range)
    };
    maps.lines().find_map(range).ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// Returns the whole huge pages in a range.
fn whole_pages(Range { start, end }: Range<usize>) -> Range<usize> {
    start.next_multiple_of(HUGE)..end / HUGE * HUGE
}

/// New memory that begins at a multiple of the size of a huge page.
struct Copy {
    start: usize,
    length: usize,
    /// The whole mapping.
    mapped: Range<usize>,
}

impl Copy {
    fn new(length: usize) -> io::Result<Self> {
        let whole = length + HUGE;
        let (access, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: a new mapping, at an address that the kernel chooses.
        let mapped = unsafe { libc::mmap(std::ptr::null_mut(), whole, access, flags, -1, 0) };
        if mapped == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let mapped = mapped as usize..mapped as usize + whole;
        let copy = Self { start: mapped.start.next_multiple_of(HUGE), length, mapped };
        copy.advise(libc::MADV_HUGEPAGE)?;
        Ok(copy)
    }

    fn address(&self) -> *mut c_void {
        self.start as *mut c_void
    }

    fn advise(&self, advice: i32) -> io::Result<()> {
        // SAFETY: the range is inside of this mapping, and neither advice changes its contents.
        let result = unsafe { libc::madvise(self.address(), self.length, advice) };
        if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// Makes sure that it consists of huge pages. Needs Linux 6.1.
    fn collapse(&self) -> io::Result<()> {
        self.advise(libc::MADV_COLLAPSE)
    }

    /// Takes the place of the code, of which it is a copy.
    fn replace(&self, code: usize) -> io::Result<()> {
        // SAFETY: the range is inside of this mapping, to which nothing is written any more.
        let result = unsafe { libc::mprotect(self.address(), self.length, libc::PROT_READ | libc::PROT_EXEC) };
        if result < 0 {
            return Err(io::Error::last_os_error());
        }
        let flags = libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED;
        // SAFETY: the target is code of this program, which is never written, and has the same bytes and
        // rights when the call returns. No other thread executes it in between.
        let moved = unsafe { libc::mremap(self.address(), self.length, self.length, flags, code as *mut c_void) };
        if moved == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        // SAFETY: what is left of this mapping, which nothing else uses.
        unsafe { libc::munmap(self.mapped.start as *mut c_void, self.mapped.len()) };
    }
}

#[cfg(test)]
mod tests {
    use rustix::process::{WaitOptions, waitpid};

    use super::*;
    use crate::sys::{Side, exit_now, fork};

    #[test]
    fn only_whole_pages_are_moved() {
        assert_eq!(whole_pages(1..3 * HUGE + 1), HUGE..3 * HUGE);
        assert_eq!(whole_pages(HUGE..2 * HUGE), HUGE..2 * HUGE);
        assert!(whole_pages(1..HUGE).is_empty());
    }

    /// Whether a mapping that begins at an address consists of huge pages.
    fn is_huge(start: usize, length: usize) -> bool {
        let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let begin = format!("{start:x}-");
        let mut mapping = maps.lines().skip_while(|line| !line.starts_with(&begin));
        let huge = mapping.find_map(|line| line.strip_prefix("AnonHugePages:")).unwrap_or_default();
        huge.trim().strip_suffix(" kB").and_then(|kib| kib.parse().ok()) == Some(length / 1024)
    }

    #[test]
    fn moved_code_runs_in_huge_pages_and_so_do_its_copies() {
        // In a copy, which has a single thread, unlike the harness.
        let Side::Parent(child) = fork().unwrap() else {
            let start = code().map_or(0, |code| whole_pages(code).start);
            let moved = move_into_huge_pages();
            // Where the kernel refuses, everything is as before; and a small program has no whole page.
            let is_right = match moved {
                Ok(0) | Err(_) => true,
                Ok(length) => is_huge(start, length),
            };
            let copied = match fork() {
                Ok(Side::Child) => exit_now(i32::from(whole_pages(1..3 * HUGE + 1) != (HUGE..3 * HUGE))),
                Ok(Side::Parent(copy)) => waitpid(Some(copy), WaitOptions::empty()),
                Err(_) => exit_now(3),
            };
            let copied = copied.ok().flatten().and_then(|(_, status)| status.exit_status());
            exit_now(i32::from(!is_right) | i32::from(copied != Some(0)) << 1);
        };
        let (_, status) = waitpid(Some(child), WaitOptions::empty()).unwrap().unwrap();
        assert_eq!(status.exit_status(), Some(0));
    }
}
