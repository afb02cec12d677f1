//! A step file that names files beside the test, as it could with subplotlib.

#![allow(missing_docs, clippy::allow_attributes_without_reason, reason = "written as users write it")]

subplotlib::codegen!("tests/documents/../documents/beside.subplot");
