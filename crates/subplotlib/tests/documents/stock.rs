mod stock {
    use super::Shop;
    use subplotlib::prelude::*;

    #[step]
    pub fn sell(shop: &mut Shop, count: usize) {
        shop.take(count)?;
        shop.till += 2.75 * f64::from(u32::try_from(count)?);
    }
}
