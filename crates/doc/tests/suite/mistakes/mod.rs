//! Mistakes in documents and bindings, and all that is said about each.

mod bindings;
mod blocks;
mod files;
mod helpers;
mod metadata;
mod steps;
