//! `greenroom html`, and `--html` of `run` and `report`: where pages go, what is in them, what is refused.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::process::Signal;
use snapbox::str;

use crate::support::{Fifo, Project, document};

const GUIDE: &str = "\
---
title: Guide
subtitle: How it works
authors: [Ada, Grace]
date: today
bindings: [lib/runcmd.yaml, lib/files.yaml]
css_embed: [extra.css]
css_urls: ['https://example.com/a.css']
---

# Chapter

![logo](logo.png) and ![gone](gone.png)

## It works {#works}

~~~{.scenario label=quick}
given file a.txt
when I run cat a.txt
then stdout contains \"hello\"
~~~

~~~{#a.txt .file .python}
hello # world
~~~

Text <b onclick=\"alert(1)\">kept</b> [x](javascript:alert(1))

<script>alert(1)</script>
";

const PNG: &[u8] = b"\x89PNG\r\n\x1a\nrest";

fn page(project: &Project, path: &str) -> String {
    fs::read_to_string(project.path(path)).unwrap()
}

#[test]
fn a_document_is_typeset_with_its_pictures_and_styles() {
    let project =
        Project::new().file("guide.md", GUIDE).file("logo.png", PNG).file("extra.css", "b { color: red }</style>");
    project
        .run(["html", "guide.md", "-o", "out/guide.html"])
        .code(0)
        .stdout(str![[r#"
wrote out/guide.html

"#]])
        .stderr(str![[r#"
warning[missing-asset]: the page will lack the picture `gone.png`: it does not exist
  --> guide.md:13:23
   |
13 | ![logo](logo.png) and ![gone](gone.png)
   |                       ^^^^^^^^^^^^^^^^^

1 warning

"#]]);
    let page = page(&project, "out/guide.html");
    for text in [
        "<p class=\"document-title\">Guide</p>",
        "Ada, Grace",
        "<h2 id=\"works\">It works</h2>",
        "data:image/png;base64,iVBORw0KGgpyZXN0",
        "Missing picture: gone.png (gone)",
        "id=\"works-step-1\"",
        "href=\"#file-a.txt\"",
        "<span class=\"hl-comment\"># world</span>",
        "<style>b { color: red }<\\/style></style>",
        "<b>kept</b> x",
        "It works, step 1",
    ] {
        assert!(page.contains(text), "{text} in\n{page}");
    }
    for text in ["alert(1)</script>", "onclick", "javascript:", "https://example.com/a.css"] {
        assert!(!page.contains(text), "{text} in\n{page}");
    }
}

#[test]
fn addresses_of_style_sheets_are_linked_on_demand() {
    let project = Project::new().file("guide.md", GUIDE);
    project.run(["html", "guide.md", "-o", "guide.html", "--allow-css-urls"]).code(0);
    let page = page(&project, "guide.html");
    assert!(page.contains("<link rel=\"stylesheet\" href=\"https://example.com/a.css\">"), "{page}");
    assert!(page.contains(" https://example.com/a.css; img-src data:"), "{page}");
}

#[test]
fn a_document_with_mistakes_is_typeset_as_far_as_it_can_be_read() {
    let project = Project::new().file("a.md", "# A\n\n~~~scenario\nwhen I do what nothing matches\n~~~\n");
    let output = project.run(["html", "a.md", "-o", "a.html"]);
    output.code(2);
    assert!(page(&project, "a.html").contains("I do what nothing matches"));
}

#[test]
fn a_document_without_scenarios_is_typeset() {
    let project = Project::new().file("a.md", "# A\n\nText.[^1]\n\n[^1]: A footnote.\n");
    project.run(["html", "a.md", "-o", "a.html"]).passes().stderr("");
    assert!(page(&project, "a.html").contains("[^1]"));
}

#[test]
fn several_documents_make_an_index_and_a_page_each() {
    let scenario = |title: &str| format!("# {title}\n\n~~~{{.scenario label=quick}}\nwhen I run true\n~~~\n");
    let project = Project::new().file("a.md", scenario("First")).file("b/a.md", scenario("Second & last"));
    project.run(["run", "-q", "a.md", "b/a.md", "--html", "report.html"]).passes();
    let index = page(&project, "report.html");
    for text in
        ["href=\"report/a.html\">First<", "href=\"report/a-2.html\">Second &amp; last<", "<th scope=\"col\">quick</th>"]
    {
        assert!(index.contains(text), "{text} in\n{index}");
    }
    assert!(page(&project, "report/a-2.html").contains("Second &amp; last"));
    project.run(["html", "a.md", "b/a.md", "-o", "site/"]).passes();
    assert!(page(&project, "site/index.html").contains("href=\"a-2.html\""));
}

#[test]
fn a_recording_gives_the_page_of_its_run() {
    let project = Project::new().file("guide.md", GUIDE).file("logo.png", PNG);
    project.run(["run", "-q", "guide.md", "--html", "run.html", "--events", "events.json"]).code(0);
    fs::remove_file(project.path("logo.png")).unwrap();
    fs::remove_file(project.path("guide.md")).unwrap();
    project.run(["report", "events.json", "--html", "again.html"]).passes();
    // A recording has times in microseconds, which moves the bars of time lines by less than that.
    let without_places = |path| page(&project, path).replace(|c: char| c.is_ascii_digit() || c == '.', "");
    assert_eq!(without_places("run.html"), without_places("again.html"));
    assert!(page(&project, "again.html").contains("data:image/png"));
}

#[test]
fn a_page_says_which_scenarios_are_not_in_the_run() {
    let scenario = |title: &str| format!("# {title}\n~~~scenario\nwhen I run true\n~~~\n");
    let text = document(&["One", "Two", "Three"].map(scenario).join(""));
    let project = Project::new().file("x.md", text);
    let verdict = |options: &[&str]| {
        project.run(["run", "--html", "x.html", "x.md"].iter().chain(options)).passes();
        let page = page(&project, "x.html");
        let between = |text: &str, start: &str, end: &str| {
            let (_, rest) = text.split_once(start).unwrap_or_else(|| panic!("no {start} in {text}"));
            rest.split_once(end).unwrap().0.to_owned()
        };
        let verdict = between(&page, "<p class=\"verdict passed\">", "</p>");
        let counts = between(&page, "<ul class=\"counts\">", "</ul>");
        let has_button = counts.contains("<li data-state=\"not-run\">");
        let reasons =
            page.split("<span class=\"reason\">").skip(1).map(|text| text.split_once('<').unwrap().0.to_owned());
        (verdict, has_button, reasons.collect::<Vec<_>>())
    };
    assert_eq!(verdict(&[]), ("all 3 scenarios passed".to_owned(), false, vec![]));
    let expected = ("the selected scenario passed".to_owned(), true, vec!["not selected".to_owned(); 2]);
    assert_eq!(verdict(&["--name", "Two"]), expected);
    let elsewhere = "not in this part of the run: partition count 1/2".to_owned();
    let expected = ("all 2 selected scenarios passed".to_owned(), true, vec![elsewhere]);
    assert_eq!(verdict(&["--partition", "count:1/2"]), expected);
}

#[test]
fn a_page_that_cannot_be_written_is_refused_before_the_run() {
    let project = Project::new().file("a.md", "# A\n\n~~~scenario\nwhen I run touch ran\n~~~\n").file("file", "");
    project.run(["run", "a.md", "--html", "file/a.html"]).code(4).stdout("").stderr(str![[r#"
greenroom: failed to write file/a.html: Not a directory (os error 20)

"#]]);
    project.run(["run", "a.md", "--html", "-"]).code(3).stdout("").stderr(str![[r#"
greenroom: a page cannot go to standard output; name a file or a directory

"#]]);
    project.run(["run", "a.md", "--html", "a.html", "--events", "a.html"]).code(3).stdout("").stderr(str![[r#"
greenroom: --events a.html would overwrite a page of --html a.html

"#]]);
    let named = Project::new().file("a.html.md", "# A\n\n~~~scenario\nwhen I run true\n~~~\n");
    named.run(["html", "a.html.md", "-o", "a.html"]).passes();
    let linked = Project::new().file("a.md", "# A\n\n~~~scenario\nwhen I run true\n~~~\n").link("a.html", "a.md");
    linked.run(["html", "a.md", "-o", "a.html"]).code(3).stdout("").stderr(str![[r#"
greenroom: --output a.html would overwrite a document: a.md

"#]]);
    linked.run(["run", "a.md", "--html", "a.html"]).code(3).stdout("").stderr(str![[r#"
greenroom: --html a.html would overwrite a document: a.md

"#]]);
}

#[test]
fn a_diagram_that_cannot_be_drawn_is_shown_as_source() {
    let project = Project::new()
        .env("PATH", "/nonexistent")
        .file("a.md", "# A\n\n~~~mermaid\ngraph LR; a --> b\n~~~\n\n~~~roadmap\na: b\n~~~\n");
    project.run(["html", "a.md", "-o", "a.html"]).passes();
    let page = page(&project, "a.html");
    assert!(page.contains("Diagram as source: the program `mmdc` is not on PATH"), "{page}");
    assert!(page.contains("Diagram as source: it is not a roadmap: task `a` is text"), "{page}");
    assert!(page.contains("graph LR; a --&gt; b"), "{page}");
}

#[test]
fn pictures_that_cannot_be_shown_are_named() {
    let text = "# A\n\n![](gone.png) ![](text.png)\n\n<img src=\"fifo.png\" alt=\"pipe\">\n";
    let project = Project::new().file("docs/a.md", text).file("docs/text.png", "no picture").fifo("docs/fifo.png");
    fs::write(project.path("docs/big.md"), "# B\n\n![](../big.png)\n").unwrap();
    let big = fs::File::create(project.path("big.png")).unwrap();
    big.set_len(6 << 20).unwrap();
    project.run(["html", "docs/a.md", "docs/big.md", "-o", "out"]).code(0).stderr(str![[r#"
warning[missing-asset]: the page will lack the picture `gone.png`: it does not exist
 --> docs/a.md:3:1
  |
3 | ![](gone.png) ![](text.png)
  | ^^^^^^^^^^^^^
  |
  = note: its path is docs/gone.png

warning[missing-asset]: the page will lack the picture `text.png`: not a picture: expected PNG, JPEG, GIF, WebP, AVIF, BMP, ICO or SVG
 --> docs/a.md:3:15
  |
3 | ![](gone.png) ![](text.png)
  |               ^^^^^^^^^^^^^
  |
  = note: its path is docs/text.png

warning[missing-asset]: the page will lack the picture `fifo.png`: not a regular file
 --> docs/a.md:5:1
  |
5 | <img src="fifo.png" alt="pipe">
  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = note: its path is docs/fifo.png

warning[missing-asset]: the page will lack the picture `../big.png`: it has 6.3 MB; the limit is 5 MiB
 --> docs/big.md:3:1
  |
3 | ![](../big.png)
  | ^^^^^^^^^^^^^^^
  |
  = note: its path is docs/../big.png

4 warnings

"#]]);
    let page = page(&project, "out/a.html");
    assert!(page.contains("Missing picture: fifo.png (pipe)"), "{page}");
}

#[test]
fn a_tool_that_fails_is_named() {
    let dot = "#!/bin/sh\nsetsid sleep 1000 & echo 'syntax error in line 1' >&2\nexit 1\n";
    let project =
        Project::new().file("bin/dot", dot).mode("bin/dot", 0o755).file("a.md", "# A\n\n~~~dot\n<svg>\n~~~\n");
    let path = format!("{}:/usr/bin:/bin", project.path("bin").display());
    let project = project.env("PATH", path);
    project.run(["html", "a.md", "-o", "a.html"]).passes().stderr("");
    let page = page(&project, "a.html");
    assert!(page.contains("Diagram as source: `dot` ended with exit status 1: syntax error in line 1"), "{page}");
    project.nothing_is_left();
}

/// What the program `pikchr` of Pikchr's own source does, without its drawing.
const PIKCHR: &str = r#"#!/bin/sh
test "$*" = "--svg-only -" || exit 7
case $(cat) in
box*) printf "<svg xmlns='http://www.w3.org/2000/svg' class=\"pikchr\" viewBox=\"0 0 256.32 76.32\">\n</svg>\n" ;;
*) printf '/*    1 */  bax "Hello"\n                      ^\nERROR: syntax error\n\n'; exit 1 ;;
esac
"#;

const PIKCHR_BLOCKS: &str = "# A\n\n~~~pikchr\nbox \"Hello\"\n~~~\n\n~~~pikchr\nbax \"Hello\"\n~~~\n\n~~~pikchr\n~~~\n";

/// Checks the page of [`PIKCHR_BLOCKS`].
#[track_caller]
fn pikchr_is_drawn(project: &Project) {
    project.run(["html", "a.md", "-o", "a.html"]).passes().stderr("");
    let page = page(project, "a.html");
    assert!(page.contains("alt=\"Diagram (pikchr); its source is below\" width="), "{page}");
    let reason = "Diagram as source: `pikchr` ended with exit status 1: syntax error in line 1: bax &quot;Hello&quot;";
    assert!(page.contains(reason), "{page}");
    assert!(page.contains("Diagram as source: the block is empty"), "{page}");
}

#[test]
fn pikchr_draws_in_its_own_size_and_says_what_is_wrong() {
    let project = Project::new().program("bin/pikchr", PIKCHR).file("a.md", PIKCHR_BLOCKS);
    let path = format!("{}:/usr/bin:/bin", project.path("bin").display());
    pikchr_is_drawn(&project.env("PATH", path));
}

#[test]
fn the_real_pikchr_draws() {
    if !["/usr/local/bin/pikchr", "/usr/bin/pikchr"].into_iter().any(|path| Path::new(path).exists()) {
        println!("skipped: pikchr is not installed");
        return;
    }
    pikchr_is_drawn(&Project::new().file("a.md", PIKCHR_BLOCKS));
}

/// Prints the variables by which Puppeteer finds a browser, as a drawing.
const MMDC: &str = r#"#!/bin/sh
echo "<svg><!-- ${PUPPETEER_EXECUTABLE_PATH-unset} ${PUPPETEER_CACHE_DIR-unset} --></svg>"
"#;

#[test]
fn mermaid_finds_the_browser_of_the_system_or_of_the_user() {
    // Returns what Puppeteer gets as its browser and its cache, if the user has this variable.
    let found = |variable: Option<(&str, &str)>| {
        let project = Project::new()
            .program("bin/mmdc", MMDC)
            .program("bin/chromium", "#!/bin/sh\n")
            .file("home/.cache/puppeteer/firefox/note", "")
            .file("browsers/chrome/note", "")
            .file("a.md", "# A\n\n~~~mermaid\ngraph LR; a --> b\n~~~\n");
        let root = project.path("").display().to_string();
        let mut project = project.env("PATH", format!("{root}bin:/bin")).env("HOME", format!("{root}home"));
        if let Some((name, value)) = variable {
            project = project.env(name, value.replace("ROOT/", &root));
        }
        project.run(["html", "a.md", "-o", "a.html"]).passes();
        let page = page(&project, "a.html");
        let (_, drawing) = page.split_once("data:image/svg+xml;base64,").unwrap_or_else(|| panic!("{page}"));
        let drawing = STANDARD.decode(drawing.split_once('"').unwrap().0).unwrap();
        String::from_utf8(drawing).unwrap().replace(&root, "ROOT/")
    };
    assert_eq!(found(None), "<svg><!-- ROOT/bin/chromium unset --></svg>\n");
    let cache = ("PUPPETEER_CACHE_DIR", "ROOT/browsers");
    assert_eq!(found(Some(cache)), "<svg><!-- unset ROOT/browsers --></svg>\n");
    let own = ("PUPPETEER_EXECUTABLE_PATH", "/opt/chrome");
    assert_eq!(found(Some(own)), "<svg><!-- /opt/chrome unset --></svg>\n");
}

#[test]
fn ctrl_c_while_a_diagram_is_drawn_leaves_nothing_behind() {
    let dot = "#!/bin/sh\nsetsid sleep 1000 &\necho drawing >\"${0%/bin/dot}/fifo\"\nexec sleep 1000\n";
    let text = document("# A\n\n~~~dot\n<svg>\n~~~\n\n~~~scenario\nwhen I run true\n~~~\n");
    let project = Project::new().file("bin/dot", dot).mode("bin/dot", 0o755).fifo("fifo").file("a.md", text);
    let path = format!("{}:/usr/bin:/bin", project.path("bin").display());
    let project = project.env("PATH", path);
    let typesets = project.start(["html", "a.md", "-o", "typeset.html"]);
    Fifo::open(project.path("fifo")).line();
    typesets.signal(Signal::INT).finish().code(130).stderr("").stdout("");
    assert!(!project.path("typeset.html").exists());
    project.nothing_is_left();
    // What happened in a run is not lost.
    let runs = project.start(["run", "-q", "a.md", "--html", "run.html"]);
    Fifo::open(project.path("fifo")).line();
    runs.signal(Signal::INT).finish().code(130).stderr("");
    let page = page(&project, "run.html");
    assert!(page.contains("Diagram as source: greenroom was interrupted while it drew diagrams"), "{page}");
    assert!(page.contains("the scenario passed"), "{page}");
    project.nothing_is_left();
}

#[test]
fn links_between_documents_lead_to_their_pages() {
    let project = Project::new()
        .file("a.md", "# A\n\n[b](docs/b.md#part) [c](c.md)\n")
        .file("docs/b.md", "# B\n\n[a](../a.md)\n");
    project.run(["html", "a.md", "docs/b.md", "-o", "site.html"]).passes();
    let a = page(&project, "site/a.html");
    assert!(a.contains("<a href=\"b.html#part\">b</a> <a href=\"c.md\">c</a>"), "{a}");
    assert!(a.contains("<a href=\"../site.html\">All documents</a>"), "{a}");
    assert!(page(&project, "site/b.html").contains("<a href=\"a.html\">a</a>"));
}
