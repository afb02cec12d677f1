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

#[when("a customer buys {count} apples")]
fn buy(shop: &mut Shop, count: u32) -> Result<(), String> {
    shop.stock = shop.stock.checked_sub(count).ok_or("the shop has not enough apples")?;
    Ok(())
}

#[then("{count} apples are left")]
fn left(shop: &Shop, count: u32) {
    assert_eq!(shop.stock, count);
}
