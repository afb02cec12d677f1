//! Pages of runs: what happened, beside the steps of the document.

use std::fs;

use crate::support::{Project, document};

/// Runs a document in which a scenario fails, and returns its page.
fn page_of(project: Project, text: &str, options: &[&str]) -> String {
    let project = project.file("x.md", text);
    let ran = project.run([&["run", "x.md", "--html", "x.html", "--events", "x.jsonl"], options].concat()).code(1);
    assert!(ran.stderr.is_empty(), "{}", ran.stderr);
    let page = fs::read_to_string(project.path("x.html")).unwrap();
    // The recording makes the same page.
    project.run(["report", "x.jsonl", "--html", "again.html"]).code(1);
    let again = fs::read_to_string(project.path("again.html")).unwrap();
    let differs = page.split_inclusive('>').zip(again.split_inclusive('>')).find(|(one, other)| one != other);
    assert_eq!(differs, None);
    assert_eq!(again.len(), page.len());
    page
}

/// Returns the part of a page from one text to the next occurrence of another.
#[track_caller]
fn between<'a>(page: &'a str, from: &str, to: &str) -> &'a str {
    let (_, rest) = page.split_once(from).unwrap_or_else(|| panic!("no {from} in {page}"));
    rest.split_once(to).unwrap_or_else(|| panic!("no {to} after {from}")).0
}

