//! An IAM user's password: whether it is right, and whether it is still good.
//!
//! It knows no request: a sign-in and ChangePassword ask the same way. Checking takes some 20 ms and
//! 19 MiB by design, so the caller runs it off the request threads.

use iamd_credentials::{password, totp};
use iamd_directory::{Account, Holder, LoginProfile};
use iamd_types::{Secret, Timestamp, UniqueId};

const SECONDS_A_DAY: i64 = 86_400;

/// What a right password is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordState {
    /// Everything.
    Good,
    /// Setting another one, and nothing before that: it was set by an administrator for one time, or
    /// it is too old.
    MustChange,
    /// Nothing: it is too old, and the password policy leaves it to administrators to set another.
    Expired,
}

/// Why a password does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WrongPassword {
    /// It is not the user's, or the user has none.
    Wrong,
    /// Too many wrong ones of late.
    TooMany,
}

/// The user's login profile, if it has one.
pub fn login_profile(account: &Account, user: UniqueId) -> Option<&LoginProfile> {
    account.credentials().login_profiles.of(Holder::User(user)).next()
}

/// When the password ends by the account's password policy; `None` when it does not.
pub fn expires(account: &Account, profile: &LoginProfile) -> Option<Timestamp> {
    let days = account.credentials().password_policy()?.max_age_days()?;
    Some(profile.changed().plus_seconds(i64::from(days) * SECONDS_A_DAY))
}

/// What the password is good for, should it be right.
pub fn state(account: &Account, profile: &LoginProfile, now: Timestamp) -> PasswordState {
    let expired = expires(account, profile).is_some_and(|end| end <= now);
    let policy = account.credentials().password_policy();
    let hard = policy.and_then(|policy| policy.hard_expiry()).unwrap_or(false);
    match (expired, profile.reset_required()) {
        (true, _) if hard => PasswordState::Expired,
        (false, false) => PasswordState::Good,
        _ => PasswordState::MustChange,
    }
}

/// Checks a password against a profile. Slow. Wrong ones are counted, so that guessing ends.
///
/// # Errors
/// Why it does not count.
pub fn check(
    profile: &LoginProfile,
    password: &Secret<String>,
    now: Timestamp,
) -> Result<(), WrongPassword> {
    let step = u32::try_from(totp::step_at(now)).unwrap_or_default();
    if profile.wrong_passwords().are_exhausted(step) {
        return Err(WrongPassword::TooMany);
    }
    if password::verify(password, profile.password()) {
        return Ok(());
    }
    profile.wrong_passwords().count(step);
    Err(WrongPassword::Wrong)
}
