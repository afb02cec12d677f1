//! The users that scenarios run as: `user` in the metadata.

use greenroom_doc::{Code, Diagnostic, Plan, PlannedDocument};
use greenroom_sandbox::process::Account;
use greenroom_steps::ProblemKind;
use greenroom_steps::library::user::{self, UserError};

/// Finds users of documents that do not exist, or that scenarios cannot run as.
pub fn check_users(plan: &Plan) -> Vec<Diagnostic> {
    let named = plan.documents.iter().filter_map(|document| document.metadata.user.as_ref());
    let error = |(name, span): &(String, greenroom_doc::Span)| {
        let (message, help) = match user::find(name).err()? {
            UserError::Unknown { help } => (user::unknown(name), help),
            UserError::Refused => {
                let help = "run greenroom as root, or leave `user` out: scenarios then run as the present user";
                (format!("only root can run scenarios as user {name}, and greenroom does not run as root"), help.into())
            }
        };
        Some(Diagnostic::error(Code::Step(ProblemKind::UnknownUser.word()), message).at(*span, "").help(help))
    };
    named.filter_map(error).collect()
}

/// Returns the account that the scenarios of a document run as, if it is not the present one.
pub(crate) fn user_of(document: &PlannedDocument) -> Option<Account> {
    let (name, _) = document.metadata.user.as_ref()?;
    user::find(name).ok().flatten()
}
