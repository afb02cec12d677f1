use subplotlib::prelude::*;

#[derive(Debug, Default)]
struct Count(u64);

impl ContextElement for Count {}

#[step]
fn count(total: &mut Count, count: u64) {
    total.0 += count;
}
