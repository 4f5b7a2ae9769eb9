//! The passwords of users.
//!
//! Hashes are made and compared before the writer is reached, off the request threads.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use iamd_api::iam;
use iamd_authz::password::{WrongPassword, check, login_profile};
use iamd_authz::{Access, AccessList, Caller, Permit};
use iamd_credentials::password;
use iamd_directory::{Account, LoginProfile, LoginProfileFields, Transaction, User};
use iamd_operation::{Command, Entry, Operation, PreparedCommand, Query, View, slowly};
use iamd_types::{Code, Error, Kind, Secret};

use crate::{owner, password_policy};

pub(crate) const OPERATIONS: &[Entry] = &[
    Entry::prepared::<ChangePassword>(),
    Entry::prepared::<CreateLoginProfile>(),
    Entry::command::<DeleteLoginProfile>(),
    Entry::query::<GetLoginProfile>(),
    Entry::prepared::<UpdateLoginProfile>(),
];

/// How many earlier passwords are kept: with the present one, as many as a policy can forbid.
const KEPT: usize = 23;

/// The login profile of the user of this name.
fn find<'a>(account: &'a Account, name: &str) -> Result<&'a LoginProfile, Error> {
    let user = account.user(name)?;
    login_profile(account, user.id()).ok_or_else(|| no_such_profile(user.name()))
}

fn no_such_profile(name: &str) -> Error {
    Error::new(Code::NoSuchEntity, format!("Login Profile for User {name} cannot be found."))
}

fn shown(account: &Account, profile: &LoginProfile) -> iam::LoginProfile {
    iam::LoginProfile {
        user_name: account
            .users()
            .get(profile.user())
            .map(|user| user.name().to_owned())
            .unwrap_or_default(),
        create_date: profile.created(),
        password_reset_required: Some(profile.reset_required()),
    }
}

fn access<'a>(
    action: &'static str,
    view: &View<'_>,
    named: &Option<String>,
) -> Result<AccessList<'a>, Error> {
    let name = owner::user_name(named, view.caller)?;
    Ok(AccessList::one(owner::access(action, view, Kind::User, name)))
}

/// A password that may be set, as a hash, and the hash whose place it takes.
pub(crate) struct NewPassword {
    hash: String,
    replaces: String,
}

/// What a new password is held against besides the policy's own rules.
#[derive(Default)]
struct Present {
    profile: Option<LoginProfile>,
    /// The password that is given as the present one.
    given: Option<Secret<String>>,
}

impl NewPassword {
    /// Checks and hashes a password.
    async fn prepare(
        view: &View<'_>,
        new: &Secret<String>,
        present: Present,
    ) -> Result<Self, Error> {
        password_policy::ensure_meets(view.account, new.expose())?;
        let policy = view.account.credentials().password_policy();
        let remembered = policy.and_then(|policy| policy.reuse_prevention()).unwrap_or_default();
        let remembered = usize::try_from(remembered).unwrap_or(usize::MAX);
        let (new, now) = (new.clone(), view.facts.now);
        let entropy = Arc::clone(&view.tools.entropy);
        slowly(move || {
            let Some(profile) = present.profile else {
                return Ok(Self { hash: password::hash(&new, &*entropy), replaces: String::new() });
            };
            if let Some(given) = &present.given {
                check(&profile, given, now).map_err(wrong_password)?;
            }
            let present = std::iter::once(profile.password());
            let mut used = present.chain(profile.previous()).take(remembered);
            if used.any(|used| password::verify(&new, used)) {
                return Err(password_policy::violation("Password reuse is not allowed"));
            }
            let hash = password::hash(&new, &*entropy);
            Ok(Self { hash, replaces: profile.password().to_owned() })
        })
        .await?
    }

