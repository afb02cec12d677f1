//! Step functions that bindings name and no file has.
//!
//! The compiler would complain about a module that it cannot find. Files are only searched for the name; where they
//! include, import or write names that they do not show, the compiler has the last word.

use std::collections::{BTreeMap, HashSet};

use greenroom_doc::CaptureType;
use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{FnArg, Item, ItemFn, Pat, Type};

/// The names that Rust files mention.
#[derive(Debug, Default)]
pub(crate) struct Names {
    mentioned: HashSet<String>,
    /// The functions, and the parameters of those that are steps, without their context.
    functions: BTreeMap<String, Option<Vec<Parameter>>>,
    modules: HashSet<String>,
    /// Whether there may be other names.
    is_open: bool,
}

/// A parameter of a step function.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Parameter {
    name: String,
    /// Its type as the file writes it, and what can fill it. `None` if that is unknown.
    ty: String,
    value: Option<Value>,
}

/// What a capture becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value {
    Text,
    Path,
    Number,
    File,
}

impl Value {
    /// Returns the value that the type of a capture makes.
    pub(crate) fn of(kind: CaptureType) -> Self {
        match kind {
            CaptureType::Int | CaptureType::Uint | CaptureType::Number => Self::Number,
            CaptureType::File => Self::File,
            CaptureType::Path => Self::Path,
            CaptureType::Word
            | CaptureType::EscapedWord
            | CaptureType::Text
            | CaptureType::EscapedText
            | CaptureType::Json
            | CaptureType::JsonPath => Self::Text,
        }
    }

    /// Returns the value that a parameter of this type takes, as far as its name says.
    fn taken_by(ty: &Type) -> Option<Self> {
        let (is_reference, ty) = match ty {
            Type::Reference(reference) => (true, &*reference.elem),
            ty => (false, ty),
        };
        let Type::Path(path) = ty else { return None };
        let last = path.path.segments.last()?.ident.to_string();
        let numbers =
            ["usize", "isize", "u8", "u16", "u32", "u64", "u128", "i8", "i16", "i32", "i64", "i128", "f32", "f64"];
        match (is_reference, last.as_str()) {
            (true, "str") => Some(Self::Text),
            (true, "Path") => Some(Self::Path),
            (false, "SubplotDataFile") => Some(Self::File),
            (false, last) => numbers.contains(&last).then_some(Self::Number),
            _ => None,
        }
    }

    /// Returns what it is.
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Path => "a path",
            Self::Number => "a number",
            Self::File => "an embedded file",
        }
    }

    /// Returns the type of parameters that take it.
    pub(crate) fn parameter(self) -> &'static str {
        match self {
            Self::Text => "`&str`",
            Self::Path => "`&Path`",
            Self::Number => "a number such as `u64`",
            Self::File => "`SubplotDataFile`",
        }
    }

    /// Returns the type that captures need to have this value.
    pub(crate) fn capture(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Path => "path",
            Self::Number => "int",
            Self::File => "file",
        }
    }
}

/// Why a step cannot call a function.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Mistake {
    /// No file has it. With the name that was probably meant.
    NotFound(Option<String>),
    /// It has no attribute `step`.
    NotAStep,
    /// It has no parameter for this capture. With its parameters.
    NoParameter(String, Vec<String>),
    /// The parameter for this capture takes another value. With its type, and both values.
    OtherValue { capture: String, ty: String, given: Value, taken: Option<Value> },
}

impl Names {
    /// Adds the names of a file. Its errors are those of the compiler.
    pub(crate) fn add(&mut self, text: &str) {
        match (text.parse::<TokenStream>(), syn::parse_file(text)) {
            (Ok(tokens), Ok(file)) => {
                self.tokens(tokens);
                self.functions(&file.items);
            }
            _ => self.is_open = true,
        }
    }

    fn functions(&mut self, items: &[Item]) {
        for item in items {
            match item {
                Item::Fn(function) => {
                    let name = function.sig.ident.to_string();
                    let is_new = self.functions.insert(name, parameters(function)).is_none();
                    // Two of a name, in other modules or for other systems: which one is meant is unknown.
                    self.is_open |= !is_new;
                }
                Item::Mod(module) => {
                    self.modules.insert(module.ident.to_string());
                    self.functions(module.content.as_ref().map_or(&[], |(_, items)| items));
                }
                _ => {}
            }
        }
    }

