//! Counts how often it is asked, for `examples/counter.md`: the smallest service that keeps something.

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
    let _ = writeln!(io::stderr(), "counter: {reason}");
    ExitCode::from(2)
}

fn serve(port: &str) -> io::Result<()> {
    let file = Path::new("count");
    let mut count: u64 = match fs::read_to_string(file) {
        Ok(text) => text.trim().parse().map_err(|_| io::Error::other("count is not a number"))?,
        Err(_) => 0,
    };
    let listener = TcpListener::bind(format!("127.0.0.1:{port}"))?;
    writeln!(io::stdout(), "counts from {count}")?;
    for stream in listener.incoming() {
        let mut stream = stream?;
        let Some(request) = read_head(&stream)? else { continue };
        let (status, body) = if request.starts_with("POST /count ") {
            count += 1;
            fs::write(file, count.to_string())?;
            ("200 OK", format!("{{\"count\": {count}}}"))
        } else {
            ("404 Not Found", "{\"error\": \"only POST /count\"}".to_owned())
        };
        let length = body.len();
        write!(
            stream,
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )?;
    }
    Ok(())
}

/// Reads a request up to its empty line, and returns its first line.
fn read_head(stream: &TcpStream) -> io::Result<Option<String>> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next().transpose()?;
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    Ok(first)
}
