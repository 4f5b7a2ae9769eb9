//! MFA devices: made, listed, deleted. What takes codes is in [`codes`].

pub(crate) mod codes;

use futures_util::future::{BoxFuture, ready};
use iamd_api::iam;
use iamd_authz::{Access, AccessList, Permit};
use iamd_credentials::{qr, totp};
use iamd_directory::{Account, Holder, MfaDevice, MfaDeviceFields, MfaKind, Transaction};
use iamd_operation::{Command, Entry, Operation, PreparedCommand, Query, View};
use iamd_types::name::ROOT_PATH;
use iamd_types::tag::KeyCase;
use iamd_types::{Blob, Code, Error};

use crate::page::Paging;
use crate::{holder, render, tags};

pub(crate) const OPERATIONS: &[Entry] = &[
    Entry::prepared::<CreateVirtualMFADevice>(),
    Entry::command::<DeleteVirtualMFADevice>(),
    Entry::query::<GetMFADevice>(),
    Entry::query::<ListMFADevices>(),
    Entry::query::<ListVirtualMFADevices>(),
];

/// Access to the device with this serial number. Hardware devices have no ARN of their own.
pub(crate) fn access<'a>(action: &'static str, view: &View<'_>, serial: &str) -> Access<'a> {
    let account = view.account;
    let arn = if serial.starts_with("arn:") {
        serial.to_owned()
    } else {
        account.arn("mfa", ROOT_PATH, serial)
    };
    let access = Access::new(action, arn, account.id());
    match account.credentials().mfa_devices.get(serial) {
        Some(device) => access.with_resource_tags(device.tags()),
        None => access,
    }
}

/// The device with this serial number, or `NoSuchEntity`.
pub(crate) fn find<'a>(account: &'a Account, serial: &str) -> Result<&'a MfaDevice, Error> {
    account.credentials().mfa_devices.get(serial).ok_or_else(|| no_such_device(serial))
}

/// The device with this serial number, if it is assigned to the holder, or `NoSuchEntity`.
pub(crate) fn find_of<'a>(
    account: &'a Account,
    holder: Holder,
    serial: &str,
) -> Result<&'a MfaDevice, Error> {
    let device = find(account, serial)?;
    if device.assigned_to() == Some(holder) { Ok(device) } else { Err(no_such_device(serial)) }
}

fn no_such_device(serial: &str) -> Error {
    let message = format!("MFA Device with serial number {serial} does not exist.");
    Error::new(Code::NoSuchEntity, message)
}

/// `iam:CreateVirtualMFADevice`, and `iam:TagMFADevice` when tags are given. The only time that the seed
/// is told. An account has as many virtual devices as users at most; AWS's name of that limit is not
/// recorded.
pub(crate) struct CreateVirtualMFADevice;

/// A seed that was drawn, and how it is shown.
pub(crate) struct DrawnSeed {
    sealed: Vec<u8>,
    base32: Blob,
    picture: Blob,
}

fn virtual_serial(account: &Account, input: &iam::CreateVirtualMFADeviceRequest) -> String {
    let path = input.path.as_deref().unwrap_or(ROOT_PATH);
    account.arn("mfa", path, &input.virtual_mfa_device_name)
}

impl Operation for CreateVirtualMFADevice {
    const NAME: &'static str = "CreateVirtualMFADevice";
    type Input = iam::CreateVirtualMFADeviceRequest;
    type Output = iam::CreateVirtualMFADeviceResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let serial = virtual_serial(view.account, input);
        let access = Access::new("iam:CreateVirtualMFADevice", serial, view.account.id());
        Ok(tags::with_tags_at_creation(access, "iam:TagMFADevice", input.tags.as_deref()))
    }
}

impl PreparedCommand for CreateVirtualMFADevice {
    type Prepared = DrawnSeed;

