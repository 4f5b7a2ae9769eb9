//! Hardware devices that show one-time codes. Amazon knows the seeds of those it sells; here the operator
//! tells them, and `EnableMFADevice` then takes the serial number as on AWS.

use iamd_credentials::totp::Seed;
use iamd_directory::{MfaDevice, MfaDeviceFields, MfaKind, Transaction};
use iamd_types::{AccountId, Code, Error, Secret};
use serde_json::json;

use crate::Service;

/// The lengths of serial numbers, and what they hold besides letters and digits (IAM model,
/// `serialNumberType`).
const SERIAL_LENGTHS: std::ops::RangeInclusive<usize> = 9..=256;
const SERIAL_MARKS: &[u8] = b"_+=/:,.@-";
/// The bytes of a seed: at least 128 bits (RFC 4226 §4, R6), at most a block of SHA-1.
const SEED_LENGTHS: std::ops::RangeInclusive<usize> = 16..=64;
/// The longest text that is looked at for a seed, in bytes: the longest seed in groups of four digits.
const MAX_SEED_TEXT: usize = 256;

impl Service {
    /// Makes a device known to an account, by its serial number and its seed in base32, with or without
    /// spaces and padding. It is nobody's until `EnableMFADevice`. The seed of a device that is nobody's
    /// can be told again.
    ///
    /// # Errors
    /// `NoSuchEntity` when there is no such account, `ValidationError` for a serial number or a seed that
    /// is none, `EntityAlreadyExists` when the serial number is a device's that is in use.
    pub async fn add_hardware_token(
        &self,
        account: AccountId,
        serial: &str,
        seed: &Secret<String>,
    ) -> Result<(), Error> {
        self.ensure_account(account).await?;
        ensure_serial(serial)?;
        let seed = read_seed(seed.expose())?;
        self.ensure_log_works()?;
        let context = MfaDevice::seal_context(account, serial);
        let sealed = self.tools.keyring.seal(&context, seed.bytes(), &*self.tools.entropy);
        let origin = self.origin();
        let told = json!({ "accountId": account.to_string(), "serialNumber": serial });
        let recorded = self.operator_record(account, "AddHardwareToken", origin.now, told);
        let serial = serial.to_owned();
        let work = move |tx: &mut Transaction| {
            let fields = match tx.credentials().mfa_devices.get(&serial) {
                None => {
                    let kind = MfaKind::Hardware;
                    MfaDeviceFields::unassigned(serial.clone(), kind, tx.now(), sealed.clone())
                }
                // What codes were used stays known: the seed may be the same.
                Some(device) if device.assigned_to().is_none() => {
                    MfaDeviceFields { sealed_seed: sealed.clone(), ..device.fields() }
                }
                Some(_) => {
                    let message = format!("The device {serial} is in use. Deactivate it first.");
                    return Err(Error::new(Code::EntityAlreadyExists, message));
                }
            };
            tx.put_credential(&fields.pack());
            recorded.put(tx);
            Ok(())
        };
        self.tools.directory.write(account, origin, work).await
    }

    /// Makes the account forget a hardware device. It must be nobody's: `DeactivateMFADevice` takes it from
    /// whose it is.
    ///
    /// # Errors
    /// `NoSuchEntity` when there is no such account or hardware device, `DeleteConflict` when the device is in use.
    pub async fn remove_hardware_token(
        &self,
        account: AccountId,
        serial: &str,
    ) -> Result<(), Error> {
        self.ensure_account(account).await?;
        self.ensure_log_works()?;
        let origin = self.origin();
        let told = json!({ "accountId": account.to_string(), "serialNumber": serial });
        let recorded = self.operator_record(account, "RemoveHardwareToken", origin.now, told);
        let serial = serial.to_owned();
        let work = move |tx: &mut Transaction| {
            let found = tx.credentials().mfa_devices.get(&serial).cloned();
            let device = found.filter(|device| device.kind() == MfaKind::Hardware);
            let Some(device) = device else {
                let message = format!("There is no hardware device {serial}.");
                return Err(Error::new(Code::NoSuchEntity, message));
            };
            if device.assigned_to().is_some() {
                let message = format!("The device {serial} is in use. Deactivate it first.");
                return Err(Error::new(Code::DeleteConflict, message));
            }
            tx.remove_credential(&device);
            recorded.put(tx);
            Ok(())
        };
        self.tools.directory.write(account, origin, work).await
    }
}

/// ARNs are virtual devices'.
fn ensure_serial(serial: &str) -> Result<(), Error> {
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || SERIAL_MARKS.contains(&byte);
    let is_serial = SERIAL_LENGTHS.contains(&serial.len())
        && serial.bytes().all(is_known)
        && !serial.starts_with("arn:");
    if is_serial {
        return Ok(());
    }
    Err(Error::validation(format!(
        "A serial number has {} to {} letters, digits and characters of `{}`, and is no ARN.",
        SERIAL_LENGTHS.start(),
        SERIAL_LENGTHS.end(),
        String::from_utf8_lossy(SERIAL_MARKS),
    )))
}

fn read_seed(text: &str) -> Result<Seed, Error> {
    let no_seed = || {
        Error::validation(format!(
            "A seed is {} to {} bytes, written in base32 (A to Z and 2 to 7).",
            SEED_LENGTHS.start(),
            SEED_LENGTHS.end()
        ))
    };
    if text.len() > MAX_SEED_TEXT {
        return Err(no_seed());
    }
    let digits = text.chars().filter(|digit| !digit.is_whitespace()).collect::<String>();
    let digits = Secret::new(digits);
    let seed = Seed::from_base32(digits.expose().trim_end_matches('='));
    seed.filter(|seed| SEED_LENGTHS.contains(&seed.bytes().len())).ok_or_else(no_seed)
}
