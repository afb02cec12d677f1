//! One target, fed for a while.

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::mutate::{LONGEST, mutate};
use crate::seeds;
use crate::target::Target;

/// An input that takes longer, in seconds, is a hang. Generous, since machines of CI are shared.
const HANG: u32 = 20;
/// Inputs that are kept for further mutation, beside the seeds.
const KEPT: usize = 4000;

/// What a campaign did.
#[derive(Debug, Clone, Copy)]
pub struct Summary {
    /// How many inputs the target took.
    pub inputs: u64,
    /// How many different fingerprints it returned.
    pub fingerprints: usize,
}

/// Feeds a target for `time` with inputs that depend on `seed` alone.
///
/// # Errors
///
/// If an input panics. The message names the file below `directory` that has it. An input that hangs ends the process,
/// with a message like it.
pub fn run(target: &Target, time: Duration, seed: u64, directory: &Path) -> Result<Summary, String> {
    let end = Instant::now() + time;
    let trial = Trial::new(target, directory)?;
    let mut rng = Rng::with_seed(seed);
    let mut corpus = seeds::of(target)?;
    let mut beginnings = beginnings(&corpus, &mut rng);
    let mut fingerprints = HashSet::new();
    let mut inputs = 0;
    let mut take = |input: &[u8]| -> Result<bool, String> {
        inputs += 1;
        Ok(fingerprints.insert(trial.run(input)?))
    };
    for input in &corpus {
        take(input)?;
    }
    // Beginnings and mutations take turns, so that a short campaign has some of both.
    while Instant::now() < end {
        if let Some((index, length)) = beginnings.pop() {
            take(&corpus[index][..length])?;
        }
        let (input, other) = (rng.usize(..corpus.len()), rng.usize(..corpus.len()));
        let input = mutate(&corpus[input], &corpus[other], target.dictionary, &mut rng);
        if take(&input)? && corpus.len() < KEPT {
            corpus.push(input);
        }
    }
    Ok(Summary { inputs, fingerprints: fingerprints.len() })
}

/// Feeds a target with one input, as it is.
pub fn replay(target: &Target, input: &[u8]) {
    let (_alive, heartbeat) = channel();
    let what = target.name.to_owned();
    std::thread::spawn(move || watch(&heartbeat, &what));
    (target.run)(input);
}

/// Every beginning of every input, each as index and length, shuffled.
fn beginnings(corpus: &[Vec<u8>], rng: &mut Rng) -> Vec<(usize, usize)> {
    let of_one = |(index, input): (usize, &Vec<u8>)| (0..input.len().min(LONGEST)).map(move |length| (index, length));
    let mut all: Vec<(usize, usize)> = corpus.iter().enumerate().flat_map(of_one).collect();
    rng.shuffle(&mut all);
    all
}

/// Runs inputs so that whatever they do, the culprit is on disk.
struct Trial<'a> {
    target: &'a Target,
    /// Has the input that runs. It stays there when the process dies.
    current: File,
    path: PathBuf,
    alive: std::sync::mpsc::Sender<()>,
}

impl<'a> Trial<'a> {
    fn new(target: &'a Target, directory: &Path) -> Result<Self, String> {
        let path = directory.join(target.name);
        let failed = |error: io::Error| format!("failed to write {}: {error}", path.display());
        std::fs::create_dir_all(directory).map_err(failed)?;
        let current = File::create(&path).map_err(failed)?;
        let (alive, heartbeat) = channel();
        let what = format!("target {}, input {}", target.name, path.display());
        std::thread::spawn(move || watch(&heartbeat, &what));
        Ok(Self { target, current, path, alive })
    }

    /// The fingerprint of an input; an error when it panics.
    fn run(&self, input: &[u8]) -> Result<u64, String> {
        let written = self.current.set_len(0).and_then(|()| self.current.write_all_at(input, 0));
        written.map_err(|error| format!("failed to write {}: {error}", self.path.display()))?;
        self.attempt(input).ok_or_else(|| self.save(input))
    }

    /// The fingerprint of an input, if it does not panic.
    fn attempt(&self, input: &[u8]) -> Option<u64> {
        // The watch ends only with this.
        let _ = self.alive.send(());
        catch_unwind(AssertUnwindSafe(|| (self.target.run)(input))).ok()
    }

    /// Makes an input that panics as small as it can be, writes it to a file, and says how to run it again.
    fn save(&self, input: &[u8]) -> String {
        // The hook has printed the panic. Smaller inputs that also panic would print it again.
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let small = minimize(input.to_vec(), |input| self.attempt(input).is_none());
        std::panic::set_hook(hook);
        let path = self.path.with_extension("panic");
        if let Err(error) = std::fs::write(&path, &small) {
            return format!("failed to write {}: {error}", path.display());
        }
        let (name, bytes) = (self.target.name, small.len());
        let replay = format!("cargo xtask fuzz replay {name} {}", path.display());
        format!("target {name} panics with an input of {bytes} bytes\nreplay: {replay}")
    }
}

/// Ends the process when nothing is heard for too long.
#[expect(clippy::exit, clippy::print_stderr, reason = "the thread that hangs cannot be stopped in any other way")]
fn watch(heartbeat: &Receiver<()>, what: &str) {
    // Counted second by second, so that a machine that was asleep counts as one.
    let mut silent = 0;
    loop {
        match heartbeat.recv_timeout(Duration::from_secs(1)) {
            Ok(()) => silent = 0,
            Err(RecvTimeoutError::Timeout) if silent < HANG => silent += 1,
            Err(RecvTimeoutError::Timeout) => {
                eprintln!("{what}: still running after {HANG} s");
                std::process::exit(1);
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Leaves out parts of an input as long as it remains bad.
fn minimize(mut input: Vec<u8>, mut is_bad: impl FnMut(&[u8]) -> bool) -> Vec<u8> {
    let mut part = input.len().div_ceil(2);
    while part > 0 {
        let mut at = 0;
        while at < input.len() {
            let mut smaller = input.clone();
            smaller.drain(at..(at + part).min(input.len()));
            if is_bad(&smaller) {
                input = smaller;
            } else {
                at += part;
            }
        }
        part /= 2;
    }
    input
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAGILE: Target = Target {
        name: "fragile",
        run: |input| {
            assert!(!input.windows(2).any(|pair| pair == b"ab"), "fragile");
            input.len() as u64
        },
        seeds: &["fuzz/Cargo.toml"],
        extensions: &[],
        dictionary: &["a", "b"],
    };

    #[test]
    fn a_panic_is_reported_with_the_smallest_input() {
        let directory = std::env::temp_dir().join(format!("greenroom-fuzz-{}", std::process::id()));
        let error = Trial::new(&FRAGILE, &directory).unwrap().run(b"some text with ab in it").unwrap_err();
        let input = std::fs::read(directory.join("fragile.panic")).unwrap();
        std::fs::remove_dir_all(&directory).unwrap();
        assert_eq!(input, b"ab");
        assert!(error.contains("cargo xtask fuzz replay fragile "), "{error}");
    }

    #[test]
    fn every_beginning_comes_once() {
        let mut all = beginnings(&[b"abc".to_vec(), Vec::new(), b"d".to_vec()], &mut Rng::with_seed(1));
        all.sort_unstable();
        assert_eq!(all, [(0, 0), (0, 1), (0, 2), (2, 0)]);
    }
}
