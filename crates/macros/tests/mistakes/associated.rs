use greenroom_macros::{given, step, then, when};

struct Shop;

impl Shop {
    #[given("a shop")]
    fn shop() {}

    #[when("it opens")]
    fn open(&mut self) {}

    #[then("it is {what}")]
    fn is(_what: &str, _shop: &Self) {}
}

trait Market {
    #[step]
    fn close() {}
}

fn main() {}
