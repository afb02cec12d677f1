//! Writes the code that registers a step function.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Ident, ItemFn, LitStr};

use crate::attribute::{Attribute, Keyword, Written};
use crate::parameter::{GENERIC, Kind, Parameter, written};
use crate::pattern::{self, Capture};

/// Returns the function, followed by the code that registers it, or by the mistakes in it.
///
/// In an `impl` block nothing can be registered.
pub(crate) fn step(
    keyword: Option<Keyword>,
    attribute: TokenStream,
    function: &TokenStream,
    is_associated: bool,
) -> TokenStream {
    let Ok(item) = syn::parse2::<ItemFn>(function.clone()) else {
        let message = "only a function can be a step";
        let error = syn::Error::new_spanned(function, message).into_compile_error();
        return quote! { #error #function };
    };
    if is_associated {
        let message = "a step function cannot be in an `impl` block or a trait; move it out, and take what the \
                       scenario keeps as a parameter such as `shop: &mut Shop`";
        let error = syn::Error::new(item.sig.ident.span(), message).into_compile_error();
        return quote! { #[allow(unused)] #item #error };
    }
    match registration(keyword, attribute, &item) {
        Ok(registration) => quote! { #item #registration },
        Err(error) => {
            let error = error.into_compile_error();
            // Warnings about what the mistake leaves unused would lead away from it.
            quote! { #[allow(unused)] #item #error }
        }
    }
}

fn registration(keyword: Option<Keyword>, attribute: TokenStream, item: &ItemFn) -> syn::Result<TokenStream> {
    let attribute = Attribute::read(keyword, attribute)?;
    let signature = &item.sig;
    let mut mistakes = Mistakes::default();
    if let Some(parameter) = signature.generics.params.iter().find(|it| !matches!(it, syn::GenericParam::Lifetime(_))) {
        mistakes.add(parameter.span(), GENERIC);
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
        compare(captures, pattern, &parameters, &mut mistakes);
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
fn compare(captures: &[Capture], pattern: &Written, parameters: &[Parameter], mistakes: &mut Mistakes) {
    let capture = |name: &str| if pattern.is_regex { format!("(?<{name}>...)") } else { format!("{{{name}}}") };
    let is_capture = |name: &str| captures.iter().any(|capture| capture.name == name);
    for Parameter { name, kind, span, .. } in parameters {
        let message = match kind {
            Kind::State { of, is_mutable } if is_capture(name) => format!(
                "the parameter `{name}` has the name of a capture, but `{}{}` is what the scenario keeps of this type; \
                 take the capture as `&str` or by value, or rename the parameter",
                if *is_mutable { "&mut " } else { "&" },
                written(of)
            ),
            kind if !kind.is_capture() || is_capture(name) => continue,
            Kind::Parsed(ty) if is_own(ty) => format!(
                "the pattern has no capture for the parameter `{name}`; write `{}` in it, or, if the scenario keeps \
                 the value, take it as `&mut {}`",
                capture(name),
                written(ty)
            ),
            _ => format!("the pattern has no capture for the parameter `{name}`; write `{}` in it", capture(name)),
        };
        mistakes.add(*span, &message);
    }
    for Capture { name, .. } in captures {
        if !parameters.iter().any(|parameter| parameter.name == *name) {
            let message = format!(
                "the capture `{name}` has no parameter; add `{name}: &str`, or `_{name}: &str` if the function does \
                 not need it"
            );
            mistakes.add(pattern.text.span(), &message);
        }
    }
}

/// Whether a type is probably one of the user's own, and not a number or a string.
fn is_own(ty: &syn::Type) -> bool {
    let name = written(ty);
    name.starts_with(|c: char| c.is_ascii_uppercase()) && name != "String"
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
    let constants = parameters.iter().enumerate().map(describe);
    let checks = parameters.iter().enumerate().map(check);
    // The compiler compares the captures of a pattern; those of a bindings file are known later.
    let names = parameters.iter().filter(|parameter| parameter.kind.is_capture()).map(|parameter| &parameter.name);
    let only = if keyword.is_none() {
        quote! { .only(&[#(#names),*]) }
    } else {
        TokenStream::new()
    };
    let Call { before, arguments, after } = call(parameters);
    let called = quote_spanned! { ident.span() => #ident(#(#arguments),*) };
    let called = match item.sig.asyncness {
        Some(asyncness) => quote_spanned! { asyncness.span() => ::greenroom::__block_on!(__context, #called) },
        None => called,
    };
    let result = quote_spanned! { ident.span() => {
        use ::greenroom::__private::{WithCauses as _, WithoutCauses as _};
        let __returned = #called;
        let __failure = (&::greenroom::__private::Returned(&__returned)).failure();
        let __result = ::greenroom::__private::Outcome::into_result(__returned);
        ::greenroom::__private::returned(__FUNCTION, __failure, __result)
    } };
    quote! {
        const _: () = {
            const __FUNCTION: #own::Function = #place;
            #(#constants)*
            #[allow(unused_imports, unused_variables, unused_mut, clippy::all, clippy::pedantic)]
            fn __run(__context: &mut #own::Context, __captures: &#own::Captures) -> #own::StepResult {
                #own::call(__context, __FUNCTION, |__context| {
                    #(#before)*
                    let __result = #own::catch(__FUNCTION, || #result);
                    #(#after)*
                    __result
                })
            }
            #[allow(clippy::all, clippy::pedantic)]
            fn __check(
                __captures: &#own::Captures,
                __state: &mut #own::PreflightState,
            ) -> ::std::vec::Vec<#own::Problem> {
                #own::Checks::new(__captures, __state, __FUNCTION)#only #(#checks)*.end()
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

/// Returns the name of the constant that describes a parameter.
fn constant(at: usize) -> Ident {
    format_ident!("__PARAMETER_{at}")
}

/// Returns the constant that describes a parameter, if that needs its type.
///
/// It is all that needs the type to become one of captures, so that the compiler says once that it cannot.
fn describe((at, parameter): (usize, &Parameter)) -> TokenStream {
    let (Kind::Parsed(ty) | Kind::Optional(ty)) = &parameter.kind else { return TokenStream::new() };
    let (constant, name, kind) = (constant(at), &parameter.name, written(ty));
    let own = quote! { ::greenroom::__private };
    let new = quote_spanned! { ty.span() => #own::parameter::<#ty>(#name, #kind, __FUNCTION) };
    quote! { const #constant: #own::Parameter<#ty> = #new; }
}

/// Returns the check of a parameter.
fn check((at, parameter): (usize, &Parameter)) -> TokenStream {
    let name = &parameter.name;
    match &parameter.kind {
        Kind::Context | Kind::State { .. } => TokenStream::new(),
        Kind::Text | Kind::Path | Kind::File { .. } => quote! { .has(#name) },
        Kind::Parsed(_) => {
            let constant = constant(at);
            quote! { .has(#name).parses(&#constant) }
        }
        Kind::Optional(_) => {
            let constant = constant(at);
            quote! { .parses(&#constant) }
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
            Kind::Parsed(_) => {
                let constant = constant(at);
                call.before.push(quote! { let #local = #constant.parse(__captures)?; });
                call.arguments.push(quote! { #local });
            }
            Kind::Optional(_) => {
                let constant = constant(at);
                call.before.push(quote! { let #local = #constant.optional(__captures)?; });
                call.arguments.push(quote! { #local });
            }
        }
    }
    call.before.extend(states);
    call
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