    /// Sets it, if the one that it was held against is still the present one.
    fn set(
        &self,
        tx: &mut Transaction,
        profile: &LoginProfile,
        reset_required: bool,
    ) -> Result<(), Error> {
        if profile.password() != self.replaces {
            let name = tx.users().get(profile.user()).map(User::name).unwrap_or_default();
            let message = format!(
                "Login Profile for User {name} cannot be modified while login profile is being \
                 created."
            );
            return Err(Error::new(Code::EntityTemporarilyUnmodifiable, message));
        }
        let mut fields = profile.fields();
        let replaced = std::mem::replace(&mut fields.password, self.hash.clone());
        fields.previous.insert(0, replaced);
        fields.previous.truncate(KEPT);
        fields.changed = tx.now();
        fields.reset_required = reset_required;
        tx.put_credential(&fields.pack());
        Ok(())
    }
}

fn wrong_password(wrong: WrongPassword) -> Error {
    match wrong {
        WrongPassword::Wrong => Error::new(Code::AccessDenied, "The old password was incorrect."),
        WrongPassword::TooMany => Error::new(Code::Throttling, "Rate exceeded"),
    }
}

/// `iam:CreateLoginProfile`. The password must meet the password policy.
pub(crate) struct CreateLoginProfile;

impl Operation for CreateLoginProfile {
    const NAME: &'static str = "CreateLoginProfile";
    type Input = iam::CreateLoginProfileRequest;
    type Output = iam::CreateLoginProfileResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        access("iam:CreateLoginProfile", view, &input.user_name)
    }
}

/// The user, if it has no profile yet.
fn user_without(account: &Account, name: &str) -> Result<User, Error> {
    let user = account.user(name)?;
    if login_profile(account, user.id()).is_none() {
        return Ok(user.clone());
    }
    let message = format!("Login Profile for user {} already exists.", user.name());
    Err(Error::new(Code::EntityAlreadyExists, message))
}

impl PreparedCommand for CreateLoginProfile {
    type Prepared = NewPassword;

    fn prepare<'a>(
        input: &'a Self::Input,
        view: &'a View<'a>,
    ) -> BoxFuture<'a, Result<NewPassword, Error>> {
        Box::pin(async move {
            user_without(view.account, owner::user_name(&input.user_name, view.caller)?)?;
            let Some(password) = &input.password else {
                // Only the central management of root credentials leaves it out. AWS's text is not
                // recorded.
                return Err(Error::validation("Must specify password."));
            };
            NewPassword::prepare(view, password, Present::default()).await
        })
    }

    fn run(
        input: &Self::Input,
        new: &NewPassword,
        permit: &Permit<Self>,
        tx: &mut Transaction,
    ) -> Result<Self::Output, Error> {
        let user = user_without(tx, owner::user_name(&input.user_name, permit.caller())?)?;
        let now = tx.now();
        let profile = LoginProfileFields {
            user: user.id(),
            created: now,
            password: new.hash.clone(),
            changed: now,
            reset_required: input.password_reset_required.unwrap_or_default(),
            previous: Vec::new(),
            last_used: None,
        };
        let profile = profile.pack();
        tx.put_credential(&profile);
        Ok(iam::CreateLoginProfileResponse { login_profile: shown(tx, &profile) })
    }
}

/// `iam:GetLoginProfile`.
pub(crate) struct GetLoginProfile;

impl Operation for GetLoginProfile {
    const NAME: &'static str = "GetLoginProfile";
    type Input = iam::GetLoginProfileRequest;
    type Output = iam::GetLoginProfileResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        access("iam:GetLoginProfile", view, &input.user_name)
    }
}

impl Query for GetLoginProfile {
    fn run(
        input: &Self::Input,
        permit: &Permit<Self>,
        view: &View<'_>,
    ) -> Result<Self::Output, Error> {
        let name = owner::user_name(&input.user_name, permit.caller())?;
        let profile = find(view.account, name)?;
        Ok(iam::GetLoginProfileResponse { login_profile: shown(view.account, profile) })
    }
}

/// `iam:UpdateLoginProfile`. A password of an administrator's choice must meet the password policy too,
/// and must not be one that it forbids to be used again.
pub(crate) struct UpdateLoginProfile;

