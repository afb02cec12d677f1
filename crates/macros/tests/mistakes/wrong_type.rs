#![allow(unused)]

use std::str::FromStr;

use greenroom_macros::{given, then, when};

// This file is the crate that the attributes name.
extern crate self as greenroom;

pub mod __private {
    pub use greenroom_steps::function::call::{call, catch, lend, take_back};
    pub use greenroom_steps::function::capture::{Checks, Function, Parameter, file, parameter, text};
    pub use greenroom_steps::function::outcome::{Outcome, Returned, WithCauses, WithoutCauses, returned};
    pub use greenroom_steps::function::{Pattern, StepDefinition, inventory};
    pub use greenroom_steps::{Captures, Context, PreflightState, Problem, StepResult};
}

pub enum Colour {
    Red,
}

pub struct Size;

pub struct Unreadable;

impl FromStr for Size {
    type Err = Unreadable;

    fn from_str(_: &str) -> Result<Self, Unreadable> {
        Ok(Self)
    }
}

#[given("it is {colour}")]
fn colour(colour: Colour) {}

#[given("it may be {colour}")]
fn perhaps(colour: Option<Colour>) {}

#[given("its size is {size}")]
fn size(size: Size) {}

#[given("bytes {bytes}")]
fn bytes(bytes: Vec<u8>) {}

#[when("it is kept")]
fn kept(kept: &mut Colour) {}

#[then("it is true")]
fn truth() -> bool {
    true
}

#[then("it has a value")]
fn value() -> Result<u32, String> {
    Ok(1)
}

#[then("it fails")]
fn fails() -> Result<(), Unreadable> {
    Ok(())
}

fn main() {}
