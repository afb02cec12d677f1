//! The kinds of diagnostics. Each has a stable word that messages show and tools can match on.

/// Declares [`Code`] with the word of each variant.
macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $word:literal,)*) => {
        /// The kind of a diagnostic.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $($(#[$doc])* $name,)*
            /// A kind that a step library defines, by its word.
            Step(&'static str),
        }

        impl Code {
            /// All kinds that do not come from a step library.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The stable word: `unknown-step`.
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                    Self::Step(word) => word,
                }
            }
        }
    };
}

codes! {
    /// Several `.subplot` files name a Markdown file.
    AmbiguousDocument = "ambiguous-document",
    /// Several bindings match a step.
    AmbiguousStep = "ambiguous-step",
    /// The attributes of a fenced block have a mistake.
    BadAttribute = "bad-attribute",
    /// A binding has a mistake that has no code of its own.
    BadBinding = "bad-binding",
    /// A capture has an escape that means nothing.
    BadEscape = "bad-escape",
    /// The metadata has a mistake that has no code of its own.
    BadMetadata = "bad-metadata",
    /// A Python file does not parse.
    BadPython = "bad-python",
    /// A pattern is not a valid regular expression.
    BadRegex = "bad-regex",
    /// A text is not valid YAML.
    BadYaml = "bad-yaml",
    /// Consecutive spaces in a step are collapsed.
    CollapsedSpaces = "collapsed-spaces",
    /// No function that greenroom can run is bound to a step.
    CannotRun = "cannot-run",
    /// A scenario has labels that contradict each other.
    Contradiction = "contradiction",
    /// A bindings file is listed twice.
    DuplicateBindings = "duplicate-bindings",
    /// Two captures of a pattern have the same name.
    DuplicateCapture = "duplicate-capture",
    /// Two embedded files have the same name.
    DuplicateFile = "duplicate-file",
    /// Two Python files define a function that a step needs.
    DuplicateFunction = "duplicate-function",
    /// A YAML mapping has a key twice.
    DuplicateKey = "duplicate-key",
    /// Two scenarios have the same title.
    DuplicateScenario = "duplicate-scenario",
    /// A scenario block has no steps.
    EmptyScenario = "empty-scenario",
    /// An embedded file has no name.
    FileWithoutName = "file-without-name",
    /// Markdown does not see the fence of a scenario or file.
    HiddenBlock = "hidden-block",
    /// A metadata key has no effect where it is.
    IgnoredKey = "ignored-key",
    /// Metadata has no effect where it is.
    IgnoredMetadata = "ignored-metadata",
    /// A step contains a character that looks like another.
    LookAlike = "look-alike",
    /// A step names an embedded file that does not exist.
    MissingFile = "missing-file",
    /// A picture or style sheet that a page needs is missing.
    MissingAsset = "missing-asset",
    /// A required metadata key is missing.
    MissingKey = "missing-key",
    /// A Python function is a generator, so calling it runs nothing.
    NeverRuns = "never-runs",
    /// A document with scenarios lists no bindings.
    NoBindings = "no-bindings",
    /// A binding names something that is not a function.
    NoFunction = "no-function",
    /// A scenario has no heading.
    NoHeading = "no-heading",
    /// A binding has no implementation.
    NoImplementation = "no-implementation",
    /// A document has no metadata.
    NoMetadata = "no-metadata",
    /// Python is missing or cannot be used.
    NoPython = "no-python",
    /// A document has no scenario.
    NoScenario = "no-scenario",
    /// `and` or `but` is the first step of a scenario.
    NoStepBefore = "no-step-before",
    /// A path is not a regular file.
    NotAFile = "not-a-file",
    /// A file does not exist.
    NotFound = "not-found",
    /// A file is not UTF-8.
    NotUtf8 = "not-utf8",
    /// A step contains a NUL character.
    NulCharacter = "nul-character",
    /// A Python function has the name of a library function.
    OwnLibraryFunction = "own-library-function",
    /// Python warns about a file.
    PythonWarning = "python-warning",
    /// A pattern may have been meant as a regular expression.
    RegexOrNot = "regex-or-not",
    /// A step that acts is to be repeated, which only steps that look can be.
    RepeatedAct = "repeated-act",
    /// A binding of the document is used, and not a built-in one.
    ShadowedStep = "shadowed-step",
    /// A step is too long.
    StepTooLong = "step-too-long",
    /// A brace in a pattern does not belong to a capture.
    StrayBrace = "stray-brace",
    /// A file is too large.
    TooBig = "too-big",
    /// A capture has two types.
    TypeConflict = "type-conflict",
    /// A fenced block is never closed, or closed too late.
    UnclosedBlock = "unclosed-block",
    /// The metadata block is never closed.
    UnclosedMetadata = "unclosed-metadata",
    /// `types` names a capture that the pattern does not have.
    UnknownCapture = "unknown-capture",
    /// The class of a block looks like a misspelled `scenario`.
    UnknownClass = "unknown-class",
    /// No file defines the function that a binding names.
    UnknownFunction = "unknown-function",
    /// A key does not exist.
    UnknownKey = "unknown-key",
    /// A line of a scenario does not begin with a keyword.
    UnknownKeyword = "unknown-keyword",
    /// The metadata names a label that no scenario has.
    UnknownLabel = "unknown-label",
    /// No binding matches a step.
    UnknownStep = "unknown-step",
    /// A capture type does not exist.
    UnknownType = "unknown-type",
    /// A file cannot be read.
    Unreadable = "unreadable",
    /// No step uses an embedded file.
    UnusedFile = "unused-file",
    /// A block has a name but is not a file.
    UnusedName = "unused-name",
    /// The parameters of a function do not fit the captures of its binding.
    WrongParameters = "wrong-parameters",
}
