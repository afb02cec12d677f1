use greenroom_macros::{given, step, then, when};

struct Shop;

#[given("a shop")]
struct Other;

#[when("it opens")]
fn open<T>(_shop: &mut T) {}

#[then("it is {what}")]
fn is(what: &str, Shop: Shop) {}

#[step("a pattern")]
fn named() {}

#[when("it rains", cleanup = dry, twice = 3)]
fn rain() {}

#[then("it is twice")]
fn twice(_one: &mut u32, _other: &mut u32) {}

fn main() {}
