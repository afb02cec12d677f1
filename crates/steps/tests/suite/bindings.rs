//! The bindings of the libraries themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use greenroom_doc::{Binding, BuiltinFile, Code, MemoryLoader, Reach, Request, Severity};

use crate::support::{bindings, bindings_of, function_of, matched, preflight};
use greenroom_doc::StepKind;
use greenroom_steps::{Availability, Captures, Check, Library, Registry, library};

#[test]
fn no_binding_is_missing() {
    let count = |library| bindings_of(library).len();
    assert_eq!((count("files"), count("runcmd"), count("datadir")), (63, 57, 2));
}

/// A step is a binding and a row, in two files of its library: neither may be forgotten.
#[test]
fn every_binding_has_a_row_and_every_row_a_binding() {
    for library in library::all() {
        let bindings = bindings_of(library.name());
        let bound: BTreeSet<_> = bindings.iter().map(|binding| function_of(binding).to_owned()).collect();
        let rows: BTreeSet<_> = library.functions().map(str::to_owned).collect();
        assert_eq!(bound, rows, "{}", library.name());
        assert_eq!(rows.len(), library.functions().count(), "{}", library.name());
    }
}

#[test]
fn every_binding_has_a_check_a_description_and_an_example() {
    let registry = Registry::builtin();
    for binding in bindings().iter().map(|it| &it.binding) {
        assert!(binding.doc.is_some() && binding.example.is_some(), "{}", binding.pattern);
        let function = function_of(binding);
        let mut preflight = preflight();
        registry.check(function, &Captures::default(), &mut preflight);
        let runs = ["runcmd_run", "runcmd_try_to_run", "daemon_start", "daemon_try_start", "daemon_start_terminal"]
            .contains(&function)
            || function.starts_with("runcmd_running_")
            || ["until_it_succeeds", "with_environment"].iter().any(|end| function.ends_with(end));
        assert_eq!(preflight.anything_goes, runs, "{function}");
    }
}

/// `within` and `for` repeat what a step declares. One that forgets it would be taken for something live.
#[test]
fn every_then_step_says_what_it_looks_at() {
    let registry = Registry::builtin();
    for binding in bindings().iter().map(|it| &it.binding) {
        let function = function_of(binding);
        if binding.kind == StepKind::Then {
            let look = registry.declared_look(function, &Captures::default());
            assert!(look.is_some(), "add {function} to `looks` of its library");
        }
    }
}

/// The check of the later function counts, as the function itself does.
#[test]
fn a_later_library_replaces_functions_with_their_checks() {
    let quiet = Library::new("quiet", "").step("brew", |_, _| Ok(()), Check::Nothing);
    let loud = Library::new("loud", "").step("brew", |_, _| Ok(()), Check::AnythingGoes);
    let registry = Registry::empty().with(loud).with(quiet);
    let mut state = preflight();
    registry.check("brew", &Captures::default(), &mut state);
    assert!(!state.anything_goes);
    registry.check("no such function", &Captures::default(), &mut state);
    assert!(state.anything_goes);
}

/// The bindings of Subplot 0.14. All others yield to those of documents.
#[test]
fn only_steps_that_subplot_has_compete_with_those_of_documents() {
    let of_subplot = |library: &str| bindings_of(library).iter().filter(|binding| !binding.yields).count();
    let counts = library::all().into_iter().map(|library| (library.name().to_owned(), of_subplot(library.name())));
    let counts: BTreeMap<String, usize> = counts.filter(|(_, count)| *count > 0).collect();
    let expected = [("daemon", 18), ("datadir", 2), ("files", 35), ("runcmd", 28)];
    assert_eq!(counts, expected.map(|(name, count)| (name.to_owned(), count)).into());
}

