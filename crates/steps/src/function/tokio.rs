//! Step functions that are `async`: a runtime for each scenario.

use std::rc::Rc;

use ::tokio::runtime::{Builder, Runtime};

use crate::context::Context;
use crate::step::Failure;

/// The runtime of a scenario, from its first `async` function on.
#[derive(Debug, Default)]
struct Running(Option<Rc<Runtime>>);

impl Drop for Running {
    /// Ends the runtime without waiting for tasks that block: they end with the process.
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take().and_then(Rc::into_inner) {
            runtime.shutdown_background();
        }
    }
}

/// Returns the runtime of the scenario. Its tasks go on between steps.
///
/// # Errors
///
/// When the machine has no thread left for it.
pub fn runtime(context: &mut Context) -> Result<Rc<Runtime>, Failure> {
    let running = context.state::<Running>();
    if let Some(runtime) = &running.0 {
        return Ok(Rc::clone(runtime));
    }
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime =
        Rc::new(runtime.map_err(|error| Failure::new(format!("cannot start the runtime of tokio: {error}")))?);
    running.0 = Some(Rc::clone(&runtime));
    Ok(runtime)
}
