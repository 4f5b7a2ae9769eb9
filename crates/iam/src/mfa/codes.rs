//! Assigning an MFA device, which takes two codes, and taking it away.

use futures_util::future::{BoxFuture, ready};
use iamd_api::iam;
use iamd_authz::{AccessList, Permit, second_factor};
use iamd_credentials::totp;
use iamd_directory::{Account, Holder, MfaDevice, MfaDeviceFields, MfaKind, Transaction};
use iamd_operation::{Command, Entry, Operation, PreparedCommand, View};
use iamd_types::{Code, Error, Secret};

use crate::holder;
use crate::mfa::{find, find_of};

pub(crate) const OPERATIONS: &[Entry] = &[
    Entry::command::<DeactivateMFADevice>(),
    Entry::prepared::<EnableMFADevice>(),
    Entry::prepared::<ResyncMFADevice>(),
];

/// The most MFA devices of a user or of the root user (IAM quotas; not adjustable).
const DEVICES_PER_USER: u64 = 8;
/// How far a device's clock may be off when it is assigned, in time steps: ten minutes.
const REACH_OF_ENABLING: i64 = 20;
/// How far it may be off when it is synchronised again, in time steps: half a day.
const REACH_OF_RESYNC: i64 = 1440;

/// What two codes of a device tell.
pub(crate) struct Pair {
    /// The seed that they were made from, as it was sealed: another one tells nothing.
    sealed_seed: Vec<u8>,
    /// The time step of the second.
    step: u32,
    /// How far the device's clock is ahead, in time steps.
    drift: i64,
}

impl Pair {
    fn read(
        view: &View<'_>,
        device: &MfaDevice,
        (first, second): (&Secret<String>, &Secret<String>),
        reach: i64,
    ) -> Result<Self, Error> {
        let seed = second_factor::seed(view.account.id(), device, &view.tools.keyring);
        let present = totp::step_at(view.facts.now);
        let present_step = u32::try_from(present).unwrap_or_default();
        if device.wrong_codes().are_exhausted(present_step) {
            return Err(Error::new(Code::Throttling, "Rate exceeded"));
        }
        let step = seed
            .and_then(|seed| seed.step_of_pair(first.expose(), second.expose(), present, reach));
        let Some(step) = step.filter(|step| *step > i64::from(device.last_step())) else {
            device.wrong_codes().count(present_step);
            return Err(invalid_code());
        };
        let drift = step - present;
        Ok(Self {
            sealed_seed: device.sealed_seed().to_owned(),
            step: u32::try_from(step).map_err(Error::internal)?,
            // A code that was typed slowly, or just before the next one, tells of no drift.
            drift: if drift.abs() <= totp::TOLERANCE { 0 } else { drift },
        })
    }

    /// Marks both codes as used, if the device is still the one that they were read for.
    fn apply(&self, fields: &mut MfaDeviceFields) -> Result<(), Error> {
        if fields.sealed_seed != self.sealed_seed || self.step <= fields.last_step {
            return Err(invalid_code());
        }
        fields.last_step = self.step;
        fields.set_drift_steps(self.drift);
        Ok(())
    }
}

fn invalid_code() -> Error {
    Error::new(Code::InvalidAuthenticationCode, "Authentication code for device is not valid")
}

/// `iam:EnableMFADevice`, on the user. Takes two codes that follow each other; both are used up. The root
/// user names itself by the account's id.
///
/// A hardware device can be assigned when its seed is known to the server; the serial number of any
/// other is refused like one that is not there, since its codes could never be checked.
pub(crate) struct EnableMFADevice;

impl Operation for EnableMFADevice {
    const NAME: &'static str = "EnableMFADevice";
    type Input = iam::EnableMFADeviceRequest;
    type Output = ();

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        holder::access("iam:EnableMFADevice", view, Some(&input.user_name))
    }
}

