//! The contexts of a scenario: values by type, each behind a lock.

use std::any::{Any, TypeId};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::{Mutex, TryLockError};

use crate::types::StepError;

/// Values by type.
#[derive(Default)]
pub(crate) struct Values {
    values: RefCell<HashMap<TypeId, Rc<dyn Any>>>,
}

impl Values {
    /// Adds a value of a type, unless there is one.
    pub(crate) fn add<T: Default + 'static>(&self) -> bool {
        if self.values.borrow().contains_key(&TypeId::of::<T>()) {
            return false;
        }
        // The default may take its time and panic, so nothing is borrowed.
        let value = Rc::new(Mutex::new(T::default()));
        self.values.borrow_mut().insert(TypeId::of::<T>(), value);
        true
    }

    /// Calls a function with the value of a type.
    ///
    /// If a function panicked with it before, this is an error, unless the caller accepts that.
    pub(crate) fn with<T: 'static, R>(
        &self,
        function: impl FnOnce(&mut T) -> Result<R, StepError>,
        accepts_poison: bool,
    ) -> Result<R, StepError> {
        let name = std::any::type_name::<T>();
        let value = self.values.borrow().get(&TypeId::of::<T>()).cloned();
        let value = value.and_then(|value| value.downcast::<Mutex<T>>().ok()).ok_or_else(|| {
            format!("the scenario has no context {name}; add `#[context({})]` to the step function", last(name))
        })?;
        let mut guard = match value.try_lock() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(poisoned)) if accepts_poison => poisoned.into_inner(),
            Err(TryLockError::Poisoned(_)) => {
                return Err(format!("the context {name} is invalid: an earlier step panicked while it used it").into());
            }
            Err(TryLockError::WouldBlock) => {
                return Err(format!(
                    "the context {name} is in use: `with` and `with_mut` cannot be called for it in a function that \
                     already has it"
                )
                .into());
            }
        };
        function(&mut guard)
    }
}

/// Returns the last name of a path.
fn last(path: &str) -> &str {
    path.rsplit("::").next().unwrap_or(path)
}
