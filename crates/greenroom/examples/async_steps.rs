//! A test program whose step functions are `async`: the tests of the harness run it on documents of their
//! own.

#![expect(clippy::panic, clippy::print_stdout, reason = "step functions of users do that")]

use std::error::Error;
use std::io;
use std::thread;
use std::time::Duration;

use greenroom::{given, step, then, when};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{self, JoinHandle};

greenroom::acceptance_tests!("x.md");

/// What a scenario keeps.
#[derive(Debug, Default)]
struct Client {
    connection: Option<BufReader<TcpStream>>,
    answer: String,
    task: Option<JoinHandle<u32>>,
}

#[given("an echo server on port {port}")]
async fn server(port: u16) -> io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(echo(stream));
        }
    });
    Ok(())
}

async fn echo(stream: TcpStream) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while stream.read_line(&mut line).await? > 0 {
        stream.get_mut().write_all(format!("echo {line}").as_bytes()).await?;
        line.clear();
    }
    Ok(())
}

#[when("I connect to port {port}", cleanup = hang_up)]
async fn connect(client: &mut Client, port: u16) -> io::Result<()> {
    client.connection = Some(BufReader::new(TcpStream::connect(("127.0.0.1", port)).await?));
    Ok(())
}

#[step]
async fn hang_up(client: &mut Client) -> io::Result<()> {
    if let Some(mut connection) = client.connection.take() {
        connection.shutdown().await?;
        println!("hung up");
    }
    Ok(())
}

#[when("I say {what}")]
async fn say(client: &mut Client, what: &str) -> Result<(), Box<dyn Error>> {
    let connection = client.connection.as_mut().ok_or("not connected")?;
    connection.write_all(format!("{what}\n").as_bytes()).await?;
    client.answer.clear();
    connection.read_line(&mut client.answer).await?;
    Ok(())
}

#[then("the answer is {expected:text}")]
async fn answer(client: &Client, expected: &str) {
    assert_eq!(client.answer.trim_end(), expected);
}

#[when("a task begins that takes {time} ms")]
async fn begin(client: &mut Client, time: u64) {
    client.task = Some(tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(time)).await;
        42
    }));
}

#[then("the task gives {expected}")]
async fn gives(client: &mut Client, expected: u32) -> Result<(), Box<dyn Error>> {
    let task = client.task.take().ok_or("the task has already been taken")?;
    assert_eq!(task.await?, expected);
    Ok(())
}

#[when("a task of it panics")]
async fn task_panics() -> Result<(), task::JoinError> {
    tokio::spawn(async { panic!("lost the key") }).await
}

#[when("it panics later")]
async fn panics() {
    tokio::time::sleep(Duration::from_millis(1)).await;
    panic!("out of tea");
}

#[when("it never ends")]
async fn never() {
    println!("before the end");
    std::future::pending::<()>().await;
}

#[when("it leaves a task that blocks")]
async fn leaves() {
    task::spawn_blocking(thread::park);
}