#[test]
fn hostile_output_stays_text() {
    let script = "#!/bin/sh\n\
                  head -c 1000000 /dev/zero | tr '\\0' x\n\
                  printf '\\n</script><script>alert(1)</script><img src=x onerror=alert(1)>\\n'\n\
                  printf '\\033[31mred\\033[0m \\033[2J\\377\\000\\342\\200\\256\\n'\n\
                  head -c 6000 /dev/zero | tr '\\0' y\n";
    let text = document(
        "## <b>Evil</b> & co\n\n```scenario\ngiven srcdir is in the PATH\n\
         when I run evil\nthen stdout contains \"never\"\n```\n",
    );
    let page = page_of(Project::anywhere().program("evil", script), &text, &[]);
    assert_eq!(page.matches("<script>").count(), 1, "the page's own");
    assert!(!page.contains("<img"));
    assert!(page.contains("&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;"));
    assert!(page.contains(r#"<span class="f1">red</span> <span class="c">\x1b</span>[2J<span class="c">\xff</span>"#));
    assert!(page.contains(r#"<span class="c">\0</span><span class="c">\u{202e}</span>"#));
    assert!(page.contains("<span class=\"cut\">… (2000 characters more)</span>"), "a long line is cut");
    assert!(page.contains("1.0 MB before)"), "and so is a megabyte");
    assert!(page.len() < 200_000, "{}", page.len());
}

#[test]
fn a_crash_is_shown_with_its_time_line_and_its_output() {
    let daemon = "echo up\nread line < go\necho no memory >&2\nexit 7\n";
    let text = document(
        "## Crash\n\n```{.scenario label=daemon}\ngiven file daemon.sh\nwhen I run mkfifo go\n\
         and I start \"sh daemon.sh\" as a background process as web\n\
         and I wait for daemon web to write \"up\" to stdout\nand I run sh -c \"echo > go\"\n\
         and I wait for daemon web to write \"ready\" to stdout\nthen daemon web is running\n```\n",
    ) + &format!("\n```{{#daemon.sh .file}}\n{daemon}```\n");
    let page = page_of(Project::anywhere(), &text, &["--timeout", "30s"]);
    let step = between(&page, "id=\"crash-step-6\"", "id=\"crash-step-7\"");
    assert!(step.contains("<b>failed</b>"), "{step}");
    assert!(step.contains("<p class=\"message\">daemon web ended with exit status 7 without writing"), "{step}");
    assert!(step.contains("--name Crash</code>"), "{step}");
    let line = between(&page, "<div class=\"time-line\">", "<details class=\"as-table\">");
    assert!(line.contains("<b>web</b>: ready after ") && line.contains("exited with status 7 after "), "{line}");
    let daemon = between(&page, "<details class=\"daemon crashed\" open>", "</details>");
    assert!(daemon.contains("<code>sh daemon.sh</code>"), "{daemon}");
    let lines: Vec<&str> = daemon.split("<span class=\"t\">").skip(1).collect();
    assert_eq!(lines.len(), 2, "a time for each line: {daemon}");
    assert!(lines[0].contains(" s</span>up\n") && lines[1].contains(" s</span>no memory\n"), "{daemon}");
    assert!(page.contains("<span class=\"label\">daemon</span>"));
}

#[test]
fn a_long_output_is_cut_and_says_how_much_is_missing() {
    let text =
        document("## Long\n\n```scenario\nwhen I run seq 1 100000\nand I run sh -c \"seq 1 5000; exit 1\"\n```\n");
    let page = page_of(Project::anywhere(), &text, &[]);
    let passed = between(&page, "id=\"long-step-1\"", "id=\"long-step-2\"");
    assert!(passed.contains("<details class=\"output\"><summary>output</summary>"), "{passed}");
    assert!(
        passed.contains(" lines, ") && passed.contains(" before)") && passed.contains("100000\n</pre>"),
        "{passed}"
    );
    let failed = between(&page, "id=\"long-step-2\"", "</li>");
    assert!(failed.contains("(last 200 lines, ") && failed.contains("5000\n</pre>"), "{failed}");
    assert!(page.len() < 250_000, "{}", page.len());
}

#[test]
fn all_attempts_at_a_flaky_scenario_are_in_the_page() {
    let script =
        "#!/bin/sh\necho >>\"$0.calls\"\ncalls=$(wc -l <\"$0.calls\")\necho \"call $calls\"\ntest \"$calls\" -ge 3\n";
    let text = document(
        "## Flaky\n\n```scenario\ngiven srcdir is in the PATH\nwhen I run shaky\n```\n\n\
         ## Fails\n\n```scenario\nwhen I run false\n```\n",
    );
    let page = page_of(Project::anywhere().program("shaky", script), &text, &["--retries", "2"]);
    assert!(page.contains("data-state=\"flaky\""));
    let flaky = between(&page, "aria-labelledby=\"flaky\"", "</section>");
    for part in ["attempt 3 of 3", "attempt 1 of 3: ", "attempt 2 of 3: ", "call 1\n", "call 2\n", "call 3\n"] {
        assert!(flaky.contains(part), "{part}: {flaky}");
    }
    assert!(page.contains("<b>1</b> flaky"), "counted in the head");
}

#[test]
fn a_rerun_with_nothing_left_is_a_success_in_the_page() {
    let text = document("## Good\n\n```scenario\nwhen I run true\n```\n");
    let project = Project::anywhere().file("x.md", text);
    project.run(["run", "-q", "x.md"]).passes();
    project.run(["run", "-q", "--rerun", "failed", "x.md", "--html", "x.html"]).passes();
    let page = fs::read_to_string(project.path("x.html")).unwrap();
    let verdict = between(&page, "<p class=\"verdict ", "</p>");
    assert_eq!(verdict, "passed\">nothing left to rerun: the only scenario passed in the last run");
}

#[test]
fn reports_count_repetitions_that_were_not_run() {
    let text =
        document("## Bad\n\n```scenario\nwhen I run false\n```\n\n## Other\n\n```scenario\nwhen I run true\n```\n");
    let project = Project::anywhere().file("x.md", text);
    let reports = ["--html", "x.html", "--junit", "x.xml", "--events", "x.jsonl"];
    let run = ["run", "-j1", "--format", "tap", "--until-failure", "x.md"];
    let tap = project.run([&run[..], &reports].concat()).code(1).stdout;
    let read = |name: &str| fs::read_to_string(project.path(name)).unwrap();
    let why = "1998 repetitions not run: an earlier scenario failed (--until-failure)";
    assert!(tap.contains(&format!("    ok 3 - repetitions that were not run # SKIP {why}\n    1..3\n")), "{tap}");
    assert_eq!(tap.matches(" # SKIP ").count(), 2, "Other and the repetitions: {tap}");
    let junit = read("x.xml");
    assert_eq!(junit.matches("<testcase ").count(), 3, "{junit}");
    assert!(junit.contains(&format!("<skipped message=\"{why}\"/>")), "{junit}");
    let teamcity = project.run(["report", "--format", "teamcity", "x.jsonl"]).code(1).stdout;
    assert_eq!(teamcity.matches("##teamcity[testIgnored ").count(), 2, "{teamcity}");
    assert!(teamcity.contains(&format!("name='repetitions that were not run' message='{why}'")), "{teamcity}");
    let page = read("x.html");
    let bad = between(&page, "aria-labelledby=\"bad\"", "</section>");
    assert_eq!(bad.matches("repetition").count(), 2, "{bad}");
    assert!(bad.contains("999 other repetitions"), "{bad}");
}
