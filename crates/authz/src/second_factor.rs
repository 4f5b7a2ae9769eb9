//! The second factor: a one-time code of an MFA device, checked and used up.
//!
//! It knows no request: STS and a sign-in ask the same way. Checking reads a snapshot; using up
//! writes the code's time step to the device's record, so that of two that present one code only
//! one gets in, and none after a restart.

use iamd_credentials::Keyring;
use iamd_credentials::totp::{self, Seed};
use iamd_directory::{Account, Directory, Holder, MfaDevice, MfaKind, Origin, Transaction};
use iamd_types::{AccountId, Code, Error, Timestamp};

/// A code that was right, and is still to be used up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RightCode {
    account: AccountId,
    holder: Holder,
    serial: String,
    step: u32,
}

/// Why a second factor does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WrongFactor {
    /// There is no such device, it is not assigned to whoever presents it, or shows no codes.
    Device,
    /// The code is wrong, of another time, or was used before.
    Code,
    /// Too many wrong codes of late.
    TooMany,
}

/// The seed of a device; `None` for one that shows no codes, or whose seed cannot be opened.
pub fn seed(account: AccountId, device: &MfaDevice, keyring: &Keyring) -> Option<Seed> {
    if device.kind() == MfaKind::SecurityKey {
        return None;
    }
    let context = MfaDevice::seal_context(account, device.serial());
    keyring.open(&context, device.sealed_seed()).ok().map(Seed::from_bytes)
}

/// Checks a code of a device that is assigned to the holder. The code is not used up by this.
///
/// # Errors
/// Why the factor does not count.
pub fn check_code(
    account: &Account,
    holder: Holder,
    serial: &str,
    code: &str,
    keyring: &Keyring,
    now: Timestamp,
) -> Result<RightCode, WrongFactor> {
    let devices = &account.credentials().mfa_devices;
    let device = devices
        .get(serial)
        .filter(|device| device.assigned_to() == Some(holder))
        .ok_or(WrongFactor::Device)?;
    let seed = seed(account.id(), device, keyring).ok_or(WrongFactor::Device)?;
    let present = totp::step_at(now);
    let present_step = u32::try_from(present).unwrap_or_default();
    if device.wrong_codes().are_exhausted(present_step) {
        return Err(WrongFactor::TooMany);
    }
    let center = present + device.drift_steps();
    let step = seed.step_of(code, center, i64::from(device.last_step()));
    let Some(step) = step.and_then(|step| u32::try_from(step).ok()) else {
        device.wrong_codes().count(present_step);
        return Err(WrongFactor::Code);
    };
    Ok(RightCode { account: account.id(), holder, serial: serial.to_owned(), step })
}

impl RightCode {
    /// Uses the code up, durably.
    ///
    /// # Errors
    /// [`WrongFactor`] inside when it was used, or the device taken away, meanwhile; else a failure
    /// of the store.
    pub async fn use_up(
        self,
        directory: &Directory,
        origin: Origin,
    ) -> Result<Result<(), WrongFactor>, Error> {
        directory.write(self.account, origin, move |tx| Ok(self.mark(tx))).await
    }

    fn mark(&self, tx: &mut Transaction) -> Result<(), WrongFactor> {
        let device = tx.credentials().mfa_devices.get(&self.serial);
        let device = device.filter(|device| device.assigned_to() == Some(self.holder));
        let mut fields = device.ok_or(WrongFactor::Device)?.fields();
        if self.step <= fields.last_step {
            return Err(WrongFactor::Code);
        }
        fields.last_step = self.step;
        tx.put_credential(&fields.pack());
        Ok(())
    }
}

impl WrongFactor {
    /// The refusal of STS, in AWS's words.
    pub fn refusal(self) -> Error {
        let message = match self {
            Self::Device => {
                "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your \
                 MFA serial number is valid and associated with this user."
            }
            Self::Code => "MultiFactorAuthentication failed with invalid MFA one time pass code. ",
            Self::TooMany => return Error::new(Code::Throttling, "Rate exceeded"),
        };
        Error::new(Code::AccessDenied, message)
    }
}
