//! The step functions of `tally.md`. Steps about the server as a process are greenroom's own.

use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;

use greenroom::{Context, StepResult, given, then, when};

greenroom::acceptance_tests!("tests/tally.md");

const PORT: u16 = 7000;

/// The connection to the server.
#[derive(Default)]
struct Booth {
    connection: Option<BufReader<TcpStream>>,
}

impl Booth {
    /// Sends a line, and returns the answer.
    fn ask(&mut self, line: &str) -> io::Result<String> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(BufReader::new(TcpStream::connect(("127.0.0.1", PORT))?)),
        };
        // In one piece: the kernel holds a second small one back until the first is confirmed.
        connection.get_mut().write_all(format!("{line}\n").as_bytes())?;
        let mut answer = String::new();
        connection.read_line(&mut answer)?;
        Ok(answer.trim_end().to_owned())
    }
}

#[given("an open poll")]
fn open_poll(context: &mut Context) -> StepResult {
    let command = format!("{} {PORT}", env!("CARGO_BIN_EXE_tally"));
    context.start_daemon_on_port("tally", &command, PORT)
}

#[when("{person} votes for {what}")]
fn vote(booth: &mut Booth, _person: &str, what: &str) -> io::Result<()> {
    booth.ask(&format!("vote {what}")).map(drop)
}

#[then("{what} has {expected} votes")]
fn has_votes(booth: &mut Booth, what: &str, expected: u64) -> Result<(), Box<dyn std::error::Error>> {
    let actual: u64 = booth.ask(&format!("votes {what}"))?.parse()?;
    assert_eq!(actual, expected, "votes for {what}");
    Ok(())
}

#[when("everybody leaves the booth")]
fn leave(booth: &mut Booth) {
    booth.connection = None;
}
