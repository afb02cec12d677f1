pub use subplotlib::prelude::*;

mod words;

lazy_static! {
    static ref LIST: &'static str = include_str!("words/list.txt");
}

#[derive(Debug, Default)]
struct List(String);

impl ContextElement for List {}

#[step]
fn read_list(list: &mut List) {
    list.0 = LIST.to_owned();
    // An own builder, whose method is not that of steps.
    assert_eq!(Own.build(format!("{} {}", "a", "b"), "c"), "a b c");
}

#[step]
fn has_words(list: &List, count: usize) {
    assert_eq!(words::count(&list.0), count);
}

struct Own;

impl Own {
    fn build(&self, text: String, end: &str) -> String {
        format!("{text} {end}")
    }
}
