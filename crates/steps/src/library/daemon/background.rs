//! What messages say about daemons that go into the background.

use std::path::Path;

use greenroom_event::words;

use super::instance::Daemon;
use crate::interpreter::known_as;
use crate::step::Failure;

/// How many processes a message names.
const NAMED: usize = 3;

/// Adds to a failure that a daemon has left its first process, and which processes it is now.
pub(super) fn note(daemon: &mut Daemon, error: Failure) -> Failure {
    let Some(process) = daemon.process_mut() else { return error };
    let Some(first) = process.first_exit() else { return error };
    let living = process.living();
    if living.is_empty() {
        return error;
    }
    let after = words::duration(first.after);
    let error = error.note(if first.status.success() {
        format!("it went into the background: its first process ended with {} after {after}", first.status)
    } else {
        format!("its first process ended with {} after {after}, but left others running", first.status)
    });
    let named = living.iter().take(NAMED);
    let error = named.fold(error, |error, entry| {
        error.note(format!("its process {} is running: {}", entry.pid, known_as(&entry.command)))
    });
    match living.len().saturating_sub(NAMED) {
        0 => error,
        more => error.note(format!("and {more} more of its processes are running")),
    }
}

/// Adds the same, and how to keep the daemon in the foreground.
pub(super) fn explain(daemon: &mut Daemon, error: Failure) -> Failure {
    let error = note(daemon, error);
    help(daemon, error)
}

/// Adds to a failure how to keep a daemon in the foreground that has gone into the background.
pub(super) fn help(daemon: &mut Daemon, error: Failure) -> Failure {
    let Some(process) = daemon.process_mut() else { return error };
    if !process.first_exit().is_some_and(|first| first.status.success()) {
        return error;
    }
    let (lives, known) = (!process.living().is_empty(), process.is_in_background());
    let habit = Habit::of(&daemon.order.words);
    match habit {
        _ if lives => {
            let way = habit.map_or(
                "use its option for that, often `--foreground`, or leave out the one that detaches it",
                |habit| habit.way,
            );
            error.help(format!("to keep it in the foreground, {way}"))
        }
        Some(habit) if known || habit.detaches(&daemon.order.words) => error.help(format!(
            "it went into the background and ended there; to see why, keep it in the foreground: {}",
            habit.way
        )),
        _ => error,
    }
}

/// Whether a daemon's program does nothing but start the server, so that it always ends.
pub(super) fn only_starts(daemon: &Daemon) -> bool {
    Habit::of(&daemon.order.words).is_some_and(|habit| matches!(habit.sign, Sign::Always))
}

/// How a program goes into the background.
#[derive(Debug, Clone, Copy)]
struct Habit {
    /// Names of the program.
    names: &'static [&'static str],
    /// When it does so.
    sign: Sign,
    /// How to keep it in the foreground.
    way: &'static str,
}

/// What on a command line says whether a program goes into the background.
#[derive(Debug, Clone, Copy)]
enum Sign {
    Always,
    With(&'static str),
    Without(&'static str),
}

const HABITS: &[Habit] = &[
    Habit {
        names: &["redis-server", "redis-sentinel", "valkey-server", "keydb-server"],
        sign: Sign::With("--daemonize yes"),
        way: "use `--daemonize no`",
    },
    Habit { names: &["nginx"], sign: Sign::Without("daemon off"), way: "add `-g 'daemon off;'`" },
    Habit {
        names: &["pg_ctl", "pg_ctlcluster"],
        sign: Sign::Always,
        way: "start `postgres -D DIRECTORY` instead of pg_ctl",
    },
    Habit { names: &["apache2", "httpd"], sign: Sign::Without("FOREGROUND"), way: "add `-D FOREGROUND`" },
    Habit { names: &["apache2ctl", "apachectl"], sign: Sign::Without("FOREGROUND"), way: "add `-D FOREGROUND`" },
    Habit { names: &["lighttpd", "sshd"], sign: Sign::Without("-D"), way: "add `-D`" },
    Habit { names: &["haproxy"], sign: Sign::With("-D"), way: "leave out `-D`" },
    Habit { names: &["memcached"], sign: Sign::With("-d"), way: "leave out `-d`" },
    Habit { names: &["mongod"], sign: Sign::With("--fork"), way: "leave out `--fork`" },
    Habit { names: &["mysqld", "mariadbd"], sign: Sign::With("--daemonize"), way: "leave out `--daemonize`" },
    Habit { names: &["varnishd", "php-fpm"], sign: Sign::Without("-F"), way: "add `-F`" },
    Habit { names: &["squid"], sign: Sign::Without("-N"), way: "add `-N`" },
    Habit { names: &["dnsmasq"], sign: Sign::Without("-k"), way: "add `--keep-in-foreground`" },
    Habit { names: &["cron", "crond", "named"], sign: Sign::Without("-f"), way: "add `-f`" },
    Habit { names: &["keepalived", "rsyslogd", "supervisord"], sign: Sign::Without("-n"), way: "add `-n`" },
    Habit { names: &["slapd"], sign: Sign::Without("-d"), way: "add `-d 0`" },
    Habit { names: &["gunicorn"], sign: Sign::With("--daemon"), way: "leave out `--daemon`" },
    Habit { names: &["uwsgi"], sign: Sign::With("--daemonize"), way: "leave out `--daemonize`" },
    Habit { names: &["setsid"], sign: Sign::Without("-w"), way: "start its program without setsid" },
    Habit { names: &["daemonize", "start-stop-daemon"], sign: Sign::Always, way: "start its program itself" },
];

impl Habit {
    /// Returns that of the program of a command line. A program that starts another one comes first.
    fn of(words: &[String]) -> Option<&'static Self> {
        words.iter().find_map(|word| {
            let name = Path::new(word).file_name()?.to_str()?;
            HABITS.iter().find(|habit| habit.names.contains(&name))
        })
    }

    /// Whether the program goes into the background, as far as its command line says.
    fn detaches(&self, words: &[String]) -> bool {
        let line = words.join(" ");
        match self.sign {
            Sign::Always => true,
            Sign::With(option) => line.contains(option),
            Sign::Without(option) => !line.contains(option),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_known_by_their_file_names_behind_others_that_start_them() {
        let look = |line: &str| {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            Habit::of(&words).map(|habit| (habit.way, habit.detaches(&words)))
        };
        assert_eq!(look("setpriv --reuid=1 /usr/sbin/nginx -c x"), Some(("add `-g 'daemon off;'`", true)));
        assert_eq!(look("nginx -g daemon off;"), Some(("add `-g 'daemon off;'`", false)));
        assert_eq!(look("redis-server --daemonize yes"), Some(("use `--daemonize no`", true)));
        assert_eq!(look("redis-server"), Some(("use `--daemonize no`", false)));
        assert_eq!(look("./mine --detach"), None);
    }
}