    fn prepare<'a>(
        input: &'a Self::Input,
        view: &'a View<'a>,
    ) -> BoxFuture<'a, Result<DrawnSeed, Error>> {
        Box::pin(ready(draw_seed(input, view)))
    }

    fn run(
        input: &Self::Input,
        drawn: &DrawnSeed,
        _: &Permit<Self>,
        tx: &mut Transaction,
    ) -> Result<Self::Output, Error> {
        let serial = virtual_serial(tx, input);
        let tags = tags::checked(tx, input.tags.as_deref(), KeyCase::Sensitive)?;
        let devices = &tx.credentials().mfa_devices;
        if devices.get(&serial).is_some() {
            return Err(Error::new(Code::EntityAlreadyExists, "MFA device already exists."));
        }
        let quota = tx.quotas().users;
        if devices.iter().filter(|device| device.kind() == MfaKind::Virtual).count() as u64 >= quota
        {
            return Err(Error::quota("VirtualMFADevicesPerAccount", quota));
        }
        let (kind, created) = (MfaKind::Virtual, tx.now());
        let fields =
            MfaDeviceFields::unassigned(serial.clone(), kind, created, drawn.sealed.clone());
        let device = MfaDeviceFields { tags, ..fields }.pack();
        tx.put_credential(&device);
        let virtual_mfa_device = iam::VirtualMFADevice {
            serial_number: serial,
            base32_string_seed: Some(drawn.base32.clone()),
            qr_code_png: Some(drawn.picture.clone()),
            tags: render::some_tags(device.tags()),
            ..iam::VirtualMFADevice::default()
        };
        Ok(iam::CreateVirtualMFADeviceResponse { virtual_mfa_device })
    }
}

fn draw_seed(
    input: &iam::CreateVirtualMFADeviceRequest,
    view: &View<'_>,
) -> Result<DrawnSeed, Error> {
    let (account, entropy) = (view.account, &*view.tools.entropy);
    let seed = totp::Seed::generate(entropy);
    let base32 = seed.base32();
    // The form that the API reference of VirtualMFADevice gives.
    let name = &input.virtual_mfa_device_name;
    let alias = account.record().and_then(|record| record.alias()).map(str::to_owned);
    let account_name = alias.unwrap_or_else(|| account.id().to_string());
    let uri = format!("otpauth://totp/{name}@{account_name}?secret={}", base32.expose());
    let picture = qr::png(&uri).map_err(|_| {
        // Names have no longest length in the model. AWS's text is not recorded.
        Error::validation(
            "The specified value for virtualMFADeviceName is invalid. It is too long.",
        )
    })?;
    let context = MfaDevice::seal_context(account.id(), &virtual_serial(account, input));
    Ok(DrawnSeed {
        sealed: view.tools.keyring.seal(&context, seed.bytes(), entropy),
        base32: Blob(base32.expose().clone().into_bytes()),
        picture: Blob(picture),
    })
}

/// `iam:DeleteVirtualMFADevice`. Refuses a device that is assigned.
pub(crate) struct DeleteVirtualMFADevice;

impl Operation for DeleteVirtualMFADevice {
    const NAME: &'static str = "DeleteVirtualMFADevice";
    type Input = iam::DeleteVirtualMFADeviceRequest;
    type Output = ();

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        Ok(AccessList::one(access("iam:DeleteVirtualMFADevice", view, &input.serial_number)))
    }
}

impl Command for DeleteVirtualMFADevice {
    fn run(input: &Self::Input, _: &Permit<Self>, tx: &mut Transaction) -> Result<(), Error> {
        let serial = &input.serial_number;
        let device = find(tx, serial)?.clone();
        if device.kind() != MfaKind::Virtual {
            return Err(no_such_device(serial));
        }
        if device.assigned_to().is_some() {
            let message = "MFA VirtualDevice in use. Must deactivate first.";
            return Err(Error::new(Code::DeleteConflict, message));
        }
        tx.remove_credential(&device);
        Ok(())
    }
}

/// `iam:GetMFADevice`, on the user. Whose device it is must be told, or be the caller.
pub(crate) struct GetMFADevice;

impl Operation for GetMFADevice {
    const NAME: &'static str = "GetMFADevice";
    type Input = iam::GetMFADeviceRequest;
    type Output = iam::GetMFADeviceResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        holder::access("iam:GetMFADevice", view, input.user_name.as_deref())
    }
}