/// The device, if it can be assigned to one more.
fn assignable<'a>(
    account: &'a Account,
    holder: Holder,
    serial: &str,
) -> Result<&'a MfaDevice, Error> {
    let device = find(account, serial)?;
    if device.assigned_to().is_some() {
        return Err(Error::new(Code::EntityAlreadyExists, "MFA Device is already in use."));
    }
    let held = account.credentials().mfa_devices.of(holder).count();
    if held as u64 >= DEVICES_PER_USER {
        return Err(Error::quota("MFADevicesPerUser", DEVICES_PER_USER));
    }
    Ok(device)
}

impl PreparedCommand for EnableMFADevice {
    type Prepared = Pair;

    fn prepare<'a>(
        input: &'a Self::Input,
        view: &'a View<'a>,
    ) -> BoxFuture<'a, Result<Pair, Error>> {
        let read = || {
            let holder = holder::find(view.account, Some(&input.user_name), view.caller)?;
            let device = assignable(view.account, holder, &input.serial_number)?;
            let codes = (&input.authentication_code1, &input.authentication_code2);
            Pair::read(view, device, codes, REACH_OF_ENABLING)
        };
        Box::pin(ready(read()))
    }

    fn run(
        input: &Self::Input,
        pair: &Pair,
        permit: &Permit<Self>,
        tx: &mut Transaction,
    ) -> Result<(), Error> {
        let holder = holder::find(tx, Some(&input.user_name), permit.caller())?;
        let mut fields = assignable(tx, holder, &input.serial_number)?.fields();
        pair.apply(&mut fields)?;
        fields.enabled = Some(tx.now());
        fields.user = holder.user();
        tx.put_credential(&fields.pack());
        Ok(())
    }
}

/// `iam:ResyncMFADevice`, on the user. Takes two codes that follow each other, of a clock that is off by
/// up to half a day.
pub(crate) struct ResyncMFADevice;

impl Operation for ResyncMFADevice {
    const NAME: &'static str = "ResyncMFADevice";
    type Input = iam::ResyncMFADeviceRequest;
    type Output = ();

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        holder::access("iam:ResyncMFADevice", view, Some(&input.user_name))
    }
}

impl PreparedCommand for ResyncMFADevice {
    type Prepared = Pair;

    fn prepare<'a>(
        input: &'a Self::Input,
        view: &'a View<'a>,
    ) -> BoxFuture<'a, Result<Pair, Error>> {
        let read = || {
            let holder = holder::find(view.account, Some(&input.user_name), view.caller)?;
            let device = find_of(view.account, holder, &input.serial_number)?;
            let codes = (&input.authentication_code1, &input.authentication_code2);
            Pair::read(view, device, codes, REACH_OF_RESYNC)
        };
        Box::pin(ready(read()))
    }

    fn run(
        input: &Self::Input,
        pair: &Pair,
        permit: &Permit<Self>,
        tx: &mut Transaction,
    ) -> Result<(), Error> {
        let holder = holder::find(tx, Some(&input.user_name), permit.caller())?;
        let mut fields = find_of(tx, holder, &input.serial_number)?.fields();
        pair.apply(&mut fields)?;
        tx.put_credential(&fields.pack());
        Ok(())
    }
}

/// `iam:DeactivateMFADevice`, on the user. A virtual device stays, as nobody's; its used codes stay used.
pub(crate) struct DeactivateMFADevice;

impl Operation for DeactivateMFADevice {
    const NAME: &'static str = "DeactivateMFADevice";
    type Input = iam::DeactivateMFADeviceRequest;
    type Output = ();

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        holder::access("iam:DeactivateMFADevice", view, input.user_name.as_deref())
    }
}

impl Command for DeactivateMFADevice {
    fn run(input: &Self::Input, permit: &Permit<Self>, tx: &mut Transaction) -> Result<(), Error> {
        let holder = holder::find(tx, input.user_name.as_deref(), permit.caller())?;
        let device = find_of(tx, holder, &input.serial_number)?.clone();
        if device.kind() == MfaKind::SecurityKey {
            tx.remove_credential(&device);
            return Ok(());
        }
        let mut fields = device.fields();
        fields.enabled = None;
        fields.user = None;
        tx.put_credential(&fields.pack());
        Ok(())
    }
}
