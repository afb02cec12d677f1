//! Functions that return errors which their source does not mention.
//!
//! The value of the body, and of each `return` in it, is put into `Ok` or `Some`.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::parse::{Parse, ParseStream};
use syn::visit_mut::{self, VisitMut};
use syn::{Block, Expr, ReturnType, Signature, Token, Type, parse_quote};

/// What a function returns besides its value.
pub(crate) enum Effect {
    /// A `Result` with this error.
    Error(Box<Type>),
    /// An `Option`.
    Nothing,
}

impl Parse for Effect {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        if input.is_empty() {
            return Ok(Self::Error(parse_quote!(Error)));
        }
        let error: Option<Type> = if input.peek(Token![as]) { None } else { Some(input.parse()?) };
        if input.is_empty() {
            return Ok(Self::Error(Box::new(error.unwrap_or_else(|| parse_quote!(Error)))));
        }
        input.parse::<Token![as]>()?;
        let kind: syn::Path = input.parse()?;
        match kind.segments.last().map(|segment| segment.ident.to_string()).as_deref() {
            Some("Option") if error.is_none() => Ok(Self::Nothing),
            Some("Result") => Ok(Self::Error(Box::new(error.unwrap_or_else(|| parse_quote!(Error))))),
            _ => Err(syn::Error::new_spanned(
                kind,
                "`throws` makes functions return a `Result` or an `Option`; write the return type without `throws`",
            )),
        }
    }
}

/// Replaces the return type and the body of a function.
pub(crate) fn apply(effect: &Effect, signature: &mut Signature, block: &mut Block) {
    let value: Type = match &signature.output {
        ReturnType::Default => parse_quote!(()),
        ReturnType::Type(_, value) => (**value).clone(),
    };
    let (whole, wrapper): (Type, Expr) = match effect {
        Effect::Error(error) => {
            (parse_quote!(::core::result::Result<#value, #error>), parse_quote!(::core::result::Result::Ok))
        }
        Effect::Nothing => (parse_quote!(::core::option::Option<#value>), parse_quote!(::core::option::Option::Some)),
    };
    Returns { wrapper: &wrapper }.visit_block_mut(block);
    // A type such as `impl Iterator` cannot be written here.
    let annotation = (!matches!(value, Type::ImplTrait(_))).then(|| quote!(: #value));
    let body = &*block;
    *block = parse_quote!({
        #[allow(clippy::diverging_sub_expression, reason = "the body may always return an error")]
        let __value #annotation = #body;
        #[allow(unreachable_code, reason = "the body may always return an error")]
        let __result = #wrapper(__value);
        __result
    });
    signature.output = parse_quote!(-> #whole);
}

/// Wraps the values of `return` in a function, but not in closures and functions inside of it.
struct Returns<'a> {
    wrapper: &'a Expr,
}

impl VisitMut for Returns<'_> {
    fn visit_expr_return_mut(&mut self, expression: &mut syn::ExprReturn) {
        visit_mut::visit_expr_return_mut(self, expression);
        let wrapper = self.wrapper;
        let value = expression.expr.take().unwrap_or_else(|| parse_quote!(()));
        expression.expr = Some(parse_quote!(#wrapper(#value)));
    }

    fn visit_expr_closure_mut(&mut self, _: &mut syn::ExprClosure) {}

    fn visit_expr_async_mut(&mut self, _: &mut syn::ExprAsync) {}

    fn visit_item_mut(&mut self, _: &mut syn::Item) {}
}

/// Expands the attribute `throws`.
pub(crate) fn expand(attribute: TokenStream, item: &TokenStream) -> TokenStream {
    let effect = match syn::parse2::<Effect>(attribute) {
        Ok(effect) => effect,
        Err(error) => {
            let error = error.into_compile_error();
            return quote!(#error #item);
        }
    };
    // A method has the form of a function.
    if let Ok(mut function) = syn::parse2::<syn::ItemFn>(item.clone()) {
        apply(&effect, &mut function.sig, &mut function.block);
        function.into_token_stream()
    } else {
        let error = syn::Error::new_spanned(item, "`throws` is for functions with a body").into_compile_error();
        quote!(#error #item)
    }
}