impl Query for GetMFADevice {
    fn run(
        input: &Self::Input,
        permit: &Permit<Self>,
        view: &View<'_>,
    ) -> Result<Self::Output, Error> {
        let holder = holder::find(view.account, input.user_name.as_deref(), permit.caller())?;
        let device = find_of(view.account, holder, &input.serial_number)?;
        Ok(iam::GetMFADeviceResponse {
            user_name: Some(holder::name(view.account, holder)),
            serial_number: device.serial().to_owned(),
            enable_date: device.enabled(),
            certifications: None,
        })
    }
}

/// `iam:ListMFADevices`, in the order in which they were assigned.
pub(crate) struct ListMFADevices;

impl Operation for ListMFADevices {
    const NAME: &'static str = "ListMFADevices";
    type Input = iam::ListMFADevicesRequest;
    type Output = iam::ListMFADevicesResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        holder::access("iam:ListMFADevices", view, input.user_name.as_deref())
    }
}

impl Query for ListMFADevices {
    fn run(
        input: &Self::Input,
        permit: &Permit<Self>,
        view: &View<'_>,
    ) -> Result<Self::Output, Error> {
        let holder = holder::find(view.account, input.user_name.as_deref(), permit.caller())?;
        let mut devices: Vec<&MfaDevice> =
            view.account.credentials().mfa_devices.of(holder).collect();
        devices.sort_by_key(|device| device.enabled());
        let page = Paging::new(&input.marker, input.max_items)
            .of(devices, |device| device.serial().to_owned())?;
        let page = page.map(|device| iam::MFADevice {
            user_name: holder::name(view.account, holder),
            serial_number: device.serial().to_owned(),
            enable_date: device.enabled().unwrap_or_default(),
        });
        Ok(iam::ListMFADevicesResponse {
            is_truncated: page.is_truncated(),
            mfa_devices: page.items,
            marker: page.marker,
        })
    }
}

/// `iam:ListVirtualMFADevices`, by serial number.
pub(crate) struct ListVirtualMFADevices;

impl Operation for ListVirtualMFADevices {
    const NAME: &'static str = "ListVirtualMFADevices";
    type Input = iam::ListVirtualMFADevicesRequest;
    type Output = iam::ListVirtualMFADevicesResponse;

    fn access<'a>(_: &Self::Input, _: &View<'a>) -> Result<AccessList<'a>, Error> {
        Ok(AccessList::one(Access::on_all("iam:ListVirtualMFADevices")))
    }
}

impl Query for ListVirtualMFADevices {
    fn run(input: &Self::Input, _: &Permit<Self>, view: &View<'_>) -> Result<Self::Output, Error> {
        let wanted = |device: &&MfaDevice| {
            let assigned = device.assigned_to().is_some();
            device.kind() == MfaKind::Virtual
                && match input.assignment_status {
                    Some(iam::AssignmentStatusType::Assigned) => assigned,
                    Some(iam::AssignmentStatusType::Unassigned) => !assigned,
                    Some(iam::AssignmentStatusType::Any) | None => true,
                }
        };
        let devices = view.account.credentials().mfa_devices.iter().filter(wanted);
        let page = Paging::new(&input.marker, input.max_items)
            .of(devices, |device| device.serial().to_owned())?;
        let page = page.map(|device| iam::VirtualMFADevice {
            serial_number: device.serial().to_owned(),
            user: device.assigned_to().and_then(|holder| shown_user(view, holder)),
            enable_date: device.enabled(),
            ..iam::VirtualMFADevice::default()
        });
        Ok(iam::ListVirtualMFADevicesResponse {
            is_truncated: page.is_truncated(),
            virtual_mfa_devices: page.items,
            marker: page.marker,
        })
    }
}

fn shown_user(view: &View<'_>, holder: Holder) -> Option<iam::User> {
    match holder {
        Holder::Root => Some(render::root_user(view.account)),
        Holder::User(id) => {
            view.account.users().get(id).map(|user| render::user(view.account, user))
        }
    }
}
