//! Functions that return errors which their source does not mention.
//!
//! The value of the body, and of each `return` in it, is put into `Ok`.

use syn::visit_mut::{self, VisitMut};
use syn::{Block, Signature, parse_quote};

/// Makes a step function return a `StepResult`.
pub(crate) fn apply(signature: &mut Signature, block: &mut Block) {
    Returns.visit_block_mut(block);
    let body = &*block;
    *block = parse_quote!({
        #[allow(clippy::diverging_sub_expression, reason = "the body may always return an error")]
        let __value: () = #body;
        #[allow(unreachable_code, reason = "the body may always return an error")]
        let __result = ::core::result::Result::Ok(__value);
        __result
    });
    signature.output = parse_quote!(-> ::subplotlib::types::StepResult);
}

/// Wraps the values of `return` in a function, but not in closures and functions inside of it.
struct Returns;

impl VisitMut for Returns {
    fn visit_expr_return_mut(&mut self, expression: &mut syn::ExprReturn) {
        visit_mut::visit_expr_return_mut(self, expression);
        let value = expression.expr.take().unwrap_or_else(|| parse_quote!(()));
        expression.expr = Some(parse_quote!(::core::result::Result::Ok(#value)));
    }

    fn visit_expr_closure_mut(&mut self, _: &mut syn::ExprClosure) {}

    fn visit_expr_async_mut(&mut self, _: &mut syn::ExprAsync) {}

    fn visit_item_mut(&mut self, _: &mut syn::Item) {}
}
