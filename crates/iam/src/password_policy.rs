//! The account's password policy, and whether a password meets it.

use std::sync::OnceLock;

use iamd_api::iam;
use iamd_authz::{Access, AccessList, Permit};
use iamd_directory::{Account, PasswordPolicy, PasswordPolicyFields, Transaction};
use iamd_operation::{Command, Entry, NoInput, Operation, Query, View};
use iamd_policy::Document;
use iamd_types::{Code, Error};

pub(crate) const OPERATIONS: &[Entry] = &[
    Entry::command::<DeleteAccountPasswordPolicy>(),
    Entry::query::<GetAccountPasswordPolicy>(),
    Entry::command::<UpdateAccountPasswordPolicy>(),
];

/// The fewest characters that a policy which says nothing asks for (UpdateAccountPasswordPolicy).
const MINIMUM_LENGTH: u32 = 6;
/// The fewest characters without a policy (IAM User Guide, "Default password policy").
const DEFAULT_MINIMUM_LENGTH: u32 = 8;
/// How many of the four classes a password has without a policy (same page).
const DEFAULT_CLASSES: usize = 3;
/// What counts as a symbol (IAM User Guide, "Custom password policy options").
const SYMBOLS: &str = "!@#$%^&*()_+-=[]{}|'";

/// Refuses a password that the account's policy, or without one AWS's default policy, does not let
/// pass. Whether it was used before is not looked at here.
///
/// # Errors
/// `PasswordPolicyViolation` for the first rule that is not met. AWS's texts are not recorded.
pub(crate) fn ensure_meets(account: &Account, password: &str) -> Result<(), Error> {
    match account.credentials().password_policy() {
        Some(policy) => ensure_meets_policy(policy, password),
        None => ensure_meets_default(account, password),
    }
}

/// `PasswordPolicyViolation` with this message.
pub(crate) fn violation(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(Code::PasswordPolicyViolation, message)
}

fn ensure_long(password: &str, minimum: u32) -> Result<(), Error> {
    if password.chars().count() as u64 >= u64::from(minimum) {
        return Ok(());
    }
    Err(violation(format!("Password should have a minimum length of {minimum}")))
}

/// Symbols, numbers, upper and lower case letters: whether a password has them, and what they are
/// called. Letters are those of the basic Latin alphabet.
fn classes(password: &str) -> [(bool, &'static str); 4] {
    let has = |is: fn(char) -> bool| password.chars().any(is);
    [
        (has(|it| SYMBOLS.contains(it)), "symbol"),
        (has(|it| it.is_ascii_digit()), "number"),
        (has(|it| it.is_ascii_uppercase()), "uppercase letter"),
        (has(|it| it.is_ascii_lowercase()), "lowercase letter"),
    ]
}

fn ensure_meets_policy(policy: &PasswordPolicy, password: &str) -> Result<(), Error> {
    ensure_long(password, policy.minimum_length())?;
    let required = [
        policy.require_symbols(),
        policy.require_numbers(),
        policy.require_uppercase(),
        policy.require_lowercase(),
    ];
    let missing = classes(password).into_iter().zip(required);
    for ((has, class), required) in missing {
        if required && !has {
            return Err(violation(format!("Password should have at least one {class}")));
        }
    }
    Ok(())
}

fn ensure_meets_default(account: &Account, password: &str) -> Result<(), Error> {
    ensure_long(password, DEFAULT_MINIMUM_LENGTH)?;
    if classes(password).into_iter().filter(|(has, _)| *has).count() < DEFAULT_CLASSES {
        return Err(violation(
            "Password should have at least three of: uppercase letters, lowercase letters, numbers, \
             symbols",
        ));
    }
    let is_of_account = account.record().is_some_and(|record| {
        [record.name(), record.email()].iter().any(|own| own.eq_ignore_ascii_case(password))
    });
    if is_of_account {
        return Err(violation(
            "Password should not be the name or the email address of the account",
        ));
    }
    Ok(())
}

/// What `AllowUsersToChangePassword` gives every user on itself, as a policy: identity policies need
/// not allow it too, and can still deny it.
pub(crate) fn grant_to_change(account: &Account) -> Option<&'static Document> {
    static GRANT: OnceLock<Option<Document>> = OnceLock::new();
    let policy = account.credentials().password_policy()?;
    let grant = || {
        let text = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"iam:ChangePassword","Resource":"*"}}"#;
        Document::parse(text).ok()
    };
    GRANT.get_or_init(grant).as_ref().filter(|_| policy.allow_users_to_change())
}

