//! Counts votes over TCP: `vote tea` adds one, `votes tea` asks for their number.
//!
//! It is the server of `tests/tally.md`: small, but it keeps something, and can be restarted.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::ExitCode;
use std::{env, fs};

fn main() -> ExitCode {
    match env::args().nth(1).map(|port| serve(&port)) {
        Some(Ok(())) => ExitCode::SUCCESS,
        Some(Err(error)) => fail(&error.to_string()),
        None => fail("the port is missing"),
    }
}

fn fail(reason: &str) -> ExitCode {
    let _ = writeln!(io::stderr(), "tally: {reason}");
    ExitCode::from(2)
}

fn serve(port: &str) -> io::Result<()> {
    let mut votes = Votes::read(Path::new("votes"))?;
    let listener = TcpListener::bind(format!("127.0.0.1:{port}"))?;
    writeln!(io::stdout(), "counting {} votes", votes.counts.values().sum::<u64>())?;
    for stream in listener.incoming() {
        // A client that leaves is no reason to end.
        let _ = talk(&mut votes, &stream?);
    }
    Ok(())
}

fn talk(votes: &mut Votes, stream: &TcpStream) -> io::Result<()> {
    let mut answers = stream.try_clone()?;
    for line in BufReader::new(stream).lines() {
        let line = line?;
        let answer = match line.split_once(' ') {
            Some(("vote", what)) => format!("{}\n", votes.add(what)?),
            Some(("votes", what)) => format!("{}\n", votes.counts.get(what).unwrap_or(&0)),
            _ => format!("error: expected `vote THING` or `votes THING`, not `{line}`\n"),
        };
        // In one piece: the kernel holds a second small one back until the first is confirmed.
        answers.write_all(answer.as_bytes())?;
    }
    Ok(())
}

/// The votes, which are also in a file.
struct Votes<'a> {
    file: &'a Path,
    counts: BTreeMap<String, u64>,
}

impl<'a> Votes<'a> {
    fn read(file: &'a Path) -> io::Result<Self> {
        let text = match fs::read_to_string(file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            text => text?,
        };
        let count = |line: &str| {
            let (count, what) = line.split_once(' ')?;
            Some((what.to_owned(), count.parse().ok()?))
        };
        let counts = text.lines().map(|line| count(line).ok_or_else(|| io::Error::other("the votes are unreadable")));
        Ok(Self { file, counts: counts.collect::<io::Result<_>>()? })
    }

    fn add(&mut self, what: &str) -> io::Result<u64> {
        let count = self.counts.entry(what.to_owned()).or_default();
        *count += 1;
        let count = *count;
        let lines = self.counts.iter().map(|(what, count)| format!("{count} {what}\n"));
        fs::write(self.file, lines.collect::<String>())?;
        Ok(count)
    }
}
