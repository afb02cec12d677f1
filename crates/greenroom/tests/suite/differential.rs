//! Runs documents with Python steps with greenroom and with Subplot 0.14, and compares the
//! verdicts. Most of the file is the list of small documents.
//!
//! `GREENROOM_SUBPLOT` names the `subplot` program; otherwise it is looked up on PATH. Without it
//! the tests are skipped. The documents are those of `acceptance/python`, which must pass, and a
//! small one for each [`Case`], many of which must fail. If greenroom differs on purpose, the case
//! says how and why.

#![expect(clippy::disallowed_methods, reason = "the other runner is started here, and looked for in the environment")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::support::{Project, names};

const PATH: &str = "/usr/local/bin:/usr/bin:/bin:/usr/sbin";

/// The verdict of a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Pass,
    Fail,
    /// The document is refused.
    Refused,
}
use Verdict::{Fail, Pass, Refused};

/// Finds the program `subplot`, or prints why the test is skipped.
fn subplot() -> Option<PathBuf> {
    let named = std::env::var_os("GREENROOM_SUBPLOT").filter(|path| !path.is_empty()).map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = named.or_else(|| {
        std::env::split_paths(&path).map(|directory| directory.join("subplot")).find(|program| program.is_file())
    });
    let Some(program) = found else {
        println!("skipped: no program subplot on PATH, and GREENROOM_SUBPLOT is not set");
        return None;
    };
    let version = Command::new(&program).arg("--version").output().expect("subplot can be started").stdout;
    let version = String::from_utf8_lossy(&version);
    if !version.contains(" 0.14.") {
        println!("skipped: {} is not Subplot 0.14 but {version}", program.display());
        return None;
    }
    Some(program)
}

/// Generates and runs the program of a document.
///
/// Returns the titles of the scenarios that it began, and whether it passed. `only` selects
/// scenarios by part of a title.
fn generated(subplot: &Path, directory: &Path, document: &str, only: Option<&str>) -> (Vec<String>, Option<i32>) {
    let program = directory.join(document).with_extension("generated.py");
    let temporary = directory.join("temporary");
    fs::create_dir_all(&temporary).unwrap();
    let start = |words: &[&std::ffi::OsStr]| {
        let mut command = Command::new("timeout");
        command.arg("60").args(words).current_dir(directory);
        command.env_clear().env("PATH", PATH).env("TMPDIR", &temporary).output().unwrap()
    };
    let made = start(&[
        subplot.as_os_str(),
        "codegen".as_ref(),
        "--template".as_ref(),
        "python".as_ref(),
        "--output".as_ref(),
        program.as_os_str(),
        document.as_ref(),
    ]);
    if !made.status.success() {
        let complaint = String::from_utf8_lossy(&made.stderr);
        assert!(complaint.contains("ERROR") || complaint.contains("panicked"), "{document}: {complaint}");
        return (Vec::new(), None);
    }
    let mut words = vec!["python3".as_ref(), program.as_os_str(), "-k".as_ref()];
    words.extend(only.map(AsRef::<std::ffi::OsStr>::as_ref));
    let ran = start(&words);
    assert_ne!(ran.status.code(), Some(124), "{document} hangs with Subplot");
    let stdout = String::from_utf8_lossy(&ran.stdout);
    let titles = stdout.lines().filter_map(|line| line.strip_prefix("scenario: ")).map(str::to_owned).collect();
    (titles, ran.status.code())
}

/// Returns the verdicts of greenroom, by title.
fn verdicts(project: &Project, documents: &[&str]) -> (BTreeMap<String, Verdict>, String) {
    let ran = project.run(["run"].iter().chain(documents));
    let screen = format!("{}\n{}", ran.stdout, ran.stderr);
    assert!(matches!(ran.status.code(), Some(0 | 1)), "{screen}");
    let mut verdicts = BTreeMap::new();
    for line in ran.stdout.lines() {
        let Some((word, title)) = line.split_once(" [TIME]  ") else { continue };
        // A remark follows two spaces.
        let title = title.split("  (").next().unwrap_or(title);
        let verdict = match word {
            "PASS" => Pass,
            "FAIL" | "BROKE" => Fail,
            _ => continue,
        };
        assert_eq!(verdicts.insert(title.to_owned(), verdict), None, "{title} has two verdicts\n{screen}");
    }
    (verdicts, screen)
}