/// `iam:UpdateAccountPasswordPolicy`. Replaces the whole policy: what is left out has its default again.
pub(crate) struct UpdateAccountPasswordPolicy;

impl Operation for UpdateAccountPasswordPolicy {
    const NAME: &'static str = "UpdateAccountPasswordPolicy";
    type Input = iam::UpdateAccountPasswordPolicyRequest;
    type Output = ();

    fn access<'a>(_: &Self::Input, _: &View<'a>) -> Result<AccessList<'a>, Error> {
        Ok(AccessList::one(Access::on_all("iam:UpdateAccountPasswordPolicy")))
    }
}

impl Command for UpdateAccountPasswordPolicy {
    fn run(input: &Self::Input, _: &Permit<Self>, tx: &mut Transaction) -> Result<(), Error> {
        // INVARIANT: the model's bounds were checked, so none of these is negative.
        let number = |value: Option<i32>| value.and_then(|value| u32::try_from(value).ok());
        let policy = PasswordPolicyFields {
            minimum_length: number(input.minimum_password_length).unwrap_or(MINIMUM_LENGTH),
            require_symbols: input.require_symbols.unwrap_or_default(),
            require_numbers: input.require_numbers.unwrap_or_default(),
            require_uppercase: input.require_uppercase_characters.unwrap_or_default(),
            require_lowercase: input.require_lowercase_characters.unwrap_or_default(),
            allow_users_to_change: input.allow_users_to_change_password.unwrap_or_default(),
            max_age_days: number(input.max_password_age),
            reuse_prevention: number(input.password_reuse_prevention),
            hard_expiry: input.hard_expiry,
        };
        tx.put_credential(&policy.pack());
        Ok(())
    }
}

/// `iam:GetAccountPasswordPolicy`.
pub(crate) struct GetAccountPasswordPolicy;

impl Operation for GetAccountPasswordPolicy {
    const NAME: &'static str = "GetAccountPasswordPolicy";
    type Input = NoInput;
    type Output = iam::GetAccountPasswordPolicyResponse;

    fn access<'a>(_: &Self::Input, _: &View<'a>) -> Result<AccessList<'a>, Error> {
        Ok(AccessList::one(Access::on_all("iam:GetAccountPasswordPolicy")))
    }
}

impl Query for GetAccountPasswordPolicy {
    fn run(_: &Self::Input, _: &Permit<Self>, view: &View<'_>) -> Result<Self::Output, Error> {
        let policy = view.account.credentials().password_policy().ok_or_else(|| {
            let account = view.account.id();
            let message =
                format!("The Password Policy with domain name {account} cannot be found.");
            Error::new(Code::NoSuchEntity, message)
        })?;
        let number = |value: u32| i32::try_from(value).unwrap_or(i32::MAX);
        let password_policy = iam::PasswordPolicy {
            minimum_password_length: Some(number(policy.minimum_length())),
            require_symbols: Some(policy.require_symbols()),
            require_numbers: Some(policy.require_numbers()),
            require_uppercase_characters: Some(policy.require_uppercase()),
            require_lowercase_characters: Some(policy.require_lowercase()),
            allow_users_to_change_password: Some(policy.allow_users_to_change()),
            expire_passwords: Some(policy.max_age_days().is_some()),
            max_password_age: policy.max_age_days().map(number),
            password_reuse_prevention: policy.reuse_prevention().map(number),
            hard_expiry: policy.hard_expiry(),
        };
        Ok(iam::GetAccountPasswordPolicyResponse { password_policy })
    }
}

/// `iam:DeleteAccountPasswordPolicy`: AWS's default policy is in force again.
pub(crate) struct DeleteAccountPasswordPolicy;

impl Operation for DeleteAccountPasswordPolicy {
    const NAME: &'static str = "DeleteAccountPasswordPolicy";
    type Input = NoInput;
    type Output = ();

    fn access<'a>(_: &Self::Input, _: &View<'a>) -> Result<AccessList<'a>, Error> {
        Ok(AccessList::one(Access::on_all("iam:DeleteAccountPasswordPolicy")))
    }
}

impl Command for DeleteAccountPasswordPolicy {
    fn run(_: &Self::Input, _: &Permit<Self>, tx: &mut Transaction) -> Result<(), Error> {
        let Some(policy) = tx.credentials().password_policy().cloned() else {
            let message = "The account policy with name PasswordPolicy cannot be found.";
            return Err(Error::new(Code::NoSuchEntity, message));
        };
        tx.remove_credential(&policy);
        Ok(())
    }
}
