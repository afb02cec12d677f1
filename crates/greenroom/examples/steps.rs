//! A test program whose step functions do all that step functions do, good and bad: the tests of the
//! harness run it on documents of their own.

#![expect(
    clippy::disallowed_methods,
    clippy::exit,
    clippy::needless_pass_by_value,
    clippy::panic,
    clippy::print_stdout,
    reason = "step functions of users do all of that"
)]

use std::error::Error;
use std::fmt;
use std::io::{self, Write};
use std::path::Path;
use std::process;
use std::str::FromStr;

use greenroom::{Context, EmbeddedFile, Failure, StepResult, given, step, then, when};

greenroom::acceptance_tests!("x.md");

/// What a scenario keeps.
#[derive(Debug, Default)]
struct Shop {
    stock: Vec<String>,
    sold: u32,
}

#[derive(Debug, Default)]
struct Diary(Vec<String>);

#[derive(Debug, PartialEq)]
enum Colour {
    Red,
    Green,
}

#[derive(Debug)]
struct UnknownColour;

impl fmt::Display for UnknownColour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected red or green")
    }
}

impl Error for UnknownColour {}

impl FromStr for Colour {
    type Err = UnknownColour;

    fn from_str(text: &str) -> Result<Self, UnknownColour> {
        match text {
            "red" => Ok(Self::Red),
            "green" => Ok(Self::Green),
            _ => Err(UnknownColour),
        }
    }
}

#[given("a shop that sells {article}", cleanup = close)]
fn shop(shop: &mut Shop, diary: &mut Diary, article: &str) {
    shop.stock.push(article.to_owned());
    diary.0.push(format!("bought {article}"));
}

#[step]
fn close(shop: &Shop, article: &str) {
    println!("closing the shop that sells {article}, {} sold", shop.sold);
}

#[when("{count:int} pieces of {article} are sold")]
fn sell(shop: &mut Shop, article: &str, count: u32) -> Result<(), String> {
    if !shop.stock.iter().any(|known| known == article) {
        return Err(format!("the shop has no {article}"));
    }
    shop.sold += count;
    Ok(())
}

#[then("{expected} pieces are sold")]
fn sold(shop: &Shop, expected: u32) {
    assert_eq!(shop.sold, expected, "pieces sold");
}

#[when(regex = r"I paint it (?P<colour>\S+)(?: for (?P<days>\d+) days)?")]
fn paint(colour: Colour, days: Option<u8>) {
    println!("{colour:?} for {days:?}");
}

#[step]
fn by_binding(context: &mut Context, name: &str) {
    context.keep("greeting", format!("hello {name}"));
}

#[then("file {path} holds embedded {file}")]
fn holds(context: &Context, path: &Path, file: &EmbeddedFile) -> io::Result<()> {
    let actual = std::fs::read_to_string(context.directory().join(path))?;
    assert_eq!(actual, file.text);
    Ok(())
}

#[when("I write {name} where I am")]
fn write_here(name: &Path) -> io::Result<()> {
    std::fs::write(name, "here\n")
}

#[when("I go to {directory}")]
fn go(directory: &Path) -> io::Result<()> {
    std::fs::create_dir_all(directory)?;
    std::env::set_current_dir(directory)
}

#[when("Rust runs {command:text}")]
fn run(context: &mut Context, command: &str) -> StepResult {
    let ran = context.run(command)?;
    print!("{}", ran.stdout_text());
    Ok(())
}

#[when("Rust starts {command:text} as {name}")]
fn start(context: &mut Context, command: &str, name: &str) -> StepResult {
    context.start_daemon(name, command)
}

#[when("it fails with a boxed error")]
fn boxed() -> Result<(), Box<dyn Error>> {
    let number: u8 = "many".parse()?;
    println!("{number}");
    Ok(())
}

#[when("it fails with a failure")]
fn failure() -> StepResult {
    Err(Failure::new("no tea is left").note("since noon").help("buy some"))
}

#[when("it panics")]
fn panics() {
    println!("before the panic");
    panic!("out of tea");
}

#[when("it compares in colours")]
fn compares() {
    panic!(
        "\n\u{1b}[1mDiff\u{1b}[0m \u{1b}[31m< left\u{1b}[0m / > right :\n Tea {{\n\
         <    price: 3,\n>    price: 4,\n }}\n\n"
    );
}

