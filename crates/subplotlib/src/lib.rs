//! Step files and documents that were written for the crate `subplotlib` 0.11 to 0.14.
//!
//! A package renames the dependency and changes nothing else:
//!
//! ```toml
//! [dev-dependencies]
//! subplotlib = { package = "greenroom-subplotlib", version = "0.1" }
//! ```
//!
//! [`codegen!`] makes a test of each scenario of a document. Tests run in the threads of the standard
//! harness. A scenario has a directory of its own as soon as one of its steps uses
//! [`Datadir`](steplibrary::datadir::Datadir); it is removed at the end.
//!
//! | module | contents |
//! |---|---|
//! | `types` | the error and the result of a step |
//! | `file` | embedded files |
//! | `scenario` | scenarios, their contexts, and their steps: the loop of a run |
//! | `escapes` | escapes in the texts of generated code of version 0.11 |
//! | `failure` | why a step failed, as its test shows it |
//! | `steplibrary` | the steps of the libraries `datadir`, `files` and `runcmd` |
//! | `prelude` | all that step files use |

#![forbid(unsafe_code)]

// The attribute `step` writes paths from `::subplotlib`, also here.
extern crate self as subplotlib;

mod context;
mod escapes;
mod failure;
pub mod file;
pub mod prelude;
pub mod scenario;
pub mod step;
pub mod steplibrary;
pub mod types;
pub mod utils;

/// Makes a test of each scenario of a document.
///
/// The document is a `.subplot` or Markdown file. Its path begins in the directory of the package. The files
/// under `impls: rust:` become part of the module, and functions are needed only for bindings that scenarios
/// use. `include` and `exclude` select scenarios by a list of labels; `-LABEL` stands for scenarios without it:
///
/// ```ignore
/// subplotlib::codegen!("shop.subplot", exclude = "slow");
/// ```
///
/// A changed document is compiled again. Mistakes in it are errors of the compiler, all at once.
pub use greenroom_subplotlib_macros::codegen;

#[doc(hidden)]
pub mod __private {
    //! What code written by macros uses.

    pub mod prelude {
        //! The prelude with the macro of the crate `lazy_static` itself.
        //!
        //! A file that a macro includes cannot import that macro and another one of its name.

        #[doc(no_inline)]
        pub use culpa::{throw, throws};
        pub use greenroom_subplotlib_macros::step;
        #[doc(hidden)]
        pub use lazy_static::lazy_static;

        pub use crate::file::SubplotDataFile;
        pub use crate::scenario::{ContextElement, Scenario, ScenarioContext};
        pub use crate::step::ScenarioStep;
        pub use crate::types::{StepError, StepResult};
        pub use crate::utils::base64_decode;
    }

    pub use crate::failure::Failure;
    pub use crate::scenario::generated::{number, run};
}
