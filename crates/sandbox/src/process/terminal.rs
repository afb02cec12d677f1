//! A terminal for a program: what is typed goes to it, and what it writes goes to a file.
//!
//! A thread reads what the program writes, so that it never waits for a reader. Reading ends with an
//! error once no process has the terminal open any more; all of its output has been read by then.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::io::{Errno, read, write};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// The size of a terminal, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TerminalSize {
    /// Its width.
    pub columns: u16,
    /// Its height.
    pub rows: u16,
}

impl Default for TerminalSize {
    fn default() -> Self {
        Self { columns: 80, rows: 24 }
    }
}

/// The outer side of a terminal.
#[derive(Debug)]
pub struct Terminal {
    /// The side of the person, until the terminal is hung up.
    controller: Option<OwnedFd>,
    /// Its end ends the thread, which has the other side open too.
    line: Option<OwnedFd>,
    is_drained: Arc<AtomicBool>,
}

impl Terminal {
    /// Opens a terminal whose output is appended to a file. Returns it with its inner side, which
    /// becomes the standard input and outputs of a program.
    ///
    /// # Errors
    ///
    /// When there is no terminal or no thread left.
    pub fn open(size: TerminalSize, mut output: File) -> io::Result<(Self, File)> {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let controller = openpt(flags)?;
        unlockpt(&controller)?;
        let inside = ioctl_tiocgptpeer(&controller, flags)?;
        tcsetwinsize(&inside, Winsize { ws_row: size.rows, ws_col: size.columns, ws_xpixel: 0, ws_ypixel: 0 })?;
        fcntl_setfl(&controller, OFlags::NONBLOCK)?;
        let reader = controller.try_clone()?;
        let (end, line) = pipe_with(PipeFlags::CLOEXEC)?;
        let is_drained = Arc::<AtomicBool>::default();
        let drained = Arc::clone(&is_drained);
        thread::Builder::new().name("greenroom-terminal".to_owned()).spawn(move || {
            let (mut buffer, mut is_hung_up) = ([0; 4096], false);
            loop {
                match read(&reader, &mut buffer) {
                    // A file that cannot be written to any more is full; the program must not wait for that.
                    Ok(length) if length > 0 => drop(output.write_all(&buffer[..length])),
                    Err(Errno::INTR) => {}
                    Err(Errno::AGAIN) if !is_hung_up => {
                        let mut polled = [PollFd::new(&reader, PollFlags::IN), PollFd::new(&end, PollFlags::IN)];
                        let _ = poll(&mut polled, None);
                        is_hung_up = !polled[1].revents().is_empty();
                    }
                    Ok(_) | Err(_) => break,
                }
            }
            drained.store(true, Ordering::Release);
        })?;
        Ok((Self { controller: Some(controller), line: Some(line), is_drained }, File::from(inside)))
    }

    /// Types what there is place for. Returns how many bytes that was.
    ///
    /// # Errors
    ///
    /// When there is no place, or no process has the terminal open any more.
    pub fn input(&self, bytes: &[u8]) -> io::Result<usize> {
        let controller = self.controller.as_ref().ok_or(Errno::IO)?;
        Ok(write(controller.as_fd(), bytes)?)
    }

    /// Closes the terminal, as a person closes a window: the kernel sends SIGHUP, and ends all reading.
    ///
    /// What was written before is recorded.
    pub fn hang_up(&mut self) {
        self.controller = None;
        self.line = None;
    }

    /// Whether all output is in the file, and no process can write any more.
    pub fn is_drained(&self) -> bool {
        self.is_drained.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::process::Watch;

    #[test]
    fn a_terminal_that_is_hung_up_ends_reading() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let (mut terminal, inside) = Terminal::open(TerminalSize::default(), file.reopen().unwrap()).unwrap();
        (&inside).write_all(b"bye\n").unwrap();
        terminal.hang_up();
        let end = || matches!(read(&inside, &mut [0; 8]), Ok(0) | Err(Errno::IO)).then_some(());
        assert_eq!(Watch::new().until("the end", Duration::from_mins(1), &[], end), Ok(Some(())));
        assert!(terminal.input(b"x").is_err() && terminal.is_drained());
        assert_eq!(std::fs::read_to_string(file.path()).unwrap(), "bye\r\n");
    }

    #[test]
    fn output_is_recorded_to_its_end_and_typed_text_is_echoed() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let (terminal, inside) = Terminal::open(TerminalSize::default(), file.reopen().unwrap()).unwrap();
        terminal.input(b"yes\r").unwrap();
        let content = || std::fs::read_to_string(file.path()).unwrap();
        let minute = Duration::from_mins(1);
        let echoed = || (content() == "yes\r\n").then_some(());
        assert_eq!(Watch::new().until("the echo", minute, &[], echoed), Ok(Some(())));
        (&inside).write_all(b"bye\n").unwrap();
        drop(inside);
        let drained = || terminal.is_drained().then_some(());
        assert_eq!(Watch::new().until("the end", minute, &[], drained), Ok(Some(())));
        assert_eq!(content(), "yes\r\nbye\r\n");
    }
}