#[test]
fn our_python_documents_pass_with_subplot_too() {
    let Some(subplot) = subplot() else { return };
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../acceptance/python");
    let mut project = Project::anywhere();
    for name in names(&directory).iter().filter(|name| !name.starts_with("__")) {
        project = project.file(name, fs::read(directory.join(name)).unwrap());
    }
    let documents: Vec<String> = names(&directory)
        .into_iter()
        .filter(|name| Path::new(name).extension().is_some_and(|e| e == "subplot"))
        .collect();
    let documents: Vec<&str> = documents.iter().map(String::as_str).collect();
    assert!(documents.len() >= 6, "{documents:?}");
    let (ours, screen) = verdicts(&project, &documents);
    let there = project.path("");
    let theirs: Mutex<BTreeMap<String, Verdict>> = Mutex::default();
    thread::scope(|scope| {
        for document in &documents {
            let (subplot, there, theirs) = (&subplot, &there, &theirs);
            scope.spawn(move || {
                let (titles, code) = generated(subplot, there, document, None);
                assert!(!titles.is_empty(), "{document}");
                for title in titles {
                    // The program does not say which scenarios failed, so run those of a failed
                    // document one by one.
                    let code = if code == Some(0) { code } else { generated(subplot, there, document, Some(&title)).1 };
                    let verdict = if code == Some(0) { Pass } else { Fail };
                    theirs.lock().unwrap().insert(title, verdict);
                }
            });
        }
    });
    let theirs = theirs.into_inner().unwrap();
    let titles: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
    let wrong: Vec<String> = titles
        .into_iter()
        .map(|title| (title, ours.get(title), theirs.get(title)))
        .filter(|(_, ours, theirs)| [ours, theirs] != [&Some(&Pass); 2])
        .map(|(title, ours, theirs)| format!("{title}: greenroom {ours:?}, Subplot {theirs:?}"))
        .collect();
    assert!(wrong.is_empty(), "{}\n\n{screen}", wrong.join("\n"));
}

/// A document of one scenario.
struct Case {
    title: &'static str,
    /// Step functions, and perhaps more Python. `trace` records values.
    functions: &'static str,
    /// Lines with the pattern of a binding, its function (`function/cleanup`) and a step, separated
    /// by ` | `.
    ///
    /// A line without separators is a step of a library.
    steps: &'static str,
    /// The verdicts of greenroom and of Subplot.
    verdicts: [Verdict; 2],
    /// Why the verdicts differ.
    because: Option<&'static str>,
    /// Whether the functions come after the libraries instead of before them.
    behind: bool,
}

/// Creates a case with the same verdict and the same recorded values.
fn both(verdict: Verdict, title: &'static str, functions: &'static str, steps: &'static str) -> Case {
    Case { title, functions, steps, verdicts: [verdict, verdict], because: None, behind: false }
}

/// Creates a case in which greenroom differs on purpose.
fn differ(
    verdicts: [Verdict; 2],
    title: &'static str,
    because: &'static str,
    functions: &'static str,
    steps: &'static str,
) -> Case {
    Case { title, functions, steps, verdicts, because: Some(because), behind: false }
}

const TRACE: &str = "import os\n\ndef trace(*values):\n    with open(os.path.join(srcdir, 'TRACE'), 'a', \
    encoding='utf-8') as f:\n        print(*values, file=f)\n\n";

