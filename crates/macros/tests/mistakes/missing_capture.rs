use greenroom_macros::{given, when};

#[derive(Default)]
struct Shop;

#[given("a shop that sells {article}")]
fn shop(_shop: &mut Shop) {}

#[when("{count} pieces are sold")]
fn sell(shop: Shop, count: u32) {}

fn main() {}
