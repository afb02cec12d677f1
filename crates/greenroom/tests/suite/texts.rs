//! Text reaches commands and comparisons as the document writes it.

use crate::support::{Project, scenario};

#[test]
fn spaces_between_quotes_are_kept() {
    let steps = [
        "when I run printf '%s\\n' \"a  b\" 'c   d' e    f",
        "then stdout is exactly \"a  b\\nc   d\\ne\\nf\\n\"",
        "given the environment variable X=\"1\t2  3\"",
        "when I run printenv X",
        "then stdout contains \"\\\"1\t2  3\\\"\"",
        "when I write \"x   y\" to file f",
        "then file f contains \"x   y\"",
        "then file f matches regex \"^x   y$\"",
    ];
    Project::anywhere().file("x.md", scenario(&steps.join("\n"))).run(["run", "x.md"]).passes();
}
