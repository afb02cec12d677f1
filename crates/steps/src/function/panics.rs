//! Panics of the user's own code: where they were, and what they say.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe, Location, PanicHookInfo, catch_unwind};
use std::thread;

thread_local! {
    /// Where this thread panicked last.
    static PANICKED_AT: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// A panic that was caught.
#[derive(Debug)]
pub(super) struct Panic {
    /// What it says, if that is a text.
    pub(super) message: Option<String>,
    /// The file, line and column.
    pub(super) place: Option<String>,
}

/// Notes where the thread that runs the steps panics, and prints panics of other threads.
///
/// The first becomes the failure of a step. Nothing else would say the second.
#[expect(clippy::print_stderr, reason = "the output of a step function is for whoever reads its failure")]
pub fn hook(info: &PanicHookInfo<'_>) {
    let place = info.location().map(Location::to_string);
    if runs_steps() {
        PANICKED_AT.with_borrow_mut(|last| *last = place);
    } else {
        let current = thread::current();
        let (name, place) = (current.name().unwrap_or("<unnamed>"), place.unwrap_or_default());
        eprintln!("thread '{name}' panicked at {place}:\n{}", message(info.payload()).unwrap_or("without a message"));
    }
}

/// Whether this thread is the one that runs the steps: the first of its process, which may be without a name.
fn runs_steps() -> bool {
    rustix::thread::gettid() == rustix::process::getpid()
}

/// Calls code of the user's own where [`hook`] is set.
pub(super) fn catch<R>(body: impl FnOnce() -> R) -> Result<R, Panic> {
    catch_unwind(AssertUnwindSafe(body))
        .map_err(|panic| Panic { message: message(&*panic).map(str::to_owned), place: PANICKED_AT.take() })
}

/// Calls code of the user's own where [`hook`] is not set.
pub(super) fn catch_with_hook<R>(body: impl FnOnce() -> R) -> Result<R, Panic> {
    let before = panic::take_hook();
    panic::set_hook(Box::new(hook));
    let result = catch(body);
    panic::set_hook(before);
    result
}

fn message(panic: &(dyn Any + Send)) -> Option<&str> {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
}