impl Case {
    fn bindings(&self) -> String {
        let mut bindings = String::new();
        let mut seen = Vec::new();
        for line in self.steps.lines() {
            let parts: Vec<&str> = line.split(" | ").collect();
            let [pattern, functions, _] = parts[..] else { continue };
            if seen.contains(&pattern) {
                continue;
            }
            seen.push(pattern);
            let (function, cleanup) = functions.split_once('/').unwrap_or((functions, ""));
            let (kind, pattern) = pattern.split_once(' ').unwrap();
            let (regex, pattern) = pattern.strip_prefix("~ ").map_or((false, pattern), |pattern| (true, pattern));
            bindings += &format!("- {kind}: '{}'\n  regex: {regex}\n", pattern.replace('\'', "''"));
            bindings += &format!("  impl: {{python: {{function: {function}");
            bindings += &if cleanup.is_empty() { "}}\n".to_owned() } else { format!(", cleanup: {cleanup}}}}}\n") };
        }
        if bindings.is_empty() { "[]\n".to_owned() } else { bindings.replace("  regex: false\n", "") }
    }

    /// Writes the files of the case into a project, under this name.
    fn write(&self, project: Project, name: &str) -> Project {
        let steps: Vec<&str> = self.steps.lines().map(|line| line.split(" | ").last().unwrap()).collect();
        let own = format!("{name}.py");
        let files = ["lib/files.py", "lib/runcmd.py"];
        let files = if self.behind { [files[0], files[1], &own] } else { [&own, files[0], files[1]] };
        let subplot = format!(
            "title: {name}\nmarkdowns: [{name}.md]\nbindings: [{name}.yaml, lib/files.yaml, lib/runcmd.yaml]\n\
             impls: {{python: [{}]}}\n",
            files.join(", ")
        );
        project
            .file(&format!("{name}.subplot"), subplot)
            .file(
                &format!("{name}.md"),
                format!("# {}\n~~~scenario\n{}\n~~~\n\n~~~{{#a.txt .file}}\na\n~~~\n", self.title, steps.join("\n")),
            )
            .file(&format!("{name}.yaml"), self.bindings())
            .file(&format!("{name}.py"), TRACE.replace("TRACE", &format!("{name}.trace")) + self.functions)
    }
}

/// Returns and removes what the case of this name has recorded.
fn trace(directory: &Path, name: &str) -> String {
    let file = directory.join(format!("{name}.trace"));
    let trace = fs::read_to_string(&file).unwrap_or_default();
    let _ = fs::remove_file(file);
    trace
}

#[test]
fn small_documents_have_the_same_verdicts() {
    let Some(subplot) = subplot() else { return };
    let cases = cases();
    let name = |number: usize| format!("case{number}");
    let mut project = Project::anywhere();
    for (number, case) in cases.iter().enumerate() {
        project = case.write(project, &name(number));
    }
    let there = project.path("");
    let theirs: Vec<Mutex<(Verdict, String)>> = cases.iter().map(|_| Mutex::new((Refused, String::new()))).collect();
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(slot) = theirs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let number = theirs.iter().position(|other| std::ptr::eq(other, slot)).unwrap();
                    let code = generated(&subplot, &there, &format!("{}.subplot", name(number)), None).1;
                    let verdict = match code {
                        Some(0) => Pass,
                        Some(_) => Fail,
                        None => Refused,
                    };
                    *slot.lock().unwrap() = (verdict, trace(&there, &name(number)));
                }
            });
        }
    });
    let document = |number: usize| format!("{}.subplot", name(number));
    let carried_out: Vec<String> =
        (0..cases.len()).filter(|&n| cases[n].verdicts[0] != Refused).map(document).collect();
    let (ours, screen) = verdicts(&project, &carried_out.iter().map(String::as_str).collect::<Vec<_>>());
    let mut wrong = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        let verdict = match ours.get(case.title) {
            Some(&verdict) => verdict,
            None if project.run(["run", &document(number)]).status.code() == Some(2) => Refused,
            None => panic!("{} has not run\n{screen}", case.title),
        };
        let ours = (verdict, trace(&there, &name(number)));
        let theirs = theirs[number].lock().unwrap().clone();
        let same = case.because.is_some() || ours.1 == theirs.1;
        if [ours.0, theirs.0] != case.verdicts || !same {
            wrong.push(format!(
                "{}\n  greenroom: {ours:?}\n  Subplot:   {theirs:?}\n  expected:  {:?}",
                case.title, case.verdicts
            ));
        } else if case.because.is_some() && ours == theirs {
            wrong.push(format!("{}\n  no longer differs: {ours:?}", case.title));
        }
    }
    assert!(wrong.is_empty(), "{}\n\n{screen}", wrong.join("\n"));
}

