//! Writes to standard output, and to files of reports, without ever blocking the run.
//!
//! A pager left open, a stopped terminal or a slow pipe must not hold up time limits or Ctrl-C. So
//! a thread writes, and what it has not written yet waits in memory, where a whole report has room.
//! A regular file has no reader to wait for: what is written to it is written at once, which saves
//! switching to the thread and back for each event.

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

/// An output whose reader never blocks the run.
#[derive(Clone)]
pub(crate) struct Screen {
    way: Way,
    error: SharedError,
}

/// How an output is written.
#[derive(Clone)]
enum Way {
    /// A thread writes what it receives.
    Thread(Sender<Message>),
    /// It is a regular file, which is written at once.
    Direct(Arc<Mutex<dyn Write + Send>>),
}

/// The error that ended writing, if any.
type SharedError = Arc<Mutex<Option<WriteError>>>;

/// Why the output could not be written.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub(crate) struct WriteError {
    kind: io::ErrorKind,
    message: String,
    /// Whether the reader is gone.
    is_closed: bool,
}

impl WriteError {
    /// Returns whether the reader went away or the terminal was closed.
    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed
    }
}

impl From<io::Error> for WriteError {
    fn from(error: io::Error) -> Self {
        let kind = error.kind();
        // A closed terminal gives EIO.
        let is_closed = kind == io::ErrorKind::BrokenPipe || error.raw_os_error() == Some(Errno::IO.raw_os_error());
        Self { kind, message: error.to_string(), is_closed }
    }
}

/// What the thread receives.
#[derive(Debug)]
enum Message {
    Write(Vec<u8>),
    /// A stream to close once everything before it is written.
    Mark(UnixStream),
}

impl Screen {
    pub(crate) fn new(output: impl Write + Send + 'static) -> io::Result<Self> {
        let (messages, received) = channel();
        let error = SharedError::default();
        let shared = Arc::clone(&error);
        thread::Builder::new().name("screen".to_owned()).spawn(move || write_all(output, &received, &shared))?;
        Ok(Self { way: Way::Thread(messages), error })
    }

    /// Creates the output for a regular file.
    pub(crate) fn direct(output: impl Write + Send + 'static) -> Self {
        Self { way: Way::Direct(Arc::new(Mutex::new(output))), error: SharedError::default() }
    }

    /// Returns why nothing more is written, if a write failed.
    pub(crate) fn error(&self) -> Option<WriteError> {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns whether the reader of the output went away or the terminal was closed.
    pub(crate) fn is_closed(&self) -> bool {
        self.error().is_some_and(|error| error.is_closed)
    }

    /// Returns why output was lost, unless its reader went away.
    pub(crate) fn lost(&self) -> Option<WriteError> {
        self.error().filter(|error| !error.is_closed)
    }

    /// Waits until everything is written, but not for a reader that has stopped reading.
    pub(crate) fn drain(&self) {
        if let Some(mark) = self.mark() {
            let _ = mark.set_read_timeout(Some(Duration::from_millis(200)));
            let _ = (&mark).read(&mut [0]);
        }
    }

    /// Waits until everything is written.
    #[cfg(feature = "command")]
    pub(crate) fn finish(&self) {
        if let Some(mark) = self.mark() {
            let _ = (&mark).read(&mut [0]);
        }
    }

    /// Waits until everything is written, `limit` has passed, or `stop` is readable.
    ///
    /// Whenever `pause` is readable, this process stops itself.
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

    /// Returns a stream that ends when everything before it is written. `None` if it is.
    fn mark(&self) -> Option<UnixStream> {
        let Way::Thread(messages) = &self.way else { return None };
        let (ours, theirs) = UnixStream::pair().ok()?;
        messages.send(Message::Mark(theirs)).ok()?;
        Some(ours)
    }

    fn fail(&self, error: io::Error) {
        *self.error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.into());
    }
}

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(error) = self.error() {
            return Err(io::Error::new(error.kind, error.message));
        }
        match &self.way {
            Way::Thread(messages) => match messages.send(Message::Write(bytes.to_vec())) {
                Ok(()) => Ok(bytes.len()),
                Err(_) => Err(io::ErrorKind::BrokenPipe.into()),
            },
            Way::Direct(output) => {
                let mut output = output.lock().unwrap_or_else(PoisonError::into_inner);
                output.write_all(bytes).and_then(|()| output.flush()).map(|()| bytes.len()).map_err(|error| {
                    let returned = io::Error::new(error.kind(), error.to_string());
                    self.fail(error);
                    returned
                })
            }
        }
    }

    /// Does nothing: whoever writes flushes. See [`Screen::drain`].
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Texts are written together until they have so many bytes.
const TOGETHER: usize = 64 << 10;

/// Writes what it receives until the sender is gone. After an error it drops everything.
fn write_all(mut output: impl Write, messages: &Receiver<Message>, shared: &SharedError) {
    let mut writes = true;
    let mut next = None;
    while let Some(message) = next.take().or_else(|| messages.recv().ok()) {
        match message {
            Message::Write(mut bytes) if writes => {
                // What has come in the meantime goes with it: many events, one write.
                next = messages.try_recv().ok();
                while let Some(Message::Write(more)) = &next
                    && bytes.len() < TOGETHER
                {
                    bytes.extend_from_slice(more);
                    next = messages.try_recv().ok();
                }
                if let Err(error) = output.write_all(&bytes).and_then(|()| output.flush()) {
                    writes = false;
                    *shared.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.into());
                }
            }
            Message::Write(_) => {}
            Message::Mark(stream) => drop(stream),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_written_in_order() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let mut screen = Screen::new(theirs).unwrap();
        for _ in 0..1000 {
            screen.write_all(b"0123456789").unwrap();
        }
        let mut read = Vec::new();
        (&ours).take(10_000).read_to_end(&mut read).unwrap();
        assert_eq!(read, b"0123456789".repeat(1000));
        screen.drain();
        assert!(!screen.is_closed());
        assert!(screen.lost().is_none());
    }

    #[test]
    fn a_slow_reader_does_not_block_and_a_closed_one_is_noticed() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let mut screen = Screen::new(theirs).unwrap();
        screen.write_all(&vec![0; 10 << 20]).unwrap();
        let (stop, order) = UnixStream::pair().unwrap();
        (&order).write_all(b"x").unwrap();
        screen.wait(None, stop.as_fd(), None);
        drop(ours);
        let (never, _order) = UnixStream::pair().unwrap();
        screen.wait(None, never.as_fd(), None);
        assert!(screen.is_closed());
        assert!(screen.write_all(b"x").is_err());
    }
}