    fn tokens(&mut self, tokens: TokenStream) {
        let mut before = [const { String::new() }; 3];
        for tree in tokens {
            let text = match &tree {
                TokenTree::Ident(ident) => ident.to_string(),
                TokenTree::Punct(punct) => punct.as_char().to_string(),
                TokenTree::Literal(_) | TokenTree::Group(_) => String::new(),
            };
            let [second, third, last] = &before;
            match &tree {
                TokenTree::Ident(ident) => {
                    self.is_open |= ["macro_rules", "include"].iter().any(|name| ident == name);
                    self.mentioned.insert(ident.to_string());
                }
                // `mod NAME;` is another file, and `NAME::*` may be anything. The prelude has no steps.
                TokenTree::Punct(punct) if punct.as_char() == ';' => self.is_open |= third == "mod",
                TokenTree::Punct(punct) if punct.as_char() == '*' => {
                    let is_import = third == ":" && last == ":";
                    self.is_open |= is_import && !["prelude", "super", "self"].contains(&second.as_str());
                }
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
            before.rotate_left(1);
            before[2] = text;
        }
    }

    /// Returns what is wrong with the call of a function with these captures, as far as the files say.
    pub(crate) fn mistake<'a>(
        &self,
        path: &syn::Path,
        mut captures: impl Iterator<Item = (&'a str, Value)>,
    ) -> Option<Mistake> {
        let name = path.get_ident().filter(|_| !self.is_open)?.to_string();
        match self.functions.get(&name) {
            None if self.mentioned.contains(&name) => None,
            None => {
                let near = greenroom_doc::nearest(&name, self.functions.keys().map(String::as_str));
                Some(Mistake::NotFound(near.map(str::to_owned)))
            }
            // The user may have written what `step` writes.
            Some(None) => (!self.modules.contains(&name)).then_some(Mistake::NotAStep),
            Some(Some(parameters)) => captures.find_map(|(capture, given)| {
                let Some(parameter) = parameters.iter().find(|parameter| parameter.name == capture) else {
                    let names = parameters.iter().map(|parameter| parameter.name.clone()).collect();
                    return Some(Mistake::NoParameter(capture.to_owned(), names));
                };
                let Parameter { ty, value: taken, .. } = parameter;
                // `&str` and so on have one meaning. Of a `String`, only a number can be made.
                let is_wrong = taken.map_or(ty == "String" && given != Value::Number, |taken| taken != given);
                is_wrong.then(|| Mistake::OtherValue {
                    capture: capture.to_owned(),
                    ty: ty.clone(),
                    given,
                    taken: *taken,
                })
            }),
        }
    }
}

/// Returns the parameters of a step function behind its context. `None` if it is another function.
fn parameters(function: &ItemFn) -> Option<Vec<Parameter>> {
    let is_step =
        |attribute: &syn::Attribute| attribute.path().segments.last().is_some_and(|last| last.ident == "step");
    function.attrs.iter().any(is_step).then(|| {
        let parameter = |argument: &FnArg| match argument {
            FnArg::Typed(typed) => match &*typed.pat {
                Pat::Ident(pattern) => Some(Parameter {
                    name: pattern.ident.unraw().to_string().trim_start_matches('_').to_owned(),
                    ty: typed.ty.to_token_stream().to_string().replace("& ", "&").replace(" :: ", "::"),
                    value: Value::taken_by(&typed.ty),
                }),
                _ => None,
            },
            FnArg::Receiver(_) => None,
        };
        function.sig.inputs.iter().skip(1).filter_map(parameter).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistake(text: &str, path: &str, captures: &[&str]) -> Option<Mistake> {
        let mut names = Names::default();
        names.add(text);
        names.mistake(&syn::parse_str(path).expect("a path"), captures.iter().map(|name| (*name, Value::Text)))
    }

    const TEXT: &str = "use subplotlib::prelude::*; use other::gift; fn help(a: &str) { a * b }
        mod stock { use super::*; #[step] pub fn sell(_: &Shop, _count: &str, r#type: &str) {} }";

    #[test]
    fn mistakes_are_told_apart() {
        assert_eq!(mistake(TEXT, "sel", &[]), Some(Mistake::NotFound(Some("sell".to_owned()))));
        assert_eq!(mistake(TEXT, "help", &[]), Some(Mistake::NotAStep));
        let parameters = vec!["count".to_owned(), "type".to_owned()];
        let expected = Some(Mistake::NoParameter("number".to_owned(), parameters));
        assert_eq!(mistake(TEXT, "sell", &["type", "number"]), expected);
        assert_eq!(mistake(TEXT, "sell", &["type", "count"]), None);
    }

    #[test]
    fn captures_have_the_value_that_their_parameter_takes() {
        let mut names = Names::default();
        names.add(
            "#[step] fn f(_: &S, text: &str, path: &std::path::Path, n: u8, file: SubplotDataFile, any: Any, \
             s: String) {}",
        );
        let path: syn::Path = syn::parse_quote!(f);
        for given in [Value::Text, Value::Path, Value::Number, Value::File] {
            for (capture, taken) in
                [("text", Value::Text), ("path", Value::Path), ("n", Value::Number), ("file", Value::File)]
            {
                let mistake = names.mistake(&path, [(capture, given)].into_iter());
                assert_eq!(mistake.is_some(), given != taken, "{capture}: {mistake:?}");
            }
            assert_eq!(names.mistake(&path, [("any", given)].into_iter()), None);
            assert_eq!(names.mistake(&path, [("s", given)].into_iter()).is_none(), given == Value::Number);
        }
    }

    #[test]
    fn names_of_other_files_may_exist() {
        for path in ["gift", "stock", "stock::sel", "subplotlib::steplibrary::files::touch"] {
            assert_eq!(mistake(TEXT, path, &[]), None, "{path}");
        }
        let other = "mod linux { fn help() {} }";
        for open in ["mod other;", "use helpers::*;", "include!(\"x.rs\");", "macro_rules! x { () => {} }", "\"", other]
        {
            assert_eq!(mistake(&format!("{TEXT} {open}"), "sel", &[]), None, "{open}");
        }
    }
}
