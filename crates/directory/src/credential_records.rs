//! What users and the root user prove themselves with, besides access keys: one record type for each
//! kind. The encoding is described in `docs/records.md`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use iamd_types::{AccountId, Tag, Timestamp, UniqueId};

use crate::packed::{Field, Fixed, fixed, record};
use crate::shelf::Holder;

/// What an MFA device is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum MfaKind {
    /// An application that shows one-time codes (RFC 6238); its serial number is an ARN.
    Virtual = 1,
    /// A device that shows one-time codes.
    Hardware = 2,
    /// A FIDO security key or passkey. Registered by the console only.
    SecurityKey = 3,
}

fixed! {
    MfaKind, 1, kind => [kind as u8], bytes => match bytes {
        [1] => Some(MfaKind::Virtual),
        [2] => Some(MfaKind::Hardware),
        [3] => Some(MfaKind::SecurityKey),
        _ => None,
    };
}

record! {
    /// An MFA device, assigned to somebody or not yet.
    MfaDevice of MfaDeviceFields, cached by WrongCodes {
        /// The serial number; an ARN for virtual devices.
        serial: String,
        /// What it is.
        kind: MfaKind,
        /// When it was made, whole seconds.
        created: Timestamp,
        /// The TOTP seed, sealed under the keyring with [`MfaDevice::seal_context`].
        sealed_seed: Vec<u8>,
        /// When it was assigned; `None` while it is nobody's.
        enabled: Option<Timestamp>,
        /// The user it is assigned to; `None` for the root user, or for nobody.
        user: Option<UniqueId>,
        /// How far the device's clock is ahead, in time steps of thirty seconds, plus 2^31.
        drift: u32,
        /// The last time step whose code was taken: codes are good once. 0 when none was.
        last_step: u32,
        /// The tags, in order of first assignment.
        tags: Vec<Tag>,
    }
}

record! {
    /// The password of an IAM user.
    LoginProfile of LoginProfileFields, cached by WrongCodes {
        /// The user.
        user: UniqueId,
        /// When the profile was made, whole seconds.
        created: Timestamp,
        /// The password as an argon2id PHC string.
        password: String,
        /// When the password was set last.
        changed: Timestamp,
        /// Whether the next sign-in must set another password.
        reset_required: bool,
        /// The passwords before this one as PHC strings, newest first, as many as a password policy
        /// can forbid to be used again.
        previous: Vec<String>,
        /// When the password was last used to sign in.
        last_used: Option<Timestamp>,
    }
}

record! {
    /// The account's password policy.
    PasswordPolicy of PasswordPolicyFields {
        /// The fewest characters.
        minimum_length: u32,
        /// A character of ``!@#$%^&*()_+-=[]{}|'`` is needed.
        require_symbols: bool,
        /// A digit is needed.
        require_numbers: bool,
        /// An upper case letter of the Latin alphabet is needed.
        require_uppercase: bool,
        /// A lower case letter of the Latin alphabet is needed.
        require_lowercase: bool,
        /// Every user may change the own password, whatever other policies leave open.
        allow_users_to_change: bool,
        /// After how many days a password expires.
        max_age_days: Option<u32>,
        /// How many passwords before the present one must not be used again.
        reuse_prevention: Option<u32>,
        /// Whether only an administrator can replace an expired password; `None` when never told.
        hard_expiry: Option<bool>,
    }
}

record! {
    /// The newest credential report.
    CredentialReport of CredentialReportFields {
        /// When it was made, whole seconds.
        generated: Timestamp,
        /// The CSV text, compressed (zlib).
        content: Vec<u8>,
    }
}

record! {
    /// An SSH public key of an IAM user.
    SshPublicKey of SshPublicKeyFields {
        /// The id, `APKA…`.
        id: UniqueId,
        /// The user.
        user: UniqueId,
        /// The key in the encoding of RFC 4253 §6.6: `ssh-rsa`, exponent, modulus.
        blob: Vec<u8>,
        /// The key as it was uploaded.
        body: String,
        /// Whether it is active.
        active: bool,
        /// When it was uploaded, whole seconds.
        uploaded: Timestamp,
    }
}

record! {
    /// An X.509 signing certificate of a user or of the root user.
    SigningCertificate of SigningCertificateFields {
        /// The certificate's id.
        id: String,
        /// The user; `None` for the root user.
        user: Option<UniqueId>,
        /// The certificate as it was uploaded (PEM).
        body: String,
        /// SHA-256 of its DER form.
        digest: Vec<u8>,
        /// Whether it is active.
        active: bool,
        /// When it was uploaded, whole seconds.
        uploaded: Timestamp,
    }
}

