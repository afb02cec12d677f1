use greenroom_macros::{given, then, when};

#[given("a shop that sells {article:wrod}")]
fn shop(article: &str) {}

#[when("when it rains")]
fn rain() {}

#[then(regex = "it (rains|snows")]
fn weather() {}

#[given]
fn nothing() {}

#[when("I see {a thing}")]
fn see() {}

#[then("{one} is {one}")]
fn same(one: &str) {}

fn main() {}