/// An example is a step of its own binding, and of no other one, in a document with all libraries.
#[test]
fn examples_are_steps() {
    let examples: Vec<(&Binding, &str)> =
        bindings().iter().filter_map(|it| Some((&it.binding, it.binding.example.as_deref()?))).collect();
    let libraries = library::all();
    let names: Vec<String> = libraries.iter().map(Library::file).collect();
    let mut document =
        format!("---\ntitle: Examples\nbindings: [{}]\n---\n\n# Examples\n\n~~~scenario\n", names.join(", "));
    for (binding, example) in &examples {
        let _ = writeln!(document, "{} {example}", binding.kind.word());
    }
    document.push_str("~~~\n");
    let builtin: Vec<BuiltinFile> = libraries
        .iter()
        .zip(&names)
        .map(|(library, name)| BuiltinFile {
            name: name.clone(),
            text: Some(library.bindings().into()),
            reach: match library.availability() {
                Availability::Listed => Reach::Listed,
                _ => Reach::WithBuiltin,
            },
            places: Vec::new(),
        })
        .collect();
    let load = |document: &str| {
        greenroom_doc::load(&Request {
            documents: &["examples.md".to_owned()],
            loader: &MemoryLoader::default().with("examples.md", document),
            builtin: &builtin,
            can_run: &|_, _| true,
            may_be_empty: &|_| false,
            needs_scenarios: true,
        })
    };
    // Embedded files that examples name.
    let missing = load(&document).diagnostics.into_iter().filter(|it| it.code == Code::MissingFile);
    let names: BTreeSet<String> = missing.filter_map(|it| Some(it.message.split('`').nth(1)?.to_owned())).collect();
    for name in names {
        let _ = write!(document, "\n~~~{{#{name} .file}}\n~~~\n");
    }
    let loaded = load(&document);
    let errors: Vec<&str> =
        loaded.diagnostics.iter().filter(|it| it.severity == Severity::Error).map(|it| it.message.as_str()).collect();
    assert_eq!(errors, [""; 0]);
    let plan = &loaded.plan;
    let used = plan.scenarios.iter().flat_map(|scenario| &scenario.steps);
    let used: Vec<&str> = used.map(|step| plan.documents[0].bindings[step.binding].pattern.as_str()).collect();
    assert_eq!(used, examples.iter().map(|(binding, _)| binding.pattern.as_str()).collect::<Vec<_>>());
}

#[test]
fn patterns_are_unique() {
    let bindings = bindings();
    let patterns: BTreeSet<_> = bindings.iter().map(|it| (it.binding.kind, &it.binding.pattern)).collect();
    assert_eq!(patterns.len(), bindings.len());
}

#[test]
fn every_example_is_a_step_of_its_binding() {
    for binding in bindings().iter().map(|it| &it.binding) {
        if let Some(example) = &binding.example {
            assert_eq!(matched(binding.kind.word(), example).0, function_of(binding), "{example}");
        }
    }
}

