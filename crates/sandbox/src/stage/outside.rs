//! Questions of a worker to the runner, about what is outside of its stage.
//!
//! A question goes over the channel like every message. The worker waits for the answer, which
//! [`RunnerEnd`](crate::launcher::RunnerEnd) gives as soon as it reads the question. The same
//! channel brings the request to stop, which ends every wait and must stay readable: if it comes
//! first, the question has no answer.

use std::os::unix::net::UnixStream;
use std::sync::{Mutex, PoisonError};

use rustix::net::{RecvFlags, recv};

use crate::launcher::channel::Pipe;
use crate::launcher::messages::{HOLDERS, MOST_QUESTIONS, encode_holders, encode_question};
use crate::process::holders::{Answers, answer_from, outsiders};

/// Has the worker ask the runner for processes that it does not see.
pub(super) fn ask_runner(channel: UnixStream) {
    let channel = Mutex::new((Pipe::new(channel), 0));
    answer_from(move |inodes| {
        let (pipe, asked) = &mut *channel.lock().unwrap_or_else(PoisonError::into_inner);
        *asked += 1;
        if *asked > MOST_QUESTIONS { None } else { ask(pipe, inodes) }
    });
}

/// Asks for the processes of sockets.
fn ask(pipe: &mut Pipe, inodes: &[u64]) -> Option<Answers> {
    pipe.send(&encode_question(inodes)).ok()?;
    // The length of the frame and its first byte.
    let mut start = [0; 5];
    let (length, _) = recv(pipe.fd(), &mut start, RecvFlags::PEEK).ok()?;
    if length < start.len() || start[4] != HOLDERS {
        return None;
    }
    serde_json::from_slice(pipe.wait_for_one()?.get(1..)?).ok()
}

/// Answers a question of a worker.
pub(crate) fn answer(pipe: &mut Pipe, inodes: &[u64]) {
    // A worker that has ended needs no answer.
    let _ = pipe.send(&encode_holders(&outsiders(inodes)));
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::launcher::channel::Received;
    use crate::launcher::messages::{INTERRUPT, decode_question};
    use crate::process::holders::Outsider;

    #[test]
    fn a_question_is_answered_from_outside() {
        let (worker, runner) = UnixStream::pair().unwrap();
        let (mut worker, mut runner) = (Pipe::new(worker), Pipe::new(runner));
        let outside = thread::spawn(move || {
            let Received::Message(frame) = runner.receive() else { panic!("no question") };
            let inodes = decode_question(&frame).unwrap();
            answer(&mut runner, &inodes);
            inodes
        });
        let found = ask(&mut worker, &[0, 1]).unwrap();
        assert_eq!(outside.join().unwrap(), [0, 1]);
        assert_eq!(found[&1], Outsider::Hidden { user: None });
        assert_eq!(ask(&mut worker, &[2]), None);
    }

    #[test]
    fn a_request_to_stop_stays_in_the_channel() {
        let (worker, runner) = UnixStream::pair().unwrap();
        let (mut worker, mut runner) = (Pipe::new(worker), Pipe::new(runner));
        runner.send(INTERRUPT).unwrap();
        assert_eq!(ask(&mut worker, &[1]), None);
        assert_eq!(worker.receive(), Received::Message(INTERRUPT.to_vec()));
    }
}
