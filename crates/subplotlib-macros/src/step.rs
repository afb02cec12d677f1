//! The module of a step function.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::spanned::Spanned;
use syn::{FnArg, Ident, ItemFn, Pat, ReturnType, Type, TypeReference, parse_quote};

use crate::{old_code, throws};

/// Returns the module of a step function in the file of this text, or the mistakes in it.
pub(crate) fn expand(item: &TokenStream, file: Option<&str>) -> TokenStream {
    let Ok(function) = syn::parse2::<ItemFn>(item.clone()) else {
        let error = syn::Error::new_spanned(item, "only a function can be a step").into_compile_error();
        return quote!(#error #item);
    };
    match Step::read(function) {
        Ok(step) => {
            let (module, import) = (step.module(), file.and_then(old_code::import));
            quote!(#module #import)
        }
        // Only the mistakes: the errors of a function that is no module would hide them.
        Err(error) => error.into_compile_error(),
    }
}

/// How a builder holds and passes an argument.
enum Kind {
    /// `&str`.
    Text,
    /// `&Path`.
    Path,
    /// Any other type, passed by value.
    Value,
}

/// A parameter that a capture fills.
struct Parameter {
    /// Its name without leading underscores, as bindings write it.
    name: Ident,
    ty: Type,
    kind: Kind,
}

struct Step {
    function: ItemFn,
    context: TypeReference,
    /// The types of `#[context(...)]`.
    contexts: Vec<Type>,
    parameters: Vec<Parameter>,
}

impl Step {
    fn read(mut function: ItemFn) -> syn::Result<Self> {
        let mut mistakes: Option<syn::Error> = None;
        let mut add = |error: syn::Error| match &mut mistakes {
            Some(all) => all.combine(error),
            None => mistakes = Some(error),
        };
        let signature = &function.sig;
        if let Some(asyncness) = &signature.asyncness {
            let message = "a step function cannot be `async` here; the attribute `step` of greenroom allows it";
            add(syn::Error::new_spanned(asyncness, message));
        }
        let is_throws =
            |attribute: &&syn::Attribute| attribute.path().segments.last().is_some_and(|last| last.ident == "throws");
        if let Some(throws) = function.attrs.iter().find(is_throws) {
            add(syn::Error::new_spanned(throws, "remove `#[throws]`: a step function returns errors without it"));
        }
        if let Some(unsafety) = &signature.unsafety {
            add(syn::Error::new_spanned(unsafety, "a step function cannot be `unsafe`; put an `unsafe` block into it"));
        }
        if let Some(abi) = &signature.abi {
            add(syn::Error::new_spanned(abi, "a step function cannot have an ABI; remove `extern`"));
        }
        if let ReturnType::Type(_, ty) = &signature.output {
            let message =
                "a step function returns nothing; remove the return type, and return errors by `?` or `throw!`";
            add(syn::Error::new_spanned(ty, message));
        }
        if !signature.generics.params.is_empty() {
            let message = "a step function cannot be generic; write the types";
            add(syn::Error::new_spanned(&signature.generics, message));
        }
        if let Some(variadic) = &signature.variadic {
            add(syn::Error::new_spanned(variadic, "a step function cannot be variadic"));
        }
        let context = match context(&function) {
            Ok(context) => Some(context),
            Err(error) => {
                add(error);
                None
            }
        };
        let mut parameters = Vec::new();
        for argument in signature.inputs.iter().skip(1) {
            match Parameter::read(argument) {
                Ok(parameter) => parameters.push(parameter),
                Err(error) => add(error),
            }
        }
        let mut contexts = Vec::new();
        for attribute in function.attrs.iter().filter(|attribute| attribute.path().is_ident("context")) {
            match attribute.parse_args() {
                Ok(context) => contexts.push(context),
                Err(_) => {
                    add(syn::Error::new_spanned(attribute, "write the type of one context: `#[context(Datadir)]`"));
                }
            }
        }
        function.attrs.retain(|attribute| !attribute.path().is_ident("context"));
        match (context, mistakes) {
            (Some(context), None) => Ok(Self { function, context, contexts, parameters }),
            (_, Some(mistakes)) => Err(mistakes),
            (None, None) => Err(syn::Error::new_spanned(&function.sig, "a step function has a context")),
        }
    }

    fn module(mut self) -> TokenStream {
        let name = self.function.sig.ident.clone();
        let visibility = self.function.vis.clone();
        // What removes the function removes its module.
        let is_for_module =
            |attribute: &&syn::Attribute| attribute.path().is_ident("cfg") || attribute.path().is_ident("doc");
        let outer: Vec<_> = self.function.attrs.iter().filter(is_for_module).cloned().collect();
        self.function.attrs.retain(|attribute| !attribute.path().is_ident("cfg"));
        throws::apply(&mut self.function.sig, &mut self.function.block);
        let function = &self.function;

        let fields = self.parameters.iter().map(|parameter| {
            let (name, ty) = (&parameter.name, parameter.held());
            quote!(#name: #ty)
        });
        let setters = self.parameters.iter().map(Parameter::setter);
        let held = self.parameters.iter().map(Parameter::passed);
        let built = self.call(&name, &quote!(is_cleanup), held);
        let names = self.parameters.iter().map(|parameter| parameter.name.to_token_stream());
        let called = self.call(&name, &quote!(false), names);
        let parameters = self.parameters.iter().map(|parameter| {
            let (name, ty) = (&parameter.name, &parameter.ty);
            quote!(#name: #ty)
        });
        let shown = name.to_string();
        // Apart, because it is the parent of the module, not of this one.
        let parent = quote!(super);
        let own = (!is_all(&self.context.elem)).then(|| (*self.context.elem).clone());
        let registered =
            own.iter().chain(&self.contexts).map(|context| quote!(scenario.register_context_type::<#context>();));
        quote! {
            #(#outer)*
            #[allow(unused_imports, unreachable_pub, missing_docs, private_interfaces, reason = "written by `step`")]
            #visibility mod #name {
                use #parent::*;

                #[doc(hidden)]
                #[allow(non_camel_case_types, dead_code, missing_debug_implementations, reason = "written by `step`")]
                #[derive(Default, Clone)]
                pub struct Builder {
                    #(#fields,)*
                }

                #[allow(dead_code, clippy::all, clippy::pedantic, reason = "written by `step`")]
                impl Builder {
                    #(#setters)*

                    pub fn build(
                        &self,
                        number: usize,
                        text: ::std::string::String,
                        location: &'static str,
                    ) -> ::subplotlib::step::ScenarioStep {
                        let builder = ::core::clone::Clone::clone(self);
                        let function = move |__context: &::subplotlib::scenario::ScenarioContext, is_cleanup: bool| {
                            let _ = is_cleanup;
                            #built
                        };
                        ::subplotlib::step::ScenarioStep::new(number, text, function, register_contexts, location)
                            .at(#shown, ::core::module_path!(), ::core::file!(), ::core::line!())
                    }
                }

                impl ::subplotlib::step::StepBuilder for Builder {
                    fn step(
                        &self,
                        number: usize,
                        text: ::std::string::String,
                        location: &'static str,
                    ) -> ::subplotlib::step::ScenarioStep {
                        Builder::build(self, number, text, location)
                    }
                }

                #[doc(hidden)]
                #[allow(dead_code, reason = "a document may not use it")]
                #[deny(unused_must_use)]
                #function

                /// Calls this step from another one.
                ///
                /// # Errors
                /// If the step fails.
                #[allow(dead_code, clippy::all, clippy::pedantic, reason = "written by `step`")]
                pub fn call(
                    __context: &::subplotlib::scenario::ScenarioContext,
                    #(#parameters,)*
                ) -> ::subplotlib::types::StepResult {
                    #called
                }

                #[doc(hidden)]
                #[allow(unused_variables, dead_code, reason = "written by `step`")]
                pub fn register_contexts(scenario: &::subplotlib::scenario::Scenario) {
                    #(#registered)*
                }
            }
        }
    }

    /// Writes the call of the function with its context.
    fn call(
        &self,
        name: &Ident,
        accepts_poison: &TokenStream,
        arguments: impl Iterator<Item = TokenStream>,
    ) -> TokenStream {
        let context = &self.context.elem;
        // By its path: an argument may have the name of the function.
        let call = quote!(self::#name(__context, #(#arguments),*));
        if is_all(context) {
            call
        } else if self.context.mutability.is_some() {
            quote!(__context.with_mut(|__context: &mut #context| #call, #accepts_poison))
        } else {
            quote!(__context.with(|__context: &#context| #call, #accepts_poison))
        }
    }
}

impl Parameter {
    fn read(argument: &FnArg) -> syn::Result<Self> {
        let FnArg::Typed(typed) = argument else {
            return Err(syn::Error::new_spanned(argument, "a step function cannot be a method"));
        };
        let name = match &*typed.pat {
            Pat::Ident(pattern) if pattern.by_ref.is_none() && pattern.subpat.is_none() => &pattern.ident,
            pattern => {
                let message = "a parameter of a step function has a name: that of the capture in its bindings";
                return Err(syn::Error::new_spanned(pattern, message));
            }
        };
        let text = name.to_string();
        let plain = text.trim_start_matches('_');
        if plain.is_empty() || plain.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(syn::Error::new_spanned(name, "a parameter of a step function has the name of a capture"));
        }
        let kind = match &*typed.ty {
            Type::Reference(reference) => match (reference.mutability, last_name(&reference.elem).as_deref()) {
                (None, Some("str")) => Kind::Text,
                (None, Some("Path")) => Kind::Path,
                _ => {
                    let message = "a captured argument is `&str`, `&Path`, a number or a `SubplotDataFile`, not \
                                   another reference";
                    return Err(syn::Error::new_spanned(&typed.ty, message));
                }
            },
            _ => Kind::Value,
        };
        // `r#type` stays raw, and so does `_type` without its underscore.
        let mut name: Ident = syn::parse_str(plain).unwrap_or_else(|_| Ident::new_raw(plain, name.span()));
        name.set_span(typed.pat.span());
        Ok(Self { name, ty: (*typed.ty).clone(), kind })
    }

    /// The type in which the builder holds it.
    fn held(&self) -> Type {
        match self.kind {
            Kind::Text => parse_quote!(::std::string::String),
            Kind::Path => parse_quote!(::std::path::PathBuf),
            Kind::Value => self.ty.clone(),
        }
    }

    /// The method of the builder that sets it.
    fn setter(&self) -> TokenStream {
        let (name, ty) = (&self.name, &self.ty);
        let (generics, ty, value) = match self.kind {
            Kind::Text => (None, quote!(&str), quote!(value.to_owned())),
            Kind::Path => (Some(quote!(<P: Into<::std::path::PathBuf>>)), quote!(P), quote!(value.into())),
            Kind::Value => (None, quote!(#ty), quote!(value)),
        };
        quote! {
            pub fn #name #generics(mut self, value: #ty) -> Self {
                self.#name = #value;
                self
            }
        }
    }

    /// The argument that the builder's step passes.
    fn passed(&self) -> TokenStream {
        let name = &self.name;
        match self.kind {
            Kind::Text | Kind::Path => quote!(&builder.#name),
            // A step may be called more than once.
            Kind::Value => quote!(::core::clone::Clone::clone(&builder.#name)),
        }
    }
}

/// Returns the reference that is the first parameter.
fn context(function: &ItemFn) -> syn::Result<TypeReference> {
    let signature = &function.sig;
    let message =
        "the first parameter of a step function is its context: `&Context`, `&mut Context` or `&ScenarioContext`";
    match signature.inputs.first() {
        Some(FnArg::Typed(typed)) => match &*typed.ty {
            Type::Reference(reference) => match &reference.lifetime {
                None => Ok(reference.clone()),
                Some(lifetime) => Err(syn::Error::new_spanned(lifetime, "remove the lifetime of the context")),
            },
            ty => Err(syn::Error::new_spanned(ty, message)),
        },
        Some(receiver @ FnArg::Receiver(_)) => {
            Err(syn::Error::new_spanned(receiver, "a step function cannot be a method"))
        }
        None => Err(syn::Error::new_spanned(&signature.ident, message)),
    }
}

/// Whether a context stands for all of them.
fn is_all(ty: &Type) -> bool {
    last_name(ty).as_deref() == Some("ScenarioContext")
}

/// Returns the last name of a path.
fn last_name(ty: &Type) -> Option<String> {
    match ty {
        Type::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()),
        _ => None,
    }
}
