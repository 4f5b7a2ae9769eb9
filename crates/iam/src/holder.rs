//! Whose credentials a request is about: those of the user it names, or the caller's own.

use iamd_authz::{Access, AccessList, Caller};
use iamd_directory::{Account, Holder, User};
use iamd_operation::View;
use iamd_types::{Error, Kind};

use crate::owner;

/// The root user's name where an answer must have one, as in credential reports.
const ROOT: &str = "<root_account>";

/// The user that the request names, else the caller. The root user names itself by leaving the name
/// out, or where it cannot be left out by the account's id, as long as no IAM user has that name.
///
/// # Errors
/// `NoSuchEntity`, or `ValidationError` when there is no name and the caller is not a user.
pub(crate) fn find(
    account: &Account,
    named: Option<&str>,
    caller: &Caller,
) -> Result<Holder, Error> {
    if is_root(account, named, caller) {
        return Ok(Holder::Root);
    }
    let own = caller.user().map(User::name);
    let name = named.or(own).ok_or_else(owner::no_user_name)?;
    Ok(Holder::User(account.user(name)?.id()))
}

fn is_root(account: &Account, named: Option<&str>, caller: &Caller) -> bool {
    let names_root =
        |name: &str| name == account.id().to_string() && account.users().named(name).is_none();
    caller.is_root() && named.is_none_or(names_root)
}

/// Access to the user that the request names, else to the caller.
pub(crate) fn access<'a>(
    action: &'static str,
    view: &View<'_>,
    named: Option<&str>,
) -> Result<AccessList<'a>, Error> {
    let account = view.account;
    if is_root(account, named, view.caller) {
        return Ok(AccessList::one(Access::new(action, account.id().root_arn(), account.id())));
    }
    let own = view.caller.user().map(User::name);
    let name = named.or(own).ok_or_else(owner::no_user_name)?;
    Ok(AccessList::one(owner::access(action, view, Kind::User, name)))
}

/// The name in answers.
pub(crate) fn name(account: &Account, holder: Holder) -> String {
    match holder {
        Holder::Root => ROOT.to_owned(),
        Holder::User(id) => {
            account.users().get(id).map(|user| user.name().to_owned()).unwrap_or_default()
        }
    }
}
