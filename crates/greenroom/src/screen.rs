//! Writes to standard output without ever keeping the run waiting.
//!
//! A pager that somebody leaves open, a stopped terminal, a slow pipe: none of them may hold up limits or Ctrl-C. So a thread
//! of its own writes, and what it has not written yet waits in memory, where all of a report has room.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Signal, getpid, kill_process};

/// An output that a thread writes to.
#[derive(Debug)]
pub(crate) struct Screen {
    texts: Sender<Text>,
    broken: Broken,
}

/// Why writing failed, once it has.
type Broken = Arc<Mutex<Option<Failed>>>;

/// Why writing failed.
#[derive(Debug, Clone)]
pub(crate) struct Failed {
    kind: io::ErrorKind,
    message: String,
    /// Nobody reads any more.
    deserted: bool,
}

impl Failed {
    /// Whether nobody reads any more.
    pub(crate) fn is_deserted(&self) -> bool {
        self.deserted
    }
}

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        let kind = error.kind();
        // A terminal that is closed gives EIO.
        let deserted = kind == io::ErrorKind::BrokenPipe || error.raw_os_error() == Some(Errno::IO.raw_os_error());
        Self { kind, message: error.to_string(), deserted }
    }
}

#[derive(Debug)]
enum Text {
    Write(Vec<u8>),
    /// The other end is closed when all before it is out.
    Mark(UnixStream),
}

impl Screen {
    pub(crate) fn new(output: impl Write + Send + 'static) -> io::Result<Self> {
        let (texts, received) = channel();
        let broken = Broken::default();
        let told = Arc::clone(&broken);
        thread::Builder::new().name("screen".to_owned()).spawn(move || write_all(output, &received, &told))?;
        Ok(Self { texts, broken })
    }

    fn broken(&self) -> Option<Failed> {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether whoever read the output has gone away, or the terminal is closed.
    pub(crate) fn is_deserted(&self) -> bool {
        self.broken().is_some_and(|broken| broken.deserted)
    }

    /// Why output is lost, unless its reader only went away.
    pub(crate) fn lost(&self) -> Option<String> {
        self.broken().filter(|broken| !broken.deserted).map(|broken| broken.message)
    }

    /// Waits until all is out, but not longer than a reader that reads at all needs.
    pub(crate) fn drain(&self) {
        if let Some(mark) = self.mark() {
            let _ = mark.set_read_timeout(Some(Duration::from_millis(200)));
            let _ = (&mark).read(&mut [0]);
        }
    }

    /// Waits until all is out, or `limit` is over, or `stop` is readable. Whenever `pause` is, this process stops itself.
    pub(crate) fn wait(&self, limit: Option<Duration>, stop: BorrowedFd<'_>, pause: Option<BorrowedFd<'_>>) {
        let Some(mark) = self.mark() else { return };
        let limit = limit.and_then(|limit| Timespec::try_from(limit).ok());
        loop {
            let mut fds = vec![
                PollFd::from_borrowed_fd(mark.as_fd(), PollFlags::IN),
                PollFd::from_borrowed_fd(stop, PollFlags::IN),
            ];
            fds.extend(pause.map(|pause| PollFd::from_borrowed_fd(pause, PollFlags::IN)));
            if poll(&mut fds, limit.as_ref()).is_err() {
                continue;
            }
            let over = fds.iter().take(2).any(|fd| !fd.revents().is_empty());
            match pause.filter(|_| !over && fds.get(2).is_some_and(|fd| !fd.revents().is_empty())) {
                Some(pause) => {
                    let _ = kill_process(getpid(), Signal::STOP);
                    let _ = rustix::io::read(pause, &mut [0; 16]);
                }
                None => return,
            }
        }
    }

    /// A stream that ends when all that has been written is out.
    fn mark(&self) -> Option<UnixStream> {
        let (ours, theirs) = UnixStream::pair().ok()?;
        self.texts.send(Text::Mark(theirs)).ok()?;
        Some(ours)
    }
}

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.broken() {
            Some(failed) => Err(io::Error::new(failed.kind, failed.message)),
            None => match self.texts.send(Text::Write(bytes.to_vec())) {
                Ok(()) => Ok(bytes.len()),
                Err(_) => Err(io::ErrorKind::BrokenPipe.into()),
            },
        }
    }

    /// Nothing is held back here; see [`Screen::drain`].
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write_all(mut output: impl Write, texts: &Receiver<Text>, broken: &Broken) {
    let mut writes = true;
    for text in texts {
        match text {
            Text::Write(bytes) if writes => {
                if let Err(error) = output.write_all(&bytes).and_then(|()| output.flush()) {
                    writes = false;
                    *broken.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.into());
                }
            }
            Text::Write(_) => {}
            Text::Mark(stream) => drop(stream),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_written_in_order() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let mut screen = Screen::new(theirs).unwrap();
        for _ in 0..1000 {
            screen.write_all(b"0123456789").unwrap();
        }
        let mut read = Vec::new();
        (&ours).take(10_000).read_to_end(&mut read).unwrap();
        assert_eq!(read, b"0123456789".repeat(1000));
        screen.drain();
        assert!(!screen.is_deserted());
        assert_eq!(screen.lost(), None);
    }

    #[test]
    fn a_reader_that_does_not_read_keeps_nobody_waiting_and_one_that_goes_is_noticed() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let mut screen = Screen::new(theirs).unwrap();
        screen.write_all(&vec![0; 10 << 20]).unwrap();
        let (stop, order) = UnixStream::pair().unwrap();
        (&order).write_all(b"x").unwrap();
        screen.wait(None, stop.as_fd(), None);
        drop(ours);
        let (never, _order) = UnixStream::pair().unwrap();
        screen.wait(None, never.as_fd(), None);
        assert!(screen.is_deserted());
        assert!(screen.write_all(b"x").is_err());
    }
}
