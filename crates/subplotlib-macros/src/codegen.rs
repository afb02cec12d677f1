//! The tests of a document.
//!
//! Only the functions that scenarios use are named: a binding may have one that is not compiled here.

use std::collections::HashSet;
use std::path::PathBuf;

use greenroom_doc::{
    Capture, ImplementationFile, Loaded, MatchedStep, PlannedDocument, PlannedScenario, Sources, Span as Place,
    TestNames,
};
use proc_macro2::{Literal, TokenStream};
use quote::quote;

use crate::arguments::Arguments;
use crate::document::{self, Package};
use crate::functions::{self, Mistake, Value};
use crate::identifier::identifier;
use crate::{message, step_files};

/// Expands `codegen!` in the file of this text, if that is known.
#[expect(clippy::disallowed_methods, reason = "Cargo names the package in the environment of the compiler")]
pub(crate) fn expand(input: TokenStream, file: Option<&str>) -> TokenStream {
    let tests = syn::parse2::<Arguments>(input).and_then(|arguments| {
        let Some(directory) = std::env::var_os("CARGO_MANIFEST_DIR") else {
            let message = "Cargo did not name the package: the variable CARGO_MANIFEST_DIR is missing";
            return Err(syn::Error::new_spanned(&arguments.document, message));
        };
        tests(&arguments, &Package::new(PathBuf::from(directory)), file)
    });
    tests.unwrap_or_else(syn::Error::into_compile_error)
}

/// Returns the tests of a document.
pub(crate) fn tests(arguments: &Arguments, package: &Package, file: Option<&str>) -> syn::Result<TokenStream> {
    let error = |message: &str| syn::Error::new_spanned(&arguments.document, message);
    let loaded = document::read(package, &arguments.document.value());
    let mut messages = message::messages(&loaded.diagnostics, &loaded.sources);
    let functions = file.map(|file| functions(&loaded, file));
    let mut generated =
        Generated { sources: &loaded.sources, functions, reported: HashSet::new(), messages: Vec::new() };
    let mut tests = TokenStream::new();
    if messages.is_empty() {
        let mut names = TestNames::default();
        for scenario in loaded.plan.scenarios.iter().filter(|scenario| arguments.filter.selects(&scenario.labels)) {
            let document = &loaded.plan.documents[scenario.document];
            tests.extend(generated.test(document, scenario, &names.name(&scenario.title)));
        }
        messages = generated.messages;
    }
    let all = messages.iter().map(|message| error(message)).reduce(|mut all, next| {
        all.combine(next);
        all
    });
    if let Some(all) = all {
        return Err(all);
    }
    let tracked = tracked(&loaded, package);
    let prelude = import_of_prelude(&loaded);
    let steps = steps(&loaded, package);
    let files = files(&loaded);
    Ok(quote! {
        #tracked
        #prelude
        #steps
        #files
        #tests
    })
}

