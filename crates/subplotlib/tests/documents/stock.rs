mod stock {
    use super::Shop;
    // What the prelude has too.
    use culpa::throw;
    use lazy_static::lazy_static;
    use subplotlib::prelude::*;

    lazy_static! {
        static ref PRICE: f64 = 2.75;
    }

    #[step]
    pub fn sell(shop: &mut Shop, count: usize) {
        if count == 0 {
            throw!("nothing to sell");
        }
        shop.take(count)?;
        shop.till += *PRICE * f64::from(u32::try_from(count)?);
    }
}
