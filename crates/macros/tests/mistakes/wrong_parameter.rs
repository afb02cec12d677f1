use greenroom_macros::{given, then, when};

#[given("{name} by mutable reference")]
fn mutable(name: &mut str) {}

#[given("{name} by reference")]
fn reference(name: &String) {}

#[given("{name} for ever")]
fn lasting(name: &'static str) {}

#[given("{name} or nothing")]
fn optional(name: Option<&str>) {}

#[given("{name} of any type")]
fn any(name: impl ToString) {}

#[given("{name} as an object")]
fn object(name: &dyn ToString) {}

#[given("{name} without a name")]
fn nameless(_: u8) {}

#[when("the context is taken")]
fn owned(context: Context) {}

#[when("the context is taken twice")]
fn twice(one: &mut Context, other: &Context) {}

#[when(regex = r"I have (\d+) apples")]
fn unnamed(count: u32) {}

#[when("I have {count} apples")]
fn stock(count: u32, stock: Stock) {}

#[then("it is a method")]
fn method(&self) {}

fn main() {}
