//! Which process has the address that a program found in use.

use greenroom_event::{OutputSource, Subject};
use greenroom_sandbox::process::attempts::Transport;
use greenroom_sandbox::process::ports::Listener;

use super::daemons::Daemons;
use super::instance::Daemon;
use super::listening::{Listening, list, search};
use crate::context::Context;
use crate::step::Failure;

/// Adds what listens to the failure of a step whose program wrote that its address was in use.
pub(crate) fn with_holder(context: &mut Context, error: Failure) -> Failure {
    let (daemons, _) = context.state_and_watch::<Daemons>();
    let written = error.output.iter().flat_map(|output| lines_about(&output.text));
    let lines: Vec<&str> = written.chain(Some(error.message.as_str()).filter(|text| has_phrase(text))).collect();
    if lines.is_empty() {
        return error;
    }
    let command = command_lines(daemons, &error);
    let numbers: Vec<u16> = lines.into_iter().chain(command.iter().map(String::as_str)).flat_map(numbers).collect();
    let listening = daemons.in_the_way(&numbers);
    let listed = list(&listening).map(|list| format!("it found its address in use; {list}"));
    let hidden = listening.iter().find(|it| it.is_hidden && numbers.contains(&it.at.address.port()));
    let Some(listed) = listed else { return error };
    let error = error.note(listed);
    let error = hidden.into_iter().fold(error, |error, hidden| error.help(search(hidden.at)));
    let taken: Vec<u16> = listening.iter().map(|it| it.at.address.port()).collect();
    let help = awaited(daemons, &error).and_then(|(line, port)| other_port(&line, &taken, port));
    error
        .help(help.unwrap_or_else(|| "have it listen on a port of its own, or stop the other process first".to_owned()))
}

/// Returns the command line of the daemon that a failure is about, and the port that its step waits for.
fn awaited(daemons: &Daemons, error: &Failure) -> Option<(String, u16)> {
    let daemon = *about(daemons, error).first()?;
    Some((daemon.command_line().to_owned(), daemon.order.port?))
}

/// Returns the daemons that a failure is about: its subject first, then those whose output it shows.
fn about<'a>(daemons: &'a Daemons, error: &Failure) -> Vec<&'a Daemon> {
    let subject = match &error.subject {
        Some(Subject::Daemon { name }) => Some(name),
        _ => None,
    };
    let shown = error.output.iter().filter_map(|output| match &output.source {
        OutputSource::Daemon { name, .. } => Some(name),
        _ => None,
    });
    let names = subject.into_iter().chain(shown);
    names.filter_map(|name| daemons.iter().find(|daemon| daemon.label() == *name)).collect()
}

/// Says that a command line has a taken port instead of the one that its step waits for.
fn other_port(line: &str, taken: &[u16], port: u16) -> Option<String> {
    let numbers = numbers(line);
    if numbers.contains(&port) || taken.contains(&port) {
        return None;
    }
    let mut wrong = numbers.into_iter().filter(|number| taken.contains(number));
    let (Some(wrong), None) = (wrong.next(), wrong.next()) else { return None };
    Some(format!(
        "the command has port {wrong}, but this step waits for port {port}: write `{}`",
        with_number(line, wrong, port)
    ))
}

/// Replaces a number in a text, where it is not part of a longer one.
fn with_number(text: &str, number: u16, other: u16) -> String {
    let (digits, other) = (number.to_string(), other.to_string());
    let mut replaced = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, from) = rest.split_at(at);
        let end = from.find(|c: char| !c.is_ascii_digit()).unwrap_or(from.len());
        let (found, after) = from.split_at(end);
        replaced.push_str(before);
        let is_whole = found == digits;
        replaced.push_str(if is_whole { &other } else { found });
        rest = after;
    }
    replaced + rest
}

/// Whether what a program wrote says that an address is in use.
pub(super) fn is_in_use(text: &str) -> bool {
    !lines_about(text).is_empty()
}

