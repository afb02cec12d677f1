// The step file repeats what generated code imports.
pub use subplotlib::prelude::*;

use std::fmt;
use std::path::Path;

use subplotlib::steplibrary::datadir::Datadir;
use subplotlib::steplibrary::files;

/// What the shop has.
#[derive(Debug, Default)]
struct Shop {
    name: String,
    left: usize,
    till: f64,
}

impl ContextElement for Shop {
    fn created(&mut self, scenario: &Scenario) {
        self.name = "a shop".to_owned();
        assert!(!scenario.title().is_empty());
        scenario.register_context_type::<Counter>();
    }
}

/// A context that only another one names.
#[derive(Debug, Default)]
struct Counter {
    events: Vec<String>,
}

impl ContextElement for Counter {
    fn scenario_starts(&mut self) -> StepResult {
        self.events.push("scenario starts".to_owned());
        Ok(())
    }

    fn step_starts(&mut self, step_title: &str) -> StepResult {
        self.events.push(step_title.to_owned());
        Ok(())
    }
}

/// An error of our own.
#[derive(Debug)]
struct SoldOut(usize);

impl fmt::Display for SoldOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} are left", self.0)
    }
}

impl std::error::Error for SoldOut {}

impl Shop {
    #[throws(SoldOut)]
    fn take(&mut self, count: usize) -> usize {
        if count == 0 {
            return self.left;
        }
        let mut counts = [count].into_iter().map(|count| {
            // This returns from the closure.
            return count;
        });
        self.left = self.left.checked_sub(counts.next().unwrap_or_default()).ok_or(SoldOut(self.left))?;
        self.left
    }
}

/// Opens the shop.
#[step]
fn open(shop: &mut Shop, count: usize, what: &str) {
    if !what.ends_with("apples") {
        throw!(format!("we do not sell {what}"));
    }
    shop.left = count;
}

#[step]
fn close(_shop: &mut Shop, _count: usize, _what: &str) {}

#[step]
fn sell_list(context: &mut Shop, list: SubplotDataFile) {
    assert_eq!(list.name(), Path::new("list.txt"));
    let text = std::str::from_utf8(list.data())?;
    let (count, _) = text.split_once(' ').ok_or("a count, a space, a thing")?;
    context.take(count.parse()?)?;
}

#[step]
#[context(Shop)]
fn sell_all_but(context: &ScenarioContext, count: usize) {
    let left = context.with(|shop: &Shop| Ok(shop.left), false)?;
    if left == count {
        return;
    }
    stock::sell::call(context, left - count)?;
    left::call(context, i32::try_from(count)?)?;
}

#[step]
#[allow(clippy::cast_sign_loss)]
fn left(shop: &Shop, count: i32) {
    assert_eq!(shop.left, count as usize, "a message of our own");
}

#[step]
fn till(shop: &Shop, amount: f64) {
    if (shop.till - amount).abs() > 0.001 {
        throw!("the till is wrong");
    }
}

#[step]
fn called(shop: &Shop, name: &str) {
    assert_eq!(shop.name, name);
}

#[step]
fn opened_in_time(counter: &mut Counter) {
    let events: Vec<&str> = counter.events.iter().take(2).map(String::as_str).collect();
    assert_eq!(events, ["scenario starts", "given a shop with 4 apples"]);
}

#[step]
fn is_of_type(_shop: &Shop, _type: &str) {
    assert_eq!(_type, "fruit");
}

#[step]
#[context(Datadir)]
fn written(context: &ScenarioContext, path: &Path, price: i64) {
    assert_eq!(price, -3);
    context.with(
        |datadir: &Datadir| {
            datadir.create_dir_all("shelf")?;
            assert!(datadir.canonicalise_filename("../x").is_err());
            Ok(())
        },
        false,
    )?;
    files::create_from_text::call(context, "3", path)?;
    files::file_contains::call(context, path, "3")?;
}

#[cfg(any())]
#[step]
fn removed_by_cfg(_: &Shop) {}
