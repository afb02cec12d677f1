use greenroom_macros::{given, step};

#[given(A_CONSTANT)]
fn constant() {}

#[given(concat!("a", "b"))]
fn concatenated() {}

#[given('a')]
fn character() {}

#[given(regex)]
fn no_regex() {}

#[given(regex = 5)]
fn number() {}

#[given("a", cleanup = "close")]
fn quoted() {}

#[given("a", cleanup = other::close)]
fn path() {}

#[given("a", cleanup)]
fn no_cleanup() {}

#[given("a", cleanup = one, cleanup = two)]
fn two_cleanups() {}

#[given("a", "b")]
fn two_patterns() {}

#[step(cleanup = close, name = "x")]
fn named() {}

fn main() {}