#[expect(clippy::too_many_lines, reason = "it is a list")]
fn cases() -> Vec<Case> {
    vec![
        // Cleanups.
        both(
            Pass,
            "cleanups run in reverse with the captures of their steps",
            "def go(ctx, n=None):\n    trace('go', n)\ndef back(ctx, n=None):\n    trace('back', n)\n",
            "when I go {n} | go/back | when I go 1\nwhen I go {n} | go/back | and I go 2",
        ),
        both(
            Fail,
            "a failed step has no cleanup, and those before it have theirs",
            "def go(ctx, n=None):\n    trace('go', n)\n    assert n != '3'\n\
                def back(ctx, n=None):\n    trace('back', n)\n",
            "when I go {n} | go/back | when I go 1\nwhen I go {n} | go/back | and I go 2\n\
             when I go {n} | go/back | and I go 3\nwhen I go {n} | go/back | and I go 4",
        ),
        both(
            Fail,
            "a cleanup that fails",
            "def go(ctx):\n    pass\ndef back(ctx):\n    trace('back')\n    raise Exception('no way back')\n",
            "when I go | go/back | when I go",
        ),
        differ(
            [Fail, Fail],
            "cleanups after one that fails",
            "greenroom runs those that are left too: what they clear is still there",
            "def go(ctx, n=None):\n    pass\ndef back(ctx, n=None):\n    trace('back', n)\n    assert n == '1'\n",
            "when I go {n} | go/back | when I go 1\nwhen I go {n} | go/back | and I go 2",
        ),
        // Captures.
        both(
            Pass,
            "captures are texts as they stand",
            "def take(ctx, **captures):\n    trace(sorted(captures.items()))\n",
            "when int {n:int} | take | when int -007\n\
             when uint {n:uint} | take | and uint 00\n\
             when number {n:number} | take | and number -1\n\
             when word {w} | take | and word \\t\"'{}$HOME\n\
             when text {t:text} | take | and text  of   many  blanks, a\u{a0}\u{a0}hard one, \\t and \\x41\n\
             when nothing{t:text} | take | and nothing\n\
             when escaped {e:escapedtext} | take | and escaped \\t\\n \\x41 \\u{e9} \\\\\n\
             when escapedword {e:escapedword} | take | and escapedword a\\x20b\n\
             when path {p:path} | take | and path ../../x\n\
             when file {f:file} | take | and file a.txt\n\
             when keyword {class} | take | and keyword C\n\
             when Case {w} | take | and cASE Kept",
        ),
        differ(
            [Pass, Refused],
            "a decimal fraction",
            "Subplot ends with a panic",
            "def take(ctx, n=None):\n    assert_eq(n, '-1.50')\n",
            "when number {n:number} | take | when number -1.50",
        ),
        both(
            Pass,
            "captures of regular expressions are the named groups",
            "def take(ctx, **captures):\n    trace(sorted(captures.items()))\n",
            "when ~ (a|an) (?P<what>\\w+) of (?P<n>\\d+) | take | when a house of 12",
        ),
        both(
            Pass,
            "groups that take no part have the defaults of their parameters",
            "def take(ctx, user=None, password='none'):\n    trace(user, password)\n",
            "when ~ user (?P<user>\\S+) logs in( with \"(?P<password>[^\"]*)\")? | take | when user bob logs in\n\
             when ~ user (?P<user>\\S+) logs in( with \"(?P<password>[^\"]*)\")? | take | and user bob logs in with \
             \"\"\n\
             when ~ user (?P<user>\\S+) logs in( with \"(?P<password>[^\"]*)\")? | take | and user bob logs in with \
             \"x\"",
        ),
        both(
            Fail,
            "a capture is not a number",
            "def take(ctx, n=None):\n    trace(n * 2)\n    trace(n + 1)\n",
            "when I take {n:int} | take | when I take 21",
        ),
        both(
            Pass,
            "what is not captured has its default",
            "def take(ctx, n='none', more='more'):\n    trace(n, more)\n",
            "when I take {n} | take | when I take 1\nwhen I take | take | and I take",
        ),
        differ(
            [Pass, Fail],
            "an embedded file by its name in other letters",
            "documents may name their files so, in both; in Subplot only until the file is wanted",
            "def take(ctx, f=None):\n    assert_eq(get_file(f), b'a\\n')\n",
            "when I take {f:file} | take | when I take A.TXT",
        ),
        both(
            Pass,
            "the name of an embedded file is as the step has it",
            "def take(ctx, f=None):\n    trace(f)\n",
            "when I take {f:file} | take | when I take A.TXT",
        ),
        both(
            Pass,
            "what a function returns says nothing",
            "def take(ctx):\n    return False\n",
            "when I take | take | when I take",
        ),
        // The context.
        both(
            Fail,
            "asking the context with a default stores nothing",
            "def take(ctx):\n    trace(ctx.get('x', 1))\n    trace(ctx['x'])\n",
            "when I take | take | when I take",
        ),
        both(
            Pass,
            "asking a name space with a default stores it",
            "def take(ctx):\n    trace(ctx.declare('s').get('x', 1), ctx.declare('s').get('x', 2), \
                ctx.declare('s')['x'])\n",
            "when I take | take | when I take",
        ),
        both(
            Fail,
            "asking a name space without a default stores nothing",
            "def take(ctx):\n    trace(ctx.declare('s').get('x'))\n    trace(ctx.declare('s')['x'])\n",
            "when I take | take | when I take",
        ),
        both(
            Fail,
            "what is not in the context cannot be deleted",
            "def take(ctx):\n    ctx['a'] = 1\n    del ctx['a']\n    trace(ctx)\n    del ctx['a']\n",
            "when I take | take | when I take",
        ),
        both(
            Fail,
            "a context has no attributes and no pop",
            "def take(ctx):\n    ctx['a'] = 1\n    ctx.pop('a')\n",
            "when I take | take | when I take",
        ),
        both(
            Pass,
            "a context as text",
            "def take(ctx):\n    ctx['a'] = [1]\n    ctx.declare('s')['b'] = 'c'\n    trace(repr(ctx), str(ctx), \
                list(ctx.keys()), ctx.as_dict())\n",
            "when I take | take | when I take",
        ),
        both(
            Fail,
            "a value is remembered once",
            "def take(ctx):\n    ctx.remember_value('x', 'y')\n    trace(ctx.recall_value('x'), \
                ctx.expand_values('${x}'))\n    ctx.remember_value('x', 'y')\n",
            "when I take | take | when I take",
        ),
        both(
            Fail,
            "a value that was not remembered",
            "def take(ctx):\n    trace(ctx.expand_values('$${x} is kept'))\n    ctx.expand_values('${x}')\n",
            "when I take | take | when I take",
        ),
        differ(
            [Pass, Fail],
            "a value in the middle of a text",
            "Subplot loses the text in front of it",
            "def take(ctx):\n    ctx.remember_value('x', 'y')\n    assert_eq(ctx.expand_values('a-${x}-b'), 'a-y-b')\n",
            "when I take | take | when I take",
        ),
        differ(
            [Pass, Fail],
            "two values side by side",
            "Subplot takes them for one with an odd name",
            "def take(ctx):\n    ctx.remember_value('x', 'y')\n    assert_eq(ctx.expand_values('${x}${x}'), 'yy')\n",
            "when I take | take | when I take",
        ),
        // Checks.
        both(
            Fail,
            "equal values of two types in dictionaries",
            "def take(ctx):\n    assert_eq({'a': 1}, {'a': 1.0})\n    trace('equal')\n    assert_dict_eq({'a': 1}, \
                {'a': 1.0})\n",
            "when I take | take | when I take",
        ),
        both(
            Fail,
            "dictionaries are not lists",
            "def take(ctx):\n    assert_dict_eq([], [])\n",
            "when I take | take | when I take",
        ),
        both(
            Fail,
            "equal values are not unequal",
            "def take(ctx):\n    assert_ne('a', 'a')\n",
            "when I take | take | when I take",
        ),
        // Several files, and names.
        both(
            Pass,
            "a library behind a file replaces what it defines",
            "def files_file_exists(ctx, filename=None):\n    assert False\n\
                def take(ctx):\n    files_file_exists(ctx, filename='a.txt')\n",
            "given file a.txt\nthen file a.txt exists\nwhen I take | take | when I take",
        ),
        both(
            Pass,
            "a function replaces a helper for the functions that follow",
            "def take(ctx):\n    globals()['assert_eq'] = lambda a, b: trace(a, b)\n\
                def check(ctx):\n    assert_eq(1, 2)\n    runcmd_run(ctx, ['false'])\n    \
                runcmd_exit_code_is_zero(ctx)\n",
            "when I take | take | when I take\nthen it holds | check | then it holds",
        ),
        Case {
            behind: true,
            ..both(
                Fail,
                "a file behind a library replaces what it defines, for functions",
                "def runcmd_get_exit_code(ctx):\n    trace('own')\n    return 3\n\
                    def take(ctx):\n    runcmd_exit_code_is(ctx, exit='3')\n    runcmd_exit_code_is_zero(ctx)\n",
                "when I take | take | when I take",
            )
        },
        Case {
            behind: true,
            ..differ(
                [Pass, Fail],
                "a file behind a library replaces what it defines, for steps",
                "greenroom runs the steps of its libraries itself",
                "def files_file_exists(ctx, filename=None):\n    assert False\n",
                "given file a.txt\nthen file a.txt exists",
            )
        },
        differ(
            [Pass, Fail],
            "a file's own version of a helper",
            "Subplot quietly replaces what a file defines under the name of one of its helpers",
            "def assert_eq(a, b, message=None):\n    trace(message)\ndef take(ctx):\n    assert_eq(1, 2, 'own')\n",
            "when I take | take | when I take",
        ),
        differ(
            [Pass, Fail],
            "helpers while a file is loaded",
            "Subplot defines its helpers behind the files",
            "assert_eq(type(srcdir), str)\ndef take(ctx):\n    pass\n",
            "when I take | take | when I take",
        ),
        differ(
            [Pass, Fail],
            "what a file does as a program",
            "the main block of a step file does not run",
            "def take(ctx):\n    pass\nif __name__ == '__main__':\n    raise SystemExit(1)\n",
            "when I take | take | when I take",
        ),
        differ(
            [Refused, Fail],
            "a function that is not there",
            "greenroom says so before anything runs",
            "",
            "when I take | take | when I take",
        ),
        differ(
            [Refused, Fail],
            "a capture that the function does not take",
            "greenroom says so before anything runs",
            "def take(ctx):\n    pass\n",
            "when I take {n} | take | when I take 1",
        ),
        differ(
            [Refused, Fail],
            "a file of invalid Python",
            "greenroom says so before anything runs",
            "def take(ctx)\n    pass\n",
            "when I take | take | when I take",
        ),
        both(
            Fail,
            "a module that is not there",
            "import nosuch_module_of_greenroom\ndef take(ctx):\n    trace('taken')\n",
            "when I take | take | when I take",
        ),
        // How a function ends.
        both(
            Fail,
            "an exception of one's own",
            "class Odd(Exception):\n    pass\ndef take(ctx):\n    raise Odd('odd')\n",
            "when I take | take | when I take",
        ),
        both(
            Fail,
            "a function that leaves with an error",
            "import sys\ndef take(ctx):\n    sys.exit(3)\n",
            "when I take | take | when I take",
        ),
        differ(
            [Fail, Pass],
            "a function that leaves without an error",
            "Subplot's program ends there, and with success",
            "import sys\ndef take(ctx):\n    sys.exit(0)\n",
            "when I take | take | when I take",
        ),
        differ(
            [Fail, Pass],
            "an asynchronous function",
            "Subplot never carries it out",
            "async def take(ctx):\n    assert False\n",
            "when I take | take | when I take",
        ),
        differ(
            [Fail, Pass],
            "a function with yield",
            "Subplot never carries it out",
            "def take(ctx):\n    assert False\n    yield\n",
            "when I take | take | when I take",
        ),
        // Commands and files.
        both(
            Fail,
            "a command that fails is a result, and a check of it fails",
            "def take(ctx):\n    runcmd_run(ctx, ['sh', '-c', 'echo out; exit 3'])\n    \
                trace(ctx.declare('_runcmd')['exit'], runcmd_get_stdout(ctx))\n    runcmd_exit_code_is_zero(ctx)\n",
            "when I take | take | when I take",
        ),
        both(
            Fail,
            "a command that is not there",
            "def take(ctx):\n    runcmd_run(ctx, ['nosuch-program-of-greenroom'])\n",
            "when I take | take | when I take",
        ),
        both(
            Pass,
            "a command killed by a signal has a negative exit code",
            "def take(ctx):\n    runcmd_run(ctx, ['sh', '-c', 'kill -9 $$'])\n    trace(runcmd_get_exit_code(ctx))\n",
            "when I take | take | when I take\nthen exit code is -9",
        ),
        both(
            Pass,
            "settings for commands last for the scenario",
            "def take(ctx):\n    runcmd_prepend_to_path(ctx, dirname='/one')\n    runcmd_prepend_to_path(ctx, \
                dirname='/two')\n    runcmd_stdin_is(ctx, text='fed')\n    \
                trace(ctx.declare('_runcmd')['path-prefix'])\ndef check(ctx):\n    runcmd_run(ctx, ['sh', '-c', 'echo \
                $PATH | cut -d: -f1-2; cat'])\n    trace(runcmd_get_stdout(ctx))\n",
            "when I take | take | when I take\nthen it holds | check | then it holds",
        ),
        differ(
            [Pass, Fail],
            "a command that writes invalid UTF-8",
            "Subplot cannot run it at all; here the bytes can still be looked at",
            "def take(ctx):\n    runcmd_run(ctx, ['printf', '\\\\377'])\n    assert_eq(runcmd_get_stdout_raw(ctx), \
                b'\\xff')\n",
            "when I take | take | when I take",
        ),
        differ(
            [Fail, Pass],
            "an empty directory is not empty",
            "Subplot's check cannot fail",
            "def take(ctx):\n    files_make_directory(ctx, path='d')\n    files_directory_is_not_empty(ctx, \
                path='d')\n",
            "when I take | take | when I take",
        ),
        differ(
            [Refused, Pass],
            "an expression with alternatives",
            "Subplot takes what begins as one alternative, or ends as the other; greenroom has them mean whole steps",
            "def take(ctx):\n    pass\n",
            "when ~ I take|I leave | take | when I take more than there is",
        ),
    ]
}