/// Returns the lines of a text that say that an address is in use, each with the line before it.
fn lines_about(text: &str) -> Vec<&str> {
    let says_it = |line: &str| {
        let lower = line.to_ascii_lowercase();
        lower.contains("port") && (lower.contains("already in use") || lower.contains("in use by")) || has_phrase(line)
    };
    let lines: Vec<&str> = text.lines().collect();
    let about = (0..lines.len()).filter(|&at| says_it(lines[at]));
    about.flat_map(|at| &lines[at.saturating_sub(1)..=at]).copied().collect()
}

/// Whether a text has the words of the error EADDRINUSE, in some language.
fn has_phrase(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["address already in use", "address in use", "addrinuse", "errno 98", "os error 98"]
        .iter()
        .any(|phrase| text.contains(phrase))
}

/// Returns the command lines of the programs that a failure is about.
fn command_lines(daemons: &Daemons, error: &Failure) -> Vec<String> {
    let subject = match &error.subject {
        Some(Subject::Command { line, .. }) => Some(line.clone()),
        Some(Subject::Daemon { .. }) => None,
        // The message of a command that failed has its command line.
        _ => Some(error.message.clone()),
    };
    let of_daemons = about(daemons, error).into_iter().map(|daemon| daemon.command_line().to_owned());
    subject.into_iter().chain(of_daemons).collect()
}

/// Returns the numbers in a text that can be ports.
fn numbers(text: &str) -> Vec<u16> {
    let digits = text.split(|c: char| !c.is_ascii_digit());
    digits.filter_map(|digits| digits.parse().ok()).filter(|&number| number != 0).collect()
}

impl Daemons {
    /// Returns what listens on these ports; if nothing does, all that can be in the way over TCP.
    fn in_the_way(&mut self, numbers: &[u16]) -> Vec<Listening> {
        let (named, others): (Vec<_>, Vec<_>) =
            self.sockets().into_iter().partition(|(_, listener)| numbers.contains(&listener.address.port()));
        if !named.is_empty() {
            return self.whose(named);
        }
        let is_tcp = |(transport, _): &(Transport, Listener)| *transport == Transport::Tcp;
        self.whose(others.into_iter().filter(is_tcp).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_say_in_many_ways_that_an_address_is_in_use() {
        for text in [
            "OSError: [Errno 98] Address already in use",
            "nginx: [emerg] bind() to 0.0.0.0:80 failed (98: Address already in use)",
            "Error: listen EADDRINUSE: address already in use :::3000",
            "Port 5000 is in use by another program. Either identify and stop that program, or ...",
            "Error: That port is already in use.",
            r#"Os { code: 98, kind: AddrInUse, message: "Address already in use" }"#,
        ] {
            assert!(is_in_use(text), "{text}");
        }
        for text in ["the address is used", "", "name already in use"] {
            assert!(!is_in_use(text), "{text}");
        }
        // Our own message names the process.
        assert!(!has_phrase("port 80 is already in use by process 7 (nc)"));
    }

    #[test]
    fn a_command_line_with_the_port_of_another_is_corrected() {
        let help = |line: &str| other_port(line, &[8080, 9000], 8081);
        let expected = "the command has port 8080, but this step waits for port 8081: write ";
        assert_eq!(help("serve 8080").unwrap(), format!("{expected}`serve 8081`"));
        assert_eq!(
            help("serve -l [::1]:8080 --id 18080").unwrap(),
            format!("{expected}`serve -l [::1]:8081 --id 18080`")
        );
        assert_eq!(help("serve 8080 9000"), None, "either may be meant");
        assert_eq!(help("serve 8080 --upstream 8081"), None);
        assert_eq!(help("serve --config web.conf"), None);
        assert_eq!(other_port("serve 8081", &[8081], 8081), None);
    }

    #[test]
    fn ports_are_looked_for_where_the_address_is_named() {
        let log = "pid 99 starts\nlistening on 127.0.0.1:7001\nbind: Address already in use\nexit 3\n";
        let found: Vec<u16> = lines_about(log).into_iter().flat_map(numbers).collect();
        assert_eq!(found, [127, 1, 7001]);
        assert_eq!(numbers("serve -p 8080 --max 70000 0 [::]:443"), [8080, 443]);
    }
}
