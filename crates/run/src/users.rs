//! The users that scenarios run as: `user` in the metadata.

use greenroom_doc::{Code, Diagnostic, Plan, PlannedDocument, Span};
use greenroom_sandbox::process::Account;
use greenroom_sandbox::{IdMaps, Isolation, NoIdMaps, SandboxError};
use greenroom_steps::ProblemKind;
use greenroom_steps::library::user::{self, UserError};

/// The user of the scenarios of a document.
#[derive(Debug, Clone)]
pub(crate) struct ScenarioUser {
    pub(crate) account: Account,
    /// What a user namespace needs for it.
    pub(crate) id_maps: Option<IdMaps>,
}

/// Finds users of documents that do not exist, or that scenarios cannot run as.
///
/// `is_tended` says that scenarios are to have no namespaces.
pub fn check_users(plan: &Plan, is_tended: bool) -> Vec<Diagnostic> {
    let named = plan.documents.iter().filter_map(|document| document.metadata.user.as_ref());
    let error = |(name, span): &(String, Span)| {
        let error = |message: String| Diagnostic::error(Code::Step(ProblemKind::UnknownUser.word()), message);
        let diagnostic = match user::find(name).err()? {
            UserError::Unknown { help } => error(user::unknown(name)).help(help),
            UserError::Refused if is_tended => {
                let message =
                    format!("scenarios without namespaces cannot run as user {name}, unless greenroom is root");
                error(message).help("leave out `--sandbox tended`, or run greenroom as root")
            }
            UserError::Refused => {
                let missing = Account::named(name).ok()?.and_then(|account| IdMaps::subordinate(&account).err())?;
                let error = error(format!("scenarios cannot run as user {name}: {missing}"));
                error.help(missing.help()).help("or run greenroom as root")
            }
        };
        Some(diagnostic.at(*span, ""))
    };
    named.filter_map(error).collect()
}

/// Returns the account that the scenarios of a document run as, if it is not the present one.
pub(crate) fn account_of(document: &PlannedDocument) -> Option<Account> {
    let (name, _) = document.metadata.user.as_ref()?;
    match user::find(name) {
        Ok(account) => account,
        Err(UserError::Refused) => Account::named(name).ok()?,
        Err(UserError::Unknown { .. }) => None,
    }
}

/// Returns the user of the scenarios of each document, if it is not the present one.
pub(crate) fn users(plan: &Plan, isolation: &Isolation) -> Result<Vec<Option<ScenarioUser>>, SandboxError> {
    let user = |document: &PlannedDocument| {
        let Some(account) = account_of(document) else { return Ok(None) };
        let refuse = |reason: String| SandboxError::NoUser {
            user: account.name.clone(),
            reason,
            refusals: isolation.refusals.clone(),
        };
        if !isolation.has_users() {
            return Err(refuse("for that they need a process namespace in a user namespace".to_owned()));
        }
        let id_maps = isolation.id_maps(&account).map_err(|error: NoIdMaps| refuse(error.to_string()))?;
        Ok(Some(ScenarioUser { account, id_maps }))
    };
    plan.documents.iter().map(user).collect()
}