/// Steps that come near to several patterns. `matched` panics unless exactly one matches.
#[test]
fn no_step_is_ambiguous() {
    let steps = [
        ("given", "file a", "files_create_from_embedded"),
        ("given", "file from from from", "files_create_from_embedded"),
        ("given", "executable file a from b", "files_create_executable_from_embedded"),
        ("given", "file a has modification time 1970-01-02 03:04:05", "files_set_modification_time"),
        ("given", "directory a", "files_make_directory"),
        ("given", "file a copied from b", "files_copied_in"),
        ("given", "file a from the source directory", "files_copied_in"),
        ("given", "directory a copied from b", "files_directory_copied_in"),
        ("given", "directory a from the source directory", "files_directory_copied_in"),
        ("given", "an empty file a", "files_make_empty"),
        ("given", "a disk of 1 MB", "files_disk"),
        ("then", "file a belongs to user b", "files_belongs_to_user"),
        ("then", "file a belongs to group b", "files_belongs_to_group"),
        ("given", "file a has mode 644", "files_set_mode"),
        ("given", "symbolic link a to b", "files_link"),
        ("when", "I append \"a\" to file b\" to file c", "files_append"),
        ("when", "I copy file a to b", "files_copy"),
        ("when", "I copy directory a to b", "files_copy_directory"),
        ("when", "I rename file to to", "files_rename"),
        ("when", "I replace \"a\" with \"b\" with \"c\" in file d", "files_replace_text"),
        ("then", "file is is empty", "files_is_empty"),
        ("then", "file a has 1 bytes", "files_has_bytes"),
        ("then", "file a has 1 lines", "files_has_lines"),
        ("then", "file a is a symbolic link to b", "files_is_link"),
        ("then", "directory a has 2 entries", "files_directory_has_entries"),
        ("then", "directories and and and match", "files_directories_match"),
        ("given", "a directory directory", "files_make_directory"),
        ("given", "the environment variable A1=b=c d", "runcmd_set_variable"),
        ("given", "the environment variable A=", "runcmd_set_variable"),
        ("given", "the unset environment variable A", "runcmd_unset_variable"),
        ("given", "datadir has at least 1B of space", "datadir_has_bytes_of_space"),
        ("given", "datadir has at least 1M of space", "datadir_has_megabytes_of_space"),
        ("when", "I run a", "runcmd_run"),
        ("when", "I run a, in b, c", "runcmd_run"),
        ("when", "I run, in a, b, in c, d", "runcmd_run"),
        ("when", "I run in a b", "runcmd_run"),
        ("when", "I try to run a to file b", "runcmd_try_to_run"),
        ("when", "I try to run, in a, I run b", "runcmd_try_to_run"),
        ("when", "I remove directory empty", "files_remove_directory"),
        ("when", "I remove empty directory directory", "files_remove_empty_directory"),
        ("when", "I write \"a\" to file b\" to file c", "files_create_from_text"),
        ("then", "directory a is not empty", "files_directory_is_not_empty"),
        ("then", "directory a does not exist", "files_directory_does_not_exist"),
        ("then", "file a contains \"b\" doesn't contain \"c\"", "files_file_contains"),
        ("then", "file a doesn't contain \"b\" contains \"c\"", "files_file_does_not_contain"),
        ("then", "file a contains \"b matches regex \"\"", "files_file_contains"),
        ("then", "file a matches regex /b/ matches regex \"c\"/", "files_file_matches_regex"),
        ("then", "file a matches regex \"/b/\"", "files_file_matches_regex"),
        ("then", "files a and b match", "files_match"),
        ("then", "files a and b on disk are identical", "files_match"),
        ("then", "files and and and on disk are different", "files_differ"),
        ("then", "file a on disk and embedded file b are identical", "files_match_embedded"),
        ("then", "file a has different metadata from before", "files_has_different_metadata"),
        ("then", "file a has changed from before", "files_has_different_metadata"),
        ("then", "only files a b exist exist", "files_only_these_exist"),
        ("then", "exit code is -1", "runcmd_exit_code_is"),
        ("then", "exit code is not -1", "runcmd_exit_code_is_not"),
        ("then", "stdout contains \"a\" doesn't contain \"b\"", "runcmd_stdout_contains"),
        ("then", "stdout doesn't contain \"\"", "runcmd_stdout_does_not_contain"),
        ("then", "stdout isn't exactly \"a\"", "runcmd_stdout_is_not"),
        ("then", "STDERR IS EXACTLY \"\"", "runcmd_stderr_is"),
        ("then", "stderr doesn't match regex ^a contains \"$", "runcmd_stderr_does_not_match_regex"),
        ("then", "stderr matches regex doesn't match regex x", "runcmd_stderr_matches_regex"),
        ("then", "I can run I try to run", "runcmd_run"),
        ("when", "I send a GET request to http://localhost/with", "http_send"),
        ("when", "I send a GET request to http://h/ with body \"a with JSON {}\"", "http_send"),
        ("when", "I send a PUT request to http://h/ with form a=with file b", "http_send"),
        ("when", "I send a PUT request to http://h/ with upload as as as", "http_send"),
        ("when", "I try to send an OPTIONS request to /", "http_try_send"),
        ("when", "I GET /", "http_get"),
        ("when", "I PUT JSON {\"a\": \"b to c\"} to http://h/", "http_put"),
        ("when", "I wait for event stream a to send \"b\" to send \"c\", for at most 2 seconds", "http_wait_event"),
        ("when", "I send \"a\" to WebSocket b\" to WebSocket c", "http_send_web_socket"),
        ("when", "I send JSON \"a to WebSocket b\" to WebSocket c", "http_send_web_socket"),
        ("when", "I send embedded file to to WebSocket to", "http_send_web_socket"),
        ("when", "I wait for WebSocket a to send \"b\" to send exactly \"c\"", "http_wait_web_socket"),
        ("when", "I wait for WebSocket to to send exactly \"a\" to close\"", "http_wait_web_socket_exactly"),
        ("when", "I wait for WebSocket a to send regex /\"b\"/, for at most 2 seconds", "http_wait_web_socket_regex"),
        ("then", "WebSocket a is closed with code 1 and reason \"b\" and reason \"c\"", "http_web_socket_is_closed"),
        ("when", "I wait for http://h/ to answer", "daemon_wait_http"),
        ("when", "I wait for http://h/ to answer, for at most 2 seconds", "daemon_wait_http"),
        ("given", "HTTP header is is \"a\" is \"b\"", "http_set_header"),
        ("given", "HTTP user \"a\" with password \"b\" with password \"c\"", "http_set_user"),
        ("then", "the response status is not", "http_status_is"),
        ("then", "the response status is not 404", "http_status_is_not"),
        ("then", "the response header contains is \"a\" contains \"b\"", "http_header_is"),
        ("then", "the response header exists exists", "http_header_exists"),
        ("then", "the response body is \"a\" contains \"b\"", "http_body_is"),
        ("then", "the response body contains \"a\" matches regex /b/\"", "http_body_contains"),
        ("then", "the response body matches regex /a is empty/", "http_body_matches_regex"),
        ("then", "the response body is empty", "http_body_is_empty"),
        ("then", "the response body is embedded file empty", "http_body_is_embedded"),
        ("when", "I wait for daemon a to write \"b\" to stdout\" to stdout again", "daemon_wait_stdout_again"),
        ("when", "I wait for daemon a to write \"b\" to stdout 2 times", "daemon_wait_stdout"),
        ("when", "I wait for daemon a to write regex /\"b\" to stdout/ to stderr", "daemon_wait_stderr"),
        ("when", "I wait for daemon a to listen on UDP port 1, for at most 2 seconds", "daemon_wait_udp_port"),
        ("when", "I wait for file to to contain \"to exist\"", "daemon_wait_content"),
        ("then", "daemon a stdout contains \"b\" 3 times\"", "daemon_stdout_contains"),
        ("then", "daemon a stdout contains \"b\" 3 times", "daemon_stdout_contains_times"),
        ("then", "daemon a listens on port 1", "daemon_listens"),
        ("when", "I start \"a in a terminal as b\" in a terminal as c", "daemon_start_terminal"),
        ("when", "I start \"a\" in a terminal of 1 by 2 as c", "daemon_start_terminal"),
        ("when", "I type \"a\" into terminal b\" into terminal c", "daemon_type"),
        ("then", "terminal a shows \"b\" doesn't show \"c\"", "daemon_shows"),
        ("given", "commands run as an ordinary user", "runcmd_run_as_ordinary_user"),
        ("when", "I stop background process a with signal INT, within 2 seconds", "daemon_stop"),
        ("then", "running \"a \"b\"\" prints \"c\"", "runcmd_running_prints"),
        ("given", "commands run in directory a", "runcmd_run_in_directory"),
        ("when", "I run, with environment {\"A\": \"${B}\"}, sh -c '{}, in x, y'", "runcmd_run_with_environment"),
        ("when", "I try to run, with environment {}, in x, y", "runcmd_try_to_run_with_environment"),
        ("then", "stdout is empty", "runcmd_stdout_is_empty"),
        ("then", "stdout is embedded file empty", "runcmd_stdout_is_embedded"),
        ("then", "stdout contains \"a\" 3 times", "runcmd_stdout_contains_times"),
        ("then", "stdout contains \"a\" 3 times\"", "runcmd_stdout_contains"),
        ("then", "stderr line 2 is \"a\"", "runcmd_stderr_line_is"),
        ("then", "stdout and file match match", "runcmd_stdout_matches_file"),
        ("then", "command took at most 2 seconds", "runcmd_took_at_most"),
        ("then", "command was ended by signal TERM", "runcmd_ended_by_signal"),
        ("then", "running \"a\" doesn't print \"x prints\"", "runcmd_running_does_not_print"),
        ("then", "running \"running \"a\" prints \"x\" fails\" fails", "runcmd_running_fails"),
        ("when", "I run, until it succeeds, for at most 5 seconds, a, in b", "runcmd_run_until_it_succeeds"),
        ("when", "I run a, until it succeeds, for at most 5 seconds", "runcmd_run"),
        ("given", "\"a\" kept as b\" kept as c", "values_keep_text"),
        ("given", "a free port kept as \"b\"", "daemon_free_port"),
        ("given", "a free UDP port kept as b", "values_keep_udp_port"),
        ("given", "file a, filled in", "values_fill_in"),
        ("given", "file a with values from b", "values_fill_in"),
        ("when", "I keep stdout as b", "values_keep_stdout"),
        ("when", "I keep stdout JSON $.as['as x'] as b", "values_keep_data_of_stdout"),
        ("when", "I keep file file as b", "values_keep_file"),
        ("when", "I keep file file YAML $.a as b", "values_keep_data_of_file"),
        ("when", "I keep the match of regex /a in stdout/ in stderr as b", "values_keep_match_in_stderr"),
        ("when", "I keep the match of regex /a/ in daemon b stdout as c", "values_keep_match_in_daemon_stdout"),
        ("when", "I keep daemon a stdout JSON $ as b", "values_keep_data_of_daemon"),
        ("when", "I keep response header as as b", "values_keep_header"),
        ("when", "I keep cookie as as as", "values_keep_cookie"),
        ("when", "I keep the response body as body", "values_keep_body"),
        ("then", "value a is not \"b\" is \"c\"", "values_is_not"),
        ("then", "value a is \"not\"", "values_is"),
        ("then", "value a contains \"b\" matches regex /\"", "values_contains"),
        ("then", "stdout JSON $.a is \"b is not c\"", "json_stdout_is"),
        ("then", "stdout JSON $.a is not {\"is\": 1}", "json_stdout_is_not"),
        ("then", "stdout JSON $['is 1'] is at least 2", "json_stdout_is_at_least"),
        ("then", "stderr YAML $.a is, in any order, [1, \"is, in any order,\"]", "json_stderr_is_in_any_order"),
        ("then", "stdout json $[?@.a == 'includes 1'].b includes \"exists\"", "json_stdout_includes"),
        ("then", "file a TOML $.exists does not exist", "json_file_does_not_exist"),
        ("then", "file is JSON $.a exists", "json_file_exists"),
        ("then", "file is is JSON", "json_file_is_data"),
        ("then", "stdout is JSON", "json_stdout_is_data"),
        ("then", "daemon stdout stdout JSON $ has 1 element", "json_daemon_has_elements"),
        ("then", "daemon a stdout JSON $.b is an array", "json_daemon_is_of_type"),
        ("then", "value JSON JSON $ is a string", "json_value_is_of_type"),
        ("then", "value a is JSON", "json_value_is_data"),
        ("then", "value a JSON $.b matches regex /is 1/", "json_value_matches_regex"),
        ("then", "value a JSON $.b is ${C}", "json_value_is"),
        ("then", "stdout JSON is embedded file a", "json_stdout_is_file"),
        ("then", "stdout JSON is embedded file a, except at $.b, $['is, c']", "json_stdout_is_file"),
        ("then", "file a YAML includes embedded file is", "json_file_includes_file"),
    ];
    for (kind, step, function) in steps {
        assert_eq!(matched(kind, step).0, function, "{kind} {step}");
    }
}