/// Has the compiler read the document and its bindings, so that changes in them are compiled.
fn tracked(loaded: &Loaded, package: &Package) -> TokenStream {
    let files = loaded.sources.files().iter().filter(|file| !file.is_builtin);
    files
        .filter_map(|file| absolute(package, &file.name))
        .map(|path| {
            quote!(
                const _: &[u8] = include_bytes!(#path);
            )
        })
        .collect()
}

/// Returns the names in the file of the test and in the files with step functions.
fn functions(loaded: &Loaded, file: &str) -> functions::Names {
    let mut names = functions::Names::default();
    names.add(file);
    for file in step_files(loaded) {
        names.add(&String::from_utf8_lossy(&file.bytes));
    }
    names
}

/// Returns the files with step functions.
fn step_files(loaded: &Loaded) -> impl Iterator<Item = &ImplementationFile> {
    let files = loaded.plan.documents.iter().flat_map(|document| &document.implementations);
    files.filter(|file| document::is_rust(&file.language))
}

/// Returns the import of the prelude, unless a step file has it: the compiler would report that one as unused.
///
/// Where a step file imports the macro of the crate `lazy_static`, it is the prelude without that macro.
fn import_of_prelude(loaded: &Loaded) -> TokenStream {
    let any = |has: fn(&str) -> bool| step_files(loaded).any(|file| has(&String::from_utf8_lossy(&file.bytes)));
    let prelude = if any(step_files::imports_statics) {
        quote!(__private::prelude)
    } else if any(step_files::imports_prelude) {
        return TokenStream::new();
    } else {
        quote!(prelude)
    };
    quote! {
        #[allow(unused_imports, reason = "step files may not need it")]
        use ::subplotlib::#prelude::*;
    }
}

/// Returns the items of the files with step functions.
fn steps(loaded: &Loaded, package: &Package) -> TokenStream {
    step_files(loaded)
        .filter_map(|file| {
            let (path, _) = file.file.as_ref()?;
            Some(step_files::items(&package.path(path), &String::from_utf8_lossy(&file.bytes)))
        })
        .collect()
}

fn absolute(package: &Package, name: &str) -> Option<String> {
    package.path(name).to_str().map(str::to_owned)
}

/// Makes the embedded files a static, under the name that step files may use.
fn files(loaded: &Loaded) -> TokenStream {
    let files = loaded.plan.documents.iter().flat_map(|document| &document.files).map(|file| {
        let (name, data) = (&file.name, Literal::byte_string(file.text.as_bytes()));
        quote!(::subplotlib::file::SubplotDataFile::embedded(#name, #data))
    });
    quote! {
        #[allow(dead_code, reason = "no step may use a file")]
        static SUBPLOT_EMBEDDED_FILES: ::std::sync::LazyLock<::std::vec::Vec<::subplotlib::file::SubplotDataFile>> =
            ::std::sync::LazyLock::new(|| ::std::vec![#(#files),*]);
    }
}

/// Writes tests, and gathers the mistakes that only Rust finds.
struct Generated<'a> {
    sources: &'a Sources,
    /// What the files of the test have. `None` if its own file is not known.
    functions: Option<functions::Names>,
    /// Functions that are reported, by their binding.
    reported: HashSet<(String, usize)>,
    messages: Vec<String>,
}

impl Generated<'_> {
    fn test(&mut self, document: &PlannedDocument, scenario: &PlannedScenario, name: &str) -> TokenStream {
        let (title, location) = (&*scenario.title, self.location(scenario.span));
        let Some(name) = identifier(name) else {
            self.messages.push(format!("the title `{title}` gives no name for a test"));
            return TokenStream::new();
        };
        let mut steps = TokenStream::new();
        for (at, step) in scenario.steps.iter().enumerate() {
            let implementation = &step.implementation;
            let run = self.step(document, step, &implementation.function, at + 1);
            let cleanup = if let Some(cleanup) = &implementation.cleanup {
                let cleanup = self.step(document, step, cleanup, at + 1);
                quote!(::core::option::Option::Some(#cleanup))
            } else {
                quote!(::core::option::Option::None)
            };
            steps.extend(quote!(scenario.add_step(#run, #cleanup);));
        }
        quote! {
            #[::core::prelude::v1::test]
            #[allow(non_snake_case, reason = "the name comes from a title")]
            fn #name() -> ::core::result::Result<(), ::subplotlib::__private::Failure> {
                let mut scenario = ::subplotlib::scenario::Scenario::new(#title, #location);
                #steps
                ::subplotlib::__private::run(scenario)
            }
        }
    }

    /// Writes the call of a builder.
    fn step(&mut self, document: &PlannedDocument, step: &MatchedStep, function: &str, number: usize) -> TokenStream {
        let location = self.location(step.span);
        let rest = step.text.split_once(' ').map_or("", |(_, rest)| rest);
        let text = format!("{} {rest}", step.kind.word());
        if step.repetition.is_some() {
            self.messages.push(format!(
                "{location}: `codegen!` cannot repeat steps: `{text}`\n  = help: run this document with \
                 `greenroom::acceptance_tests!`, which can"
            ));
            return TokenStream::new();
        }
        let binding = &document.bindings[step.binding];
        let Ok(path) = syn::parse_str::<syn::Path>(function) else {
            let binding = self.sources.cite(binding.span);
            self.messages.push(format!("{binding}: `{function}` is not the path of a Rust function"));
            return TokenStream::new();
        };
        let captures = step.captures.iter().map(|capture| (capture.name(), Value::of(capture.kind())));
        if let Some(mistake) = self.functions.as_ref().and_then(|names| names.mistake(&path, captures)) {
            if self.reported.insert((function.to_owned(), step.binding)) {
                let binding = self.sources.cite(binding.span);
                let needed = format!("  --> {binding}\n  = note: the step `{text}` at {location} needs it");
                self.messages.push(describe(function, &mistake, &needed));
            }
            return TokenStream::new();
        }
        let setters = step.captures.iter().map(|capture| {
            let Some(name) = identifier(capture.name()) else {
                let binding = self.sources.cite(binding.span);
                self.messages
                    .push(format!("{binding}: the capture `{}` is not the name of a parameter", capture.name()));
                return TokenStream::new();
            };
            let value = value(document, capture, [&location, &text, function]);
            quote!(.#name(#value))
        });
        let setters: TokenStream = setters.collect();
        // No method call: code of older versions may have imported another `build`.
        quote! {
            #path::Builder::build(
                &#path::Builder::default() #setters,
                #number,
                ::std::string::String::from(#text),
                #location,
            )
        }
    }

    fn location(&self, place: Place) -> String {
        let file = self.sources.file(place.source);
        let (line, column) = file.line_column(place.start);
        format!("{}:{line}:{column}", file.name)
    }
}

/// Describes why a step cannot call a function. `needed` says where that is.
fn describe(function: &str, mistake: &Mistake, needed: &str) -> String {
    let or_write = || "write it in a file under `impls: rust:` of the document".to_owned();
    match mistake {
        Mistake::NotFound(near) => {
            let help = near.as_ref().map_or_else(or_write, |near| format!("did you mean `{near}`?"));
            format!("function not found: `{function}`\n{needed}\n  = help: {help}")
        }
        Mistake::NotAStep => {
            format!("`{function}` is not a step function\n{needed}\n  = help: write `#[step]` above it")
        }
        Mistake::NoParameter(capture, parameters) => {
            let has = if parameters.is_empty() {
                "has only its context".to_owned()
            } else {
                format!("has its context and `{}`", parameters.join("`, `"))
            };
            format!(
                "`{function}` has no parameter for the capture `{capture}`\n{needed}\n  = note: the function {has}\n  \
                 = help: give parameter and capture the same name"
            )
        }
        Mistake::OtherValue { capture, ty, given, taken } => {
            let other = taken.map_or_else(String::new, |taken| {
                format!(", or in the binding `{{{capture}:{}}}` for the capture", taken.capture())
            });
            format!(
                "the capture `{capture}` is {}, but `{function}` takes `{capture}: {ty}`\n{needed}\n  = help: write {} \
                 for the type of the parameter{other}",
                given.noun(),
                given.parameter()
            )
        }
    }
}

/// Writes the value of a capture. `user` is the place and the text of the step, and its function.
fn value(document: &PlannedDocument, capture: &Capture, user: [&str; 3]) -> TokenStream {
    let (name, text) = (capture.name(), capture.text.as_str());
    match Value::of(capture.kind()) {
        Value::Number => quote!(::subplotlib::__private::number(#text, #name, #(#user),*)?),
        Value::File => {
            let is_named = |file: &greenroom_doc::EmbeddedFile| file.name.to_lowercase() == text.to_lowercase();
            let index = document.files.iter().position(is_named).unwrap_or_default();
            quote!(SUBPLOT_EMBEDDED_FILES[#index].clone())
        }
        Value::Path => quote!(::std::path::PathBuf::from(#text)),
        Value::Text => quote!(#text),
    }
}
