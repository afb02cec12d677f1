//! Writes the code that registers a step function.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Ident, ItemFn, LitStr};

use crate::attribute::{Attribute, Keyword};
use crate::parameter::{Kind, Parameter, written};
use crate::pattern::{self, Capture};

/// Returns the function, followed by the code that registers it, or by the mistakes in it.
pub(crate) fn step(keyword: Option<Keyword>, attribute: TokenStream, function: &TokenStream) -> TokenStream {
    let Ok(item) = syn::parse2::<ItemFn>(function.clone()) else {
        let message = "only a function can be a step";
        let error = syn::Error::new_spanned(function, message).into_compile_error();
        return quote! { #error #function };
    };
    match registration(keyword, attribute, &item) {
        Ok(registration) => quote! { #item #registration },
        Err(error) => {
            let error = error.into_compile_error();
            quote! { #item #error }
        }
    }
}

fn registration(keyword: Option<Keyword>, attribute: TokenStream, item: &ItemFn) -> syn::Result<TokenStream> {
    let attribute = Attribute::read(keyword, attribute)?;
    let signature = &item.sig;
    let mut mistakes = Mistakes::default();
    if let Some(parameter) = signature.generics.params.iter().find(|it| !matches!(it, syn::GenericParam::Lifetime(_))) {
        mistakes.add(parameter.span(), "a step function has no type parameters: greenroom calls it with one type only");
    }
    if let Some(unsafety) = &signature.unsafety {
        mistakes.add(unsafety.span(), "a step function cannot be `unsafe`; put an `unsafe` block into it");
    }
    let mut parameters = Vec::new();
    for argument in &signature.inputs {
        match Parameter::read(argument) {
            Ok(parameter) => parameters.push(parameter),
            Err(error) => mistakes.push(error),
        }
    }
    let captures = match &attribute.pattern {
        Some(pattern) => match pattern::captures(pattern) {
            Ok(captures) => Some(captures),
            Err(message) => {
                mistakes.add(pattern.text.span(), &message);
                None
            }
        },
        None => None,
    };
    if let (Some(captures), Some(pattern), None) = (&captures, &attribute.pattern, &mistakes.0) {
        compare(captures, pattern.text.span(), &parameters, &mut mistakes);
    }
    for (at, parameter) in parameters.iter().enumerate() {
        let of = |parameter: &Parameter| match &parameter.kind {
            Kind::State { of, .. } => Some(written(of)),
            Kind::Context => Some("Context".to_owned()),
            _ => None,
        };
        if let Some(ty) = of(parameter)
            && parameters[..at].iter().any(|earlier| of(earlier).as_ref() == Some(&ty))
        {
            mistakes.add(parameter.span, &format!("a second parameter of type `{ty}`: a scenario has one such value"));
        }
    }
    mistakes.end()?;
    Ok(definition(keyword, &attribute, captures.as_deref(), item, &parameters))
}

/// Compares the captures of a pattern with the parameters of its function.
fn compare(captures: &[Capture], pattern: Span, parameters: &[Parameter], mistakes: &mut Mistakes) {
    for parameter in parameters.iter().filter(|parameter| parameter.kind.is_capture()) {
        let name = &parameter.name;
        if !captures.iter().any(|capture| capture.name == *name) {
            let message = format!(
                "the pattern has no capture for the parameter `{name}`; write `{{{name}}}` in it, or take what the \
                 scenario keeps by reference, such as `&mut {}`",
                camel(name)
            );
            mistakes.add(parameter.span, &message);
        }
    }
    for Capture { name, .. } in captures {
        if !parameters.iter().any(|parameter| parameter.kind.is_capture() && parameter.name == *name) {
            let message = format!(
                "the capture `{name}` has no parameter; add `{name}: &str`, or `_{name}: &str` if the function does \
                 not need it"
            );
            mistakes.add(pattern, &message);
        }
    }
}

fn definition(
    keyword: Option<Keyword>,
    attribute: &Attribute,
    captures: Option<&[Capture]>,
    item: &ItemFn,
    parameters: &[Parameter],
) -> TokenStream {
    let ident = &item.sig.ident;
    let name = LitStr::new(&ident.to_string(), ident.span());
    let own = quote! { ::greenroom::__private };
    let place =
        quote_spanned! { ident.span() => #own::Function { name: #name, file: ::core::file!(), line: ::core::line!() } };
    let pattern = option(keyword.zip(attribute.pattern.as_ref()).map(|(keyword, pattern)| {
        let (word, text, is_regex) = (keyword.word(), &pattern.text, pattern.is_regex);
        let types = types(captures.unwrap_or_default(), parameters);
        quote! { #own::Pattern { keyword: #word, text: #text, is_regex: #is_regex, types: &[#(#types),*] } }
    }));
    let cleanup = option(attribute.cleanup.as_ref().map(|cleanup| {
        let text = cleanup.to_string();
        quote! { #text }
    }));
    let checks = parameters.iter().map(check);
    let Call { before, arguments, after } = call(parameters);
    let called = quote_spanned! { ident.span() => #ident(#(#arguments),*) };
    let called = match item.sig.asyncness {
        Some(asyncness) => quote_spanned! { asyncness.span() => ::greenroom::__block_on!(__context, #called) },
        None => called,
    };
    quote! {
        const _: () = {
            const __FUNCTION: #own::Function = #place;
            #[allow(unused_variables, unused_mut, clippy::all, clippy::pedantic)]
            fn __run(__context: &mut #own::Context, __captures: &#own::Captures) -> #own::StepResult {
                #(#before)*
                let __result = #own::call(__context, __FUNCTION, |__context| #own::Outcome::into_result(#called));
                #(#after)*
                __result
            }
            #[allow(clippy::all, clippy::pedantic)]
            fn __check(
                __captures: &#own::Captures,
                __state: &mut #own::PreflightState,
            ) -> ::std::vec::Vec<#own::Problem> {
                #own::Checks::new(__captures, __state, __FUNCTION)#(#checks)*.end()
            }
            #own::inventory::submit! {
                #own::StepDefinition {
                    name: __FUNCTION.name,
                    module: ::core::module_path!(),
                    file: __FUNCTION.file,
                    line: __FUNCTION.line,
                    pattern: #pattern,
                    cleanup: #cleanup,
                    function: __run,
                    check: __check,
                }
            }
        };
    }
}

fn option(value: Option<TokenStream>) -> TokenStream {
    value.map_or_else(
        || quote! { ::core::option::Option::None },
        |value| quote! { ::core::option::Option::Some(#value) },
    )
}

/// Returns the types of captures that follow from their parameters, where the pattern says none.
fn types(captures: &[Capture], parameters: &[Parameter]) -> Vec<TokenStream> {
    let is_file = |parameter: &&Parameter| matches!(parameter.kind, Kind::File { .. });
    let files = parameters.iter().filter(is_file).map(|parameter| &parameter.name);
    let untyped = files.filter(|name| captures.iter().any(|capture| capture.name == **name && !capture.has_type));
    untyped.map(|name| quote! { (#name, "file") }).collect()
}

/// Returns the check of a parameter.
fn check(parameter: &Parameter) -> TokenStream {
    let name = &parameter.name;
    match &parameter.kind {
        Kind::Context | Kind::State { .. } => TokenStream::new(),
        Kind::Text | Kind::Path | Kind::File { .. } => quote! { .has(#name) },
        Kind::Parsed(ty) => {
            let kind = written(ty);
            quote_spanned! { ty.span() => .has(#name).parses::<#ty>(#name, #kind) }
        }
        Kind::Optional(ty) => {
            let kind = written(ty);
            quote_spanned! { ty.span() => .parses::<#ty>(#name, #kind) }
        }
    }
}

/// The parts of a call.
struct Call {
    before: Vec<TokenStream>,
    arguments: Vec<TokenStream>,
    after: Vec<TokenStream>,
}

fn call(parameters: &[Parameter]) -> Call {
    let own = quote! { ::greenroom::__private };
    let mut call = Call { before: Vec::new(), arguments: Vec::new(), after: Vec::new() };
    // What the scenario keeps is taken last: a capture that does not parse must not lose it.
    let mut states = Vec::new();
    for (at, parameter) in parameters.iter().enumerate() {
        let (local, name) = (format_ident!("__parameter_{at}"), &parameter.name);
        match &parameter.kind {
            Kind::Context => call.arguments.push(quote! { __context }),
            Kind::State { of, is_mutable } => {
                states.push(quote! { let mut #local = #own::lend::<#of>(__context)?; });
                call.arguments.push(if *is_mutable {
                    quote! { &mut *#local }
                } else {
                    quote! { &*#local }
                });
                call.after.push(quote! { #own::take_back(__context, #local); });
            }
            Kind::Text => {
                call.before.push(quote! { let #local = #own::text(__captures, #name, __FUNCTION)?; });
                call.arguments.push(quote! { #local });
            }
            Kind::Path => {
                call.before.push(quote! { let #local = #own::text(__captures, #name, __FUNCTION)?; });
                call.arguments.push(quote! { ::std::path::Path::new(#local) });
            }
            Kind::File { is_reference } => {
                call.before.push(quote! { let #local = #own::file(__context, __captures, #name, __FUNCTION)?; });
                call.arguments.push(if *is_reference {
                    quote! { &#local }
                } else {
                    quote! { #local }
                });
            }
            Kind::Parsed(ty) => {
                let kind = written(ty);
                let parsed = quote_spanned! { ty.span() => #own::parse::<#ty>(__captures, #name, #kind, __FUNCTION)? };
                call.before.push(quote! { let #local = #parsed; });
                call.arguments.push(quote! { #local });
            }
            Kind::Optional(ty) => {
                let kind = written(ty);
                let parsed =
                    quote_spanned! { ty.span() => #own::optional::<#ty>(__captures, #name, #kind, __FUNCTION)? };
                call.before.push(quote! { let #local = #parsed; });
                call.arguments.push(quote! { #local });
            }
        }
    }
    call.before.extend(states);
    call
}

/// Returns a name as one of a type: `shopping_list` is `ShoppingList`.
fn camel(name: &str) -> Ident {
    let words = name.split('_').filter(|word| !word.is_empty());
    let upper = |word: &str| word[..1].to_uppercase() + &word[1..];
    let name: String = words.map(upper).collect();
    format_ident!("{}", if name.is_empty() { "State" } else { &name })
}

/// The mistakes in a function, which are shown together.
#[derive(Default)]
struct Mistakes(Option<syn::Error>);

impl Mistakes {
    fn add(&mut self, span: Span, message: &str) {
        self.push(syn::Error::new(span, message));
    }

    fn push(&mut self, error: syn::Error) {
        match &mut self.0 {
            Some(all) => all.combine(error),
            None => self.0 = Some(error),
        }
    }

    fn end(self) -> syn::Result<()> {
        self.0.map_or(Ok(()), Err)
    }
}
