//! Steps with characters that look like others.

use snapbox::str;

use super::helpers::{fine, steps, warned};
use crate::support::scenario;

#[test]
fn spaces_that_are_not_spaces() {
    steps("when I run\u{a0}echo a").stderr(str![[r#"
error[look-alike]: no binding matches this step, because of U+00A0 NO-BREAK SPACE
 --> x.md:7:11
  |
7 | when I run echo a
  |           ^
  |
  = help: write a plain space instead

1 error

"#]]);
    steps("when\u{202f}I run echo a\nand I run echo b").stderr(str![[r#"
error[look-alike]: this step contains U+202F NARROW NO-BREAK SPACE
 --> x.md:7:5
  |
7 | when I run echo a
  |     ^
  |
  = help: write a plain space instead

1 error

"#]]);
    steps("when I run true\n\u{a0}\nthen\u{2007}stdout is exactly \"\"").stderr(str![[r#"
error[look-alike]: this step contains U+00A0 NO-BREAK SPACE
 --> x.md:8:1
  |
8 |
  | ^
  |
  = help: remove it

error[look-alike]: this step contains U+2007 FIGURE SPACE
 --> x.md:9:5
  |
9 | then stdout is exactly ""
  |     ^
  |
  = help: write a plain space instead

2 errors

"#]]);
    warned(scenario("when I run echo one\u{a0}two")).stderr(str![[r#"
warning[look-alike]: U+00A0 NO-BREAK SPACE does not separate words
 --> x.md:7:20
  |
7 | when I run echo one two
  |                    ^
  |
  = help: write a plain space instead
  = help: if it is meant, put it between double quotes

1 warning

"#]]);
}

#[test]
fn characters_that_cannot_be_seen() {
    steps("\u{200b}when I run true").stderr(str![[r#"
error[look-alike]: this step contains U+200B ZERO WIDTH SPACE
 --> x.md:7:1
  |
7 | �when I run true
  | ^
  |
  = help: remove it

1 error

"#]]);
    steps("when I\u{ad} run true").stderr(str![[r#"
error[look-alike]: no binding matches this step, because of U+00AD SOFT HYPHEN
 --> x.md:7:7
  |
7 | when I� run true
  |       ^
  |
  = help: remove it

1 error

"#]]);
    warned(scenario("when I run echo a\u{200b}b")).stderr(str![[r#"
warning[look-alike]: this step contains U+200B ZERO WIDTH SPACE
 --> x.md:7:18
  |
7 | when I run echo a�b
  |                  ^
  |
  = help: remove it
  = help: if it is meant, put it between double quotes

1 warning

"#]]);
}

#[test]
fn typographic_quotes_and_dashes() {
    steps("when I run true\nthen stdout contains “a”").stderr(str![[r#"
error[look-alike]: no binding matches this step, because of U+201C LEFT DOUBLE QUOTATION MARK
 --> x.md:8:22
  |
8 | then stdout contains “a”
  |                      ^
  |
  = help: write straight quotes instead: `"`

1 error

"#]]);
    warned(scenario("when I run echo ‘a b’\nand I run ls –l")).stderr(str![[r#"
warning[look-alike]: U+2018 LEFT SINGLE QUOTATION MARK is not a quote that groups words
 --> x.md:7:17
  |
7 | when I run echo ‘a b’
  |                 ^
  |
  = help: write straight quotes instead: `'`
  = help: if it is meant, put it between double quotes

warning[look-alike]: U+2013 EN DASH does not begin an option
 --> x.md:8:14
  |
8 | and I run ls –l
  |              ^
  |
  = help: write `-` instead
  = help: if it is meant, put it between double quotes

2 warnings

"#]]);
}

#[test]
fn letters_of_other_alphabets() {
    steps("whеn I run true").stderr(str![[r#"
error[look-alike]: this step contains U+0435 (a Cyrillic letter)
 --> x.md:7:3
  |
7 | whеn I run true
  |   ^
  |
  = help: write `e` instead

1 error

"#]]);
    steps("when I run true\nthen stdоut contains \"a\"").stderr(str![[r#"
error[look-alike]: no binding matches this step, because of U+043E (a Cyrillic letter)
 --> x.md:8:9
  |
8 | then stdоut contains "a"
  |         ^
  |
  = help: write `o` instead

1 error

"#]]);
}

#[test]
fn characters_in_quotes_and_words_are_meant() {
    fine(scenario("when I run echo \"a\u{a0}b – “c” Ж\" naïve Привет a–b\nthen stdout contains \"a\u{a0}b – “c”\""));
}
