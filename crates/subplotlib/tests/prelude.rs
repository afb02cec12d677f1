//! A step file that imports the prelude, as `codegen!` does for files that do not.

#![deny(unused_imports)]

subplotlib::codegen!("tests/documents/prelude.subplot");
