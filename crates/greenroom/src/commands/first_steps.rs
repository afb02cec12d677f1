//! The step functions of `acceptance.md`.

use greenroom::{given, then, when};

greenroom::acceptance_tests!("tests/acceptance.md");

/// What a scenario keeps.
#[derive(Default)]
struct Shop {
    stock: u32,
}

#[given("a shop with {count} apples")]
fn shop(shop: &mut Shop, count: u32) {
    shop.stock = count;
}

#[when("{person} buys {count} apples")]
fn buy(shop: &mut Shop, person: &str, count: u32) -> Result<(), String> {
    shop.stock = shop.stock.checked_sub(count).ok_or(format!("not enough apples for {person}"))?;
    Ok(())
}

#[then("{count} apples are left")]
fn left(shop: &Shop, count: u32) {
    assert_eq!(shop.stock, count);
}