impl Operation for UpdateLoginProfile {
    const NAME: &'static str = "UpdateLoginProfile";
    type Input = iam::UpdateLoginProfileRequest;
    type Output = ();

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let access = owner::access("iam:UpdateLoginProfile", view, Kind::User, &input.user_name);
        Ok(AccessList::one(access))
    }
}

impl PreparedCommand for UpdateLoginProfile {
    type Prepared = Option<NewPassword>;

    fn prepare<'a>(
        input: &'a Self::Input,
        view: &'a View<'a>,
    ) -> BoxFuture<'a, Result<Self::Prepared, Error>> {
        Box::pin(async move {
            let profile = find(view.account, &input.user_name)?.clone();
            let Some(new) = &input.password else { return Ok(None) };
            let present = Present { profile: Some(profile), given: None };
            NewPassword::prepare(view, new, present).await.map(Some)
        })
    }

    fn run(
        input: &Self::Input,
        new: &Self::Prepared,
        _: &Permit<Self>,
        tx: &mut Transaction,
    ) -> Result<(), Error> {
        let profile = find(tx, &input.user_name)?.clone();
        let reset = input.password_reset_required.unwrap_or(profile.reset_required());
        if let Some(new) = new {
            return new.set(tx, &profile, reset);
        }
        let mut fields = profile.fields();
        fields.reset_required = reset;
        tx.put_credential(&fields.pack());
        Ok(())
    }
}

/// `iam:DeleteLoginProfile`. The user's access keys go on working.
pub(crate) struct DeleteLoginProfile;

impl Operation for DeleteLoginProfile {
    const NAME: &'static str = "DeleteLoginProfile";
    type Input = iam::DeleteLoginProfileRequest;
    type Output = ();

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        access("iam:DeleteLoginProfile", view, &input.user_name)
    }
}

impl Command for DeleteLoginProfile {
    fn run(input: &Self::Input, permit: &Permit<Self>, tx: &mut Transaction) -> Result<(), Error> {
        let name = owner::user_name(&input.user_name, permit.caller())?;
        let profile = find(tx, name)?.clone();
        tx.remove_credential(&profile);
        Ok(())
    }
}

/// `iam:ChangePassword`, by an IAM user on itself. Allowed by identity policies, or to every user by the
/// password policy. An expired password can be changed so too: `HardExpiry` is about signing in.
pub(crate) struct ChangePassword;

impl Operation for ChangePassword {
    const NAME: &'static str = "ChangePassword";
    type Input = iam::ChangePasswordRequest;
    type Output = ();

    fn access<'a>(_: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let Some(user) = view.caller.user() else {
            // AWS's text is not recorded.
            let message = "Only IAM Users can change their own password";
            return Err(Error::new(Code::InvalidUserType, message));
        };
        let access: Access<'a> = owner::access("iam:ChangePassword", view, Kind::User, user.name());
        Ok(AccessList::one(access.granted_by(password_policy::grant_to_change(view.account))))
    }
}

fn own_name(caller: &Caller) -> Result<&str, Error> {
    caller.user().map(User::name).ok_or_else(owner::no_user_name)
}

impl PreparedCommand for ChangePassword {
    type Prepared = NewPassword;

    fn prepare<'a>(
        input: &'a Self::Input,
        view: &'a View<'a>,
    ) -> BoxFuture<'a, Result<NewPassword, Error>> {
        Box::pin(async move {
            let name = own_name(view.caller)?;
            let profile = find(view.account, name)?.clone();
            let given = Some(input.old_password.clone());
            let present = Present { profile: Some(profile), given };
            NewPassword::prepare(view, &input.new_password, present).await
        })
    }

    fn run(
        _: &Self::Input,
        new: &NewPassword,
        permit: &Permit<Self>,
        tx: &mut Transaction,
    ) -> Result<(), Error> {
        let profile = find(tx, own_name(permit.caller())?)?.clone();
        new.set(tx, &profile, false)
    }
}
