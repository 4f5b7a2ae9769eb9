//! SSH public keys of users.

use iamd_api::iam;
use iamd_authz::{AccessList, Permit};
use iamd_credentials::ssh_key::{NotAKey, SshKey};
use iamd_directory::{Account, Holder, SshPublicKey, SshPublicKeyFields, Transaction, User};
use iamd_operation::{Command, Entry, Operation, Query, View};
use iamd_types::{Code, Error, IdKind, Kind};

use crate::page::Paging;
use crate::{owner, status};

pub(crate) const OPERATIONS: &[Entry] = &[
    Entry::command::<DeleteSSHPublicKey>(),
    Entry::query::<GetSSHPublicKey>(),
    Entry::query::<ListSSHPublicKeys>(),
    Entry::command::<UpdateSSHPublicKey>(),
    Entry::command::<UploadSSHPublicKey>(),
];

/// The most keys of a user (IAM quotas; not adjustable).
const KEYS_PER_USER: u64 = 5;

fn access<'a>(action: &'static str, view: &View<'_>, name: &str) -> AccessList<'a> {
    AccessList::one(owner::access(action, view, Kind::User, name))
}

/// The user's key with this id, or `NoSuchEntity`.
fn find<'a>(
    account: &'a Account,
    name: &str,
    id: &str,
) -> Result<(&'a User, &'a SshPublicKey), Error> {
    let user = account.user(name)?;
    let key = account.credentials().ssh_public_keys.get(id);
    let key = key.filter(|key| key.user() == user.id()).ok_or_else(|| {
        let message = format!("The Public Key with id {id} cannot be found.");
        Error::new(Code::NoSuchEntity, message)
    })?;
    Ok((user, key))
}

fn shown(user: &User, key: &SshPublicKey, body: String) -> iam::SSHPublicKey {
    let fingerprint = SshKey::from_blob(key.blob().to_owned()).map(|key| key.fingerprint());
    iam::SSHPublicKey {
        user_name: user.name().to_owned(),
        ssh_public_key_id: key.id().to_string(),
        fingerprint: fingerprint.unwrap_or_default(),
        ssh_public_key_body: body,
        status: status::shown(key.active()),
        upload_date: Some(key.uploaded()),
    }
}

/// `iam:UploadSSHPublicKey`. RSA of at least 2,048 bits, as `ssh-rsa …` or PEM. AWS's texts of its refusals
/// are not recorded.
pub(crate) struct UploadSSHPublicKey;

impl Operation for UploadSSHPublicKey {
    const NAME: &'static str = "UploadSSHPublicKey";
    type Input = iam::UploadSSHPublicKeyRequest;
    type Output = iam::UploadSSHPublicKeyResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        Ok(access("iam:UploadSSHPublicKey", view, &input.user_name))
    }
}

fn parsed(body: &str) -> Result<SshKey, Error> {
    SshKey::parse(body).map_err(|not| match not {
        NotAKey::Encoding => Error::new(
            Code::UnrecognizedPublicKeyEncoding,
            "The public key must be encoded in ssh-rsa format or PEM format.",
        ),
        NotAKey::Key => Error::new(
            Code::InvalidPublicKey,
            "The public key must be an RSA key of at least 2048 bits.",
        ),
    })
}

impl Command for UploadSSHPublicKey {
    fn run(
        input: &Self::Input,
        _: &Permit<Self>,
        tx: &mut Transaction,
    ) -> Result<Self::Output, Error> {
        let user = tx.user(&input.user_name)?.clone();
        let key = parsed(&input.ssh_public_key_body)?;
        let own: Vec<_> = tx.credentials().ssh_public_keys.of(Holder::User(user.id())).collect();
        if own.iter().any(|other| other.blob() == key.blob()) {
            let message = "The SSH public key is already associated with the user.";
            return Err(Error::new(Code::DuplicateSshPublicKey, message));
        }
        if own.len() as u64 >= KEYS_PER_USER {
            return Err(Error::quota("SSHPublicKeysPerUser", KEYS_PER_USER));
        }
        let fields = SshPublicKeyFields {
            id: tx.new_id(IdKind::PublicKey),
            user: user.id(),
            blob: key.blob().to_owned(),
            body: input.ssh_public_key_body.clone(),
            active: true,
            uploaded: tx.now(),
        };
        let record = fields.pack();
        tx.put_credential(&record);
        let ssh_public_key = Some(shown(&user, &record, fields.body));
        Ok(iam::UploadSSHPublicKeyResponse { ssh_public_key })
    }
}