record! {
    /// A server certificate with its private key.
    ServerCertificate of ServerCertificateFields {
        /// The unique id, `ASCA…`.
        id: UniqueId,
        /// The friendly name.
        name: String,
        /// The path.
        path: String,
        /// When it was uploaded, whole seconds.
        uploaded: Timestamp,
        /// When the certificate ends.
        expires: Timestamp,
        /// The certificate as it was uploaded (PEM).
        body: String,
        /// The chain as it was uploaded (PEM).
        chain: Option<String>,
        /// The private key (PEM), sealed with [`ServerCertificate::seal_context`].
        sealed_key: Vec<u8>,
        /// The tags, in order of first assignment.
        tags: Vec<Tag>,
    }
}

record! {
    /// A user name and password, or a bearer key, for one service.
    ServiceCredential of ServiceCredentialFields {
        /// The id, `ACCA…`.
        id: UniqueId,
        /// The user.
        user: UniqueId,
        /// The service, `codecommit.amazonaws.com`.
        service: String,
        /// The user name for the service, or the alias of the key.
        login: String,
        /// The password or key as an argon2id PHC string.
        secret: String,
        /// Whether it is active.
        active: bool,
        /// When it was made, whole seconds.
        created: Timestamp,
        /// When it ends by itself.
        expires: Option<Timestamp>,
    }
}

/// The zero of [`MfaDeviceFields::drift`].
const NO_DRIFT: u32 = 1 << 31;
/// How many wrong codes or passwords are looked at in one time step of thirty seconds. Five make
/// guessing one of the three codes of a device that are good at a time a matter of weeks.
const WRONG_CODES_PER_STEP: u64 = 5;

/// Wrong codes or passwords of late: the time step, and how many in it. Kept in memory, so that guessing does not
/// write. All versions of a record count together: whoever can write to it, by tagging a device say, must not get
/// five more guesses by that.
#[derive(Default)]
pub struct WrongCodes(OnceLock<Arc<AtomicU64>>);

impl WrongCodes {
    fn counter(&self) -> &Arc<AtomicU64> {
        self.0.get_or_init(Arc::default)
    }

    /// Counts together with the version of the record that came before. For a record that was just made.
    pub(crate) fn go_on(&self, before: &Self) {
        // A record that counts already is one that was counted on, and stays with it.
        let _ = self.0.set(Arc::clone(before.counter()));
    }

    /// Whether no more are looked at in this time step.
    pub fn are_exhausted(&self, step: u32) -> bool {
        let seen = self.counter().load(Ordering::Relaxed);
        seen >> 32 == u64::from(step) && seen & 0xffff_ffff >= WRONG_CODES_PER_STEP
    }

    /// Counts a wrong one.
    pub fn count(&self, step: u32) {
        let step = u64::from(step);
        let counted = |seen: u64| {
            let before = if seen >> 32 == step { seen & 0xffff_ffff } else { 0 };
            step << 32 | (before + 1).min(WRONG_CODES_PER_STEP)
        };
        self.counter().update(Ordering::Relaxed, Ordering::Relaxed, counted);
    }
}

impl MfaDevice {
    /// What the sealed seed is bound to.
    pub fn seal_context(account: AccountId, serial: &str) -> Vec<u8> {
        format!("mfa-seed/{account}/{serial}").into_bytes()
    }

    /// Whom the device is assigned to.
    pub fn assigned_to(&self) -> Option<Holder> {
        self.enabled().map(|_| self.user().into())
    }

    /// How far the device's clock is ahead, in time steps.
    pub fn drift_steps(&self) -> i64 {
        i64::from(self.drift()) - i64::from(NO_DRIFT)
    }

    /// Wrong codes given for it of late.
    pub fn wrong_codes(&self) -> &WrongCodes {
        self.cache()
    }
}

impl LoginProfile {
    /// Wrong passwords given for it of late.
    pub fn wrong_passwords(&self) -> &WrongCodes {
        self.cache()
    }
}

impl MfaDeviceFields {
    /// A device that is nobody's yet.
    pub fn unassigned(
        serial: String,
        kind: MfaKind,
        created: Timestamp,
        sealed_seed: Vec<u8>,
    ) -> Self {
        Self {
            serial,
            kind,
            created,
            sealed_seed,
            enabled: None,
            user: None,
            drift: NO_DRIFT,
            last_step: 0,
            tags: Vec::new(),
        }
    }

    /// Sets how far the device's clock is ahead, in time steps.
    pub fn set_drift_steps(&mut self, steps: i64) {
        self.drift = u32::try_from(steps.saturating_add(i64::from(NO_DRIFT))).unwrap_or(NO_DRIFT);
    }
}

impl ServerCertificate {
    /// What the sealed private key is bound to: the account and the certificate's text.
    pub fn seal_context(account: AccountId, body: &str) -> Vec<u8> {
        format!("server-certificate/{account}/{body}").into_bytes()
    }
}
