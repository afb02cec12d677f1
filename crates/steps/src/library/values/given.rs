//! Steps that keep values which no service makes, and that put values into files.

use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, UdpSocket};

use super::validity;
use crate::context::Context;
use crate::library::place::{Place, cannot};
use crate::registry::{Check, Library};
use crate::step::{Captures, Failure, StepResult};

/// Adds the steps of this file.
pub(super) fn steps(library: Library) -> Library {
    library
        .step("values_keep_text", keep_text, Check::With(validity::keeps))
        .step("values_keep_random", keep_random, Check::With(validity::keeps))
        .step("values_keep_udp_port", keep_udp_port, Check::With(validity::keeps))
        .step("values_fill_in", fill_in, Check::With(validity::fills_in))
}

fn keep_text(context: &mut Context, captures: &Captures) -> StepResult {
    let text = captures.text("text")?.to_owned();
    context.keep_new(captures.text("name")?, text.into())
}

/// Keeps a text of 16 letters and digits that begins with a letter.
fn keep_random(context: &mut Context, captures: &Captures) -> StepResult {
    const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    // Each state has random keys.
    let mut number = u128::from(RandomState::new().hash_one(0)) << 64 | u128::from(RandomState::new().hash_one(1));
    let mut text = String::new();
    for count in [26, 36].into_iter().chain(std::iter::repeat_n(36, 14)) {
        text.extend(LETTERS.get(usize::try_from(number % count)?).copied().map(char::from));
        number /= count;
    }
    context.keep_new(captures.text("name")?, text.into())
}

fn keep_udp_port(context: &mut Context, captures: &Captures) -> StepResult {
    let name = captures.text("name")?;
    let port = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|socket| socket.local_addr());
    let port = port.map_err(|error| cannot("find", "a free UDP port", &error))?.port();
    context.keep_new(name, port.into())
}

/// Writes an embedded file with values in the places of their names.
fn fill_in(context: &mut Context, captures: &Captures) -> StepResult {
    let embedded = captures.text("embedded_file")?;
    let name = captures.get("filename").unwrap_or(embedded);
    let text = context.embedded_file(embedded)?.text.clone();
    let names = crate::values::names_in(&text);
    if !names.iter().any(|(name, _)| context.kept(name).is_some()) {
        return Err(Failure::new(format!("embedded file {embedded} has no `${{NAME}}` of a kept value"))
            .help(format!("write `given file {name} from {embedded}` to write it as it is")));
    }
    let filled = context.expand(&text).unwrap_or(text);
    Place::make(context, name)?.write(filled.as_bytes(), false)
}