#[when("two functions match {this}")]
fn matches_word(_this: &str) {}

#[when("two functions match {this:text}")]
fn matches_text(_this: &str) {}

#[when("I wait for file {name} to exist")]
fn waits(_name: &str) {}

#[when("I create directory {name}")]
fn create(_name: &str) {}

#[when("a value is asked for twice")]
fn twice(context: &mut Context, shop: &mut Shop) {
    shop.sold += 1;
    context.state::<Shop>().sold += 1;
}

#[when("it aborts")]
fn aborts() {
    println!("before the abort");
    let _ = io::stdout().flush();
    process::abort();
}

#[when("it exits with {status}")]
fn exits(status: i32) {
    println!("before the exit");
    process::exit(status);
}

#[when("it overflows its stack")]
fn overflows() {
    fn deeper(depth: u64) -> u64 {
        let page = [depth; 512];
        if depth == u64::MAX { page[0] } else { deeper(depth + 1) + page[511] }
    }
    println!("{}", deeper(0));
}

#[when("it blocks for ever")]
fn blocks() {
    println!("before the block");
    let (_sender, receiver) = std::sync::mpsc::channel::<()>();
    let _ = receiver.recv();
}

#[when("it leaves a thread and a child")]
fn leaves() -> io::Result<()> {
    let (sender, receiver) = std::sync::mpsc::channel::<()>();
    std::thread::spawn(move || receiver.recv());
    std::mem::forget(sender);
    process::Command::new("sleep").arg("1000").spawn()?;
    Ok(())
}

#[when("a thread of it panics")]
fn thread_panics() {
    let _ = std::thread::Builder::new()
        .name("helper".to_owned())
        .spawn(|| panic!("lost the key"))
        .map(std::thread::JoinHandle::join);
}

#[when("it prints {megabytes} MB")]
fn prints(megabytes: u32) -> io::Result<()> {
    let line = [b'x'; 1 << 10];
    for _ in 0..megabytes << 10 {
        io::stdout().write_all(&line)?;
    }
    Ok(())
}

#[when("it prints without end")]
fn prints_for_ever() -> io::Result<()> {
    let line = [b'x'; 1 << 10];
    loop {
        io::stdout().write_all(&line)?;
    }
}

/// A type whose conversion is wrong itself.
#[derive(Debug)]
struct Fragile;

impl FromStr for Fragile {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text {
            "glass" => Ok(Self),
            "nothing" => Err(""),
            _ => panic!("cannot handle {text}"),
        }
    }
}

#[when("it carries {thing}, worth 3.50$ (net)")]
fn carries(thing: Fragile) {
    println!("{thing:?}");
}

#[given("the kept {name} is {value}")]
fn keeps(context: &mut Context, name: &str, value: &str) {
    context.keep(name, value);
}

/// What a scenario keeps whose end goes wrong as a step says.
#[derive(Debug, Default)]
struct Ending(String);

impl Drop for Ending {
    fn drop(&mut self) {
        println!("it ends");
        match self.0.as_str() {
            "panics" => panic!("cannot end"),
            "exits" => process::exit(0),
            "blocks" => blocks(),
            _ => {}
        }
    }
}

#[given("what the scenario keeps {ending} at its end")]
fn keeps_ending(kept: &mut Ending, ending: &str) {
    ending.clone_into(&mut kept.0);
}

#[then("Rust sees {text} in the output")]
fn sees(context: &mut Context, text: &str) -> StepResult {
    let ran = context.last_command()?;
    assert!(ran.stdout_text().contains(text), "{ran:?}");
    Ok(())
}

#[when("a thread without a name panics")]
fn unnamed_thread() {
    assert!(std::thread::spawn(|| panic!("lost the key")).join().is_ok(), "the thread has ended badly");
}

#[derive(Debug)]
struct NoMenu(io::Error);

impl fmt::Display for NoMenu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cannot read the menu")
    }
}

impl Error for NoMenu {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

#[when("the menu is read")]
fn read_menu() -> Result<(), NoMenu> {
    std::fs::read_to_string("menu").map(drop).map_err(NoMenu)
}

#[then("all rows are equal")]
fn rows() {
    let rows = |row: &str| (0..20).map(|n| format!("{n}: {}", if n == 12 { row } else { "tea" })).collect::<Vec<_>>();
    assert_eq!(rows("coffee"), rows("cocoa"));
}