/// `iam:GetSSHPublicKey`, in the encoding that is asked for. One that was uploaded so comes back as it was.
pub(crate) struct GetSSHPublicKey;

impl Operation for GetSSHPublicKey {
    const NAME: &'static str = "GetSSHPublicKey";
    type Input = iam::GetSSHPublicKeyRequest;
    type Output = iam::GetSSHPublicKeyResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        Ok(access("iam:GetSSHPublicKey", view, &input.user_name))
    }
}

impl Query for GetSSHPublicKey {
    fn run(input: &Self::Input, _: &Permit<Self>, view: &View<'_>) -> Result<Self::Output, Error> {
        let (user, record) = find(view.account, &input.user_name, &input.ssh_public_key_id)?;
        let is_pem = record.body().trim_start().starts_with("-----BEGIN ");
        let wants_pem = input.encoding == iam::EncodingType::Pem;
        let key = SshKey::from_blob(record.blob().to_owned());
        let body = match (is_pem == wants_pem, key) {
            (true, _) | (_, None) => record.body().to_owned(),
            (false, Some(key)) if wants_pem => key.to_pem().unwrap_or_default(),
            (false, Some(key)) => key.to_ssh(),
        };
        Ok(iam::GetSSHPublicKeyResponse { ssh_public_key: Some(shown(user, record, body)) })
    }
}

/// `iam:ListSSHPublicKeys`, of the user that the request names, else of the caller.
pub(crate) struct ListSSHPublicKeys;

impl Operation for ListSSHPublicKeys {
    const NAME: &'static str = "ListSSHPublicKeys";
    type Input = iam::ListSSHPublicKeysRequest;
    type Output = iam::ListSSHPublicKeysResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let name = owner::user_name(&input.user_name, view.caller)?;
        Ok(access("iam:ListSSHPublicKeys", view, name))
    }
}

impl Query for ListSSHPublicKeys {
    fn run(
        input: &Self::Input,
        permit: &Permit<Self>,
        view: &View<'_>,
    ) -> Result<Self::Output, Error> {
        let user = view.account.user(owner::user_name(&input.user_name, permit.caller())?)?;
        let shelf = &view.account.credentials().ssh_public_keys;
        let mut keys: Vec<&SshPublicKey> = shelf.of(Holder::User(user.id())).collect();
        keys.sort_by_key(|key| key.uploaded());
        let page =
            Paging::new(&input.marker, input.max_items).of(keys, |key| key.id().to_string())?;
        let page = page.map(|key| iam::SSHPublicKeyMetadata {
            user_name: user.name().to_owned(),
            ssh_public_key_id: key.id().to_string(),
            status: status::shown(key.active()),
            upload_date: key.uploaded(),
        });
        Ok(iam::ListSSHPublicKeysResponse {
            is_truncated: page.is_truncated(),
            ssh_public_keys: Some(page.items),
            marker: page.marker,
        })
    }
}

/// `iam:UpdateSSHPublicKey`: activate or deactivate.
pub(crate) struct UpdateSSHPublicKey;

impl Operation for UpdateSSHPublicKey {
    const NAME: &'static str = "UpdateSSHPublicKey";
    type Input = iam::UpdateSSHPublicKeyRequest;
    type Output = ();

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        Ok(access("iam:UpdateSSHPublicKey", view, &input.user_name))
    }
}

impl Command for UpdateSSHPublicKey {
    fn run(input: &Self::Input, _: &Permit<Self>, tx: &mut Transaction) -> Result<(), Error> {
        let active = status::asked(input.status)?;
        let mut fields = find(tx, &input.user_name, &input.ssh_public_key_id)?.1.fields();
        fields.active = active;
        tx.put_credential(&fields.pack());
        Ok(())
    }
}

/// `iam:DeleteSSHPublicKey`.
pub(crate) struct DeleteSSHPublicKey;

impl Operation for DeleteSSHPublicKey {
    const NAME: &'static str = "DeleteSSHPublicKey";
    type Input = iam::DeleteSSHPublicKeyRequest;
    type Output = ();

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        Ok(access("iam:DeleteSSHPublicKey", view, &input.user_name))
    }
}

impl Command for DeleteSSHPublicKey {
    fn run(input: &Self::Input, _: &Permit<Self>, tx: &mut Transaction) -> Result<(), Error> {
        let key = find(tx, &input.user_name, &input.ssh_public_key_id)?.1.clone();
        tx.remove_credential(&key);
        Ok(())
    }
}
