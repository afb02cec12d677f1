//! Daemons and leftover processes of an attempt.

use greenroom_event::{Daemon, DaemonEnd, LeftOver};
use maud::{Markup, html};

use super::output;
use crate::excerpt;
use crate::explanation::{self, daemon_end};
use crate::page::text;

/// Returns the daemons, each with its command, its end and its output.
pub(super) fn daemons(daemons: &[Daemon], did_pass: bool, has_room: bool) -> Markup {
    html! {
        @for daemon in daemons { (self::daemon(daemon, did_pass, has_room)) }
    }
}

fn daemon(daemon: &Daemon, did_pass: bool, has_room: bool) -> Markup {
    let is_open = daemon.end.is_crash() || (!did_pass && daemons_matter(&daemon.end));
    let class = if daemon.end.is_crash() { "daemon crashed" } else { "daemon" };
    let written: Vec<_> = daemon.output.iter().filter(|output| !excerpt::is_empty(output)).collect();
    html! {
        details class=(class) open[is_open] {
            summary { "daemon " b { (text::line(&daemon.name)) } ": " (daemon_end(&daemon.end)) }
            @if !daemon.command.is_empty() { p.command { "command: " code { (text::line(&daemon.command)) } } }
            @if written.is_empty() && !daemon.output.is_empty() { p.output-name { "no output" } }
            @for output in written { (output::block(output, has_room)) }
        }
    }
}

/// Whether the end of a daemon may explain a failure of its scenario.
fn daemons_matter(end: &DaemonEnd) -> bool {
    !matches!(end, DaemonEnd::Stopped { .. })
}

/// Returns the leftover processes.
pub(super) fn leftovers(processes: &[LeftOver]) -> Markup {
    if processes.is_empty() {
        return html! {};
    }
    html! {
        div.leftovers {
            p.what { (explanation::leftover_title(processes)) ":" }
            ul { @for line in explanation::leftover_lines(processes) { li { code { (text::line(&line)) } } } }
            @for line in processes.iter().filter_map(|process| process.last_line.as_deref()) {
                p.note { b { "note:" } " its last line after SIGTERM: " code { (text::line(line)) } }
            }
            @if let Some(help) = explanation::leftover_help(&explanation::killed_leftovers(processes).collect()) {
                p.help { b { "help:" } " " (text::prose(&help)) }
            }
        }
    }
}
