//! Chooses which implementation of a binding runs its steps.

use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::read::binding::{Binding, Implementation, NATIVE};
use crate::source::Span;
use crate::suggest;

/// The language whose functions test programs of Cargo's have.
const RUST: &str = "rust";

/// The languages that a document may use.
pub(crate) struct Languages<'a> {
    /// Under `impls` of the document, in order.
    pub(crate) listed: Vec<String>,
    pub(crate) can_run: &'a dyn Fn(&str, &str) -> bool,
}

impl Languages<'_> {
    /// Chooses the implementation that runs a binding's steps. `None` if none can.
    pub(crate) fn choose(&self, binding: &Binding) -> Option<Implementation> {
        let all = &binding.implementations;
        let runs = |i: &&Implementation| (self.can_run)(&i.language, &i.function);
        let of = |language: &str| all.iter().filter(|i| &*i.language == language).find(runs);
        let listed = || self.listed.iter().find_map(|language| of(language));
        // If the document lists no languages, the binding decides.
        let any = || {
            if self.listed.is_empty() { all.iter().find(runs) } else { None }
        };
        of(NATIVE).or_else(listed).or_else(any).cloned()
    }

    /// Returns the language of a binding that only a step host could run, if there is no such host.
    pub(crate) fn without_host<'b>(&self, binding: &'b Binding) -> Option<&'b str> {
        let mut all = binding.implementations.iter();
        let first = all.next()?;
        let is_hosted = !matches!(&*first.language, NATIVE | "python");
        let known = [NATIVE, "python"];
        let is_misspelled = suggest::nearest(&first.language, known).is_some();
        let can_run = (self.can_run)(&first.language, &first.function);
        (is_hosted && !is_misspelled && !can_run && all.next().is_none()).then_some(&*first.language)
    }

    /// Explains why no implementation can run the step at `span`.
    pub(crate) fn explain(&self, binding: &Binding, span: Span) -> Diagnostic {
        let keyword = binding.kind.word();
        if binding.implementations.is_empty() {
            return Diagnostic::error(
                Code::NoImplementation,
                format!("no function for `{keyword} {}`", binding.pattern),
            )
            .at(span, "")
            .and_at(binding.span, "this binding has no `impl`")
            .help("add `impl:` to the binding, with a language and a `function:`");
        }
        let message = match self.without_host(binding) {
            Some(language) => format!("this document has steps in {language}, which needs a step host"),
            None => format!("greenroom cannot run `{keyword} {}`", binding.pattern),
        };
        let mut error = Diagnostic::error(Code::CannotRun, message).at(span, "").and_at(binding.span, "bound here");
        for implementation in &binding.implementations {
            let (language, function) = (&implementation.language, &implementation.function);
            let bound = format!("it is bound to the {language} function `{function}`");
            error = if (self.can_run)(language, function) {
                let add = format!("add `{language}:` under `impls` of the document");
                error
                    .note(format!("{bound}, but `impls` of the document does not list {language}"))
                    .help(format!("{add}, with the files that define its functions"))
            } else {
                error.note(format!("{bound}, which greenroom does not have"))
            };
        }
        if error.help.is_empty() {
            let hosted = |implementation: &&Implementation| !matches!(&*implementation.language, NATIVE | "python");
            let known = [NATIVE, "python"].into_iter().chain(self.listed.iter().map(String::as_str));
            let typing_error = binding.implementations.iter().filter(hosted).find_map(|other| {
                suggest::nearest(&other.language, known.clone()).filter(|near| *near != &*other.language)
            });
            error = error.help(match (typing_error, binding.implementations.iter().find(hosted)) {
                (Some(near), _) => format!("did you mean `{near}`?"),
                (None, Some(other)) if &*other.language == RUST => "a test of Cargo's has its functions: name the \
                     document in it by `greenroom::acceptance_tests!(\"FILE\")`, as `greenroom init --rust` does; or \
                     give a step host: `--host rust=PROGRAM`"
                    .to_owned(),
                (None, Some(other)) => format!(
                    "greenroom runs Python functions, and other languages with a step host: `--host {}=PROGRAM`",
                    other.language
                ),
                (None, None) => "`greenroom steps` lists the built-in steps".to_owned(),
            });
        }
        error
    }
}
