//! Long-term access keys of users and of the root user.

use std::future::ready;

use futures_util::future::BoxFuture;
use iamd_api::iam;
use iamd_authz::{Access, AccessList, Caller, Permit};
use iamd_credentials::generate;
use iamd_directory::{AccessKey, AccessKeyFields, Account, Transaction, User};
use iamd_operation::{Command, Entry, Operation, PreparedCommand, Query, View};
use iamd_types::{AccessKeyId, Code, Error, Kind, Secret, entropy};

use crate::owner;
use crate::page::Paging;

pub(crate) const OPERATIONS: &[Entry] = &[
    Entry::prepared::<CreateAccessKey>(),
    Entry::command::<DeleteAccessKey>(),
    Entry::query::<GetAccessKeyLastUsed>(),
    Entry::query::<ListAccessKeys>(),
    Entry::command::<UpdateAccessKey>(),
];

/// Whose keys a request is about.
enum Holder {
    Root,
    User(User),
}

impl Holder {
    /// The user that the request names, else the caller.
    fn find(account: &Account, named: &Option<String>, caller: &Caller) -> Result<Self, Error> {
        if named.is_none() && caller.is_root() {
            return Ok(Self::Root);
        }
        account.user(owner::user_name(named, caller)?).cloned().map(Self::User)
    }

    fn key_ids(&self, account: &Account) -> Vec<String> {
        match self {
            Self::Root => account
                .record()
                .map(|record| record.access_keys().map(str::to_owned).collect())
                .unwrap_or_default(),
            Self::User(user) => user.access_keys().map(str::to_owned).collect(),
        }
    }

    fn put_key_ids(&self, tx: &mut Transaction, ids: Vec<String>) {
        match self {
            Self::Root => {
                if let Some(record) = tx.record() {
                    let mut fields = record.fields();
                    fields.access_keys = ids;
                    tx.put_account(&fields);
                }
            }
            Self::User(user) => {
                let mut fields = user.fields();
                fields.access_keys = ids;
                tx.put_user(&fields);
            }
        }
    }

    /// The name in answers. The root user has none.
    fn name(&self) -> Option<String> {
        match self {
            Self::Root => None,
            Self::User(user) => Some(user.name().to_owned()),
        }
    }

    /// The holder's key with this id, or `NoSuchEntity`.
    fn key(&self, account: &Account, id: &str) -> Result<AccessKey, Error> {
        let owns = self.key_ids(account).iter().any(|own| own == id);
        account.access_key(id).filter(|_| owns).cloned().ok_or_else(|| {
            let message = format!("The Access Key with id {id} cannot be found.");
            Error::new(Code::NoSuchEntity, message)
        })
    }
}

/// Access to the user that the request names, else to the caller.
fn access<'a>(
    action: &'static str,
    view: &View<'_>,
    named: &Option<String>,
) -> Result<AccessList<'a>, Error> {
    if named.is_none() && view.caller.is_root() {
        let root = Access::new(action, view.account.id().root_arn(), view.account.id());
        return Ok(AccessList::one(root));
    }
    let name = owner::user_name(named, view.caller)?;
    Ok(AccessList::one(owner::access(action, view, Kind::User, name)))
}

fn status(active: bool) -> iam::StatusType {
    if active { iam::StatusType::Active } else { iam::StatusType::Inactive }
}

/// `iam:CreateAccessKey`. The only time that the secret is told. At most two for each user.
pub(crate) struct CreateAccessKey;

/// A key that was drawn, not yet a record.
pub(crate) struct DrawnKey {
    id: AccessKeyId,
    secret: Secret<String>,
    sealed_secret: Vec<u8>,
}

impl Operation for CreateAccessKey {
    const NAME: &'static str = "CreateAccessKey";
    type Input = iam::CreateAccessKeyRequest;
    type Output = iam::CreateAccessKeyResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        access("iam:CreateAccessKey", view, &input.user_name)
    }
}

impl PreparedCommand for CreateAccessKey {
    type Prepared = DrawnKey;

    fn prepare<'a>(
        _: &'a Self::Input,
        view: &'a View<'a>,
    ) -> BoxFuture<'a, Result<DrawnKey, Error>> {
        let (account, entropy) = (view.account.id(), &*view.tools.entropy);
        let id = AccessKeyId::long_term(account, entropy::random(entropy));
        let secret = generate::secret_access_key(entropy);
        let context = AccessKey::seal_context(account, id.as_str());
        let sealed_secret = view.tools.keyring.seal(&context, secret.expose().as_bytes(), entropy);
        Box::pin(ready(Ok(DrawnKey { id, secret, sealed_secret })))
    }

    fn run(
        input: &Self::Input,
        drawn: &DrawnKey,
        permit: &Permit<Self>,
        tx: &mut Transaction,
    ) -> Result<Self::Output, Error> {
        let holder = Holder::find(tx, &input.user_name, permit.caller())?;
        let mut ids = holder.key_ids(tx);
        let quota = tx.quotas().access_keys_per_user;
        if ids.len() as u64 >= quota {
            return Err(Error::quota("AccessKeysPerUser", quota));
        }
        if tx.access_key(drawn.id.as_str()).is_some() {
            // 39 random bits met a key of this account; the caller tries again.
            let message = "The request has failed due to a temporary failure of the server.";
            return Err(Error::new(Code::ServiceUnavailable, message));
        }
        let created = tx.now();
        let user = match &holder {
            Holder::Root => None,
            Holder::User(user) => Some(user.id()),
        };
        tx.put_access_key(&AccessKeyFields {
            id: drawn.id.to_string(),
            user,
            created,
            active: true,
            sealed_secret: drawn.sealed_secret.clone(),
        });
        ids.push(drawn.id.to_string());
        holder.put_key_ids(tx, ids);
        let access_key = iam::AccessKey {
            user_name: holder.name().unwrap_or_default(),
            access_key_id: drawn.id.to_string(),
            status: iam::StatusType::Active,
            secret_access_key: drawn.secret.clone(),
            create_date: Some(created),
        };
        Ok(iam::CreateAccessKeyResponse { access_key })
    }
}

/// `iam:ListAccessKeys`, in the order of creation.
pub(crate) struct ListAccessKeys;

impl Operation for ListAccessKeys {
    const NAME: &'static str = "ListAccessKeys";
    type Input = iam::ListAccessKeysRequest;
    type Output = iam::ListAccessKeysResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        access("iam:ListAccessKeys", view, &input.user_name)
    }
}

impl Query for ListAccessKeys {
    fn run(
        input: &Self::Input,
        permit: &Permit<Self>,
        view: &View<'_>,
    ) -> Result<Self::Output, Error> {
        let holder = Holder::find(view.account, &input.user_name, permit.caller())?;
        let ids = holder.key_ids(view.account);
        let page = Paging::new(&input.marker, input.max_items).of(ids, String::clone)?;
        let (is_truncated, marker) = (page.is_truncated(), page.marker);
        let keys = page.items.iter().filter_map(|id| view.account.access_key(id));
        let access_key_metadata = keys
            .map(|key| iam::AccessKeyMetadata {
                user_name: holder.name(),
                access_key_id: Some(key.id().to_owned()),
                status: Some(status(key.active())),
                create_date: Some(key.created()),
            })
            .collect();
        Ok(iam::ListAccessKeysResponse { access_key_metadata, is_truncated, marker })
    }
}

/// `iam:UpdateAccessKey`: activate or deactivate, in force from the next request.
pub(crate) struct UpdateAccessKey;

impl Operation for UpdateAccessKey {
    const NAME: &'static str = "UpdateAccessKey";
    type Input = iam::UpdateAccessKeyRequest;
    type Output = ();

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        access("iam:UpdateAccessKey", view, &input.user_name)
    }
}

impl Command for UpdateAccessKey {
    fn run(input: &Self::Input, permit: &Permit<Self>, tx: &mut Transaction) -> Result<(), Error> {
        let active = match input.status {
            iam::StatusType::Active => true,
            iam::StatusType::Inactive => false,
            iam::StatusType::Expired => {
                // Only the service itself lets credentials expire. AWS's text is not recorded.
                return Err(Error::validation("Status must be Active or Inactive."));
            }
        };
        let holder = Holder::find(tx, &input.user_name, permit.caller())?;
        let mut fields = holder.key(tx, &input.access_key_id)?.fields();
        fields.active = active;
        tx.put_access_key(&fields);
        Ok(())
    }
}

/// `iam:DeleteAccessKey`.
pub(crate) struct DeleteAccessKey;

impl Operation for DeleteAccessKey {
    const NAME: &'static str = "DeleteAccessKey";
    type Input = iam::DeleteAccessKeyRequest;
    type Output = ();

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        access("iam:DeleteAccessKey", view, &input.user_name)
    }
}

impl Command for DeleteAccessKey {
    fn run(input: &Self::Input, permit: &Permit<Self>, tx: &mut Transaction) -> Result<(), Error> {
        let holder = Holder::find(tx, &input.user_name, permit.caller())?;
        let key = holder.key(tx, &input.access_key_id)?;
        let mut ids = holder.key_ids(tx);
        ids.retain(|id| id != key.id());
        tx.remove_access_key(&key);
        holder.put_key_ids(tx, ids);
        Ok(())
    }
}

/// `iam:GetAccessKeyLastUsed`, on the key's user. A key of another account and one that is not there
/// are refused alike.
pub(crate) struct GetAccessKeyLastUsed;

impl Operation for GetAccessKeyLastUsed {
    const NAME: &'static str = "GetAccessKeyLastUsed";
    type Input = iam::GetAccessKeyLastUsedRequest;
    type Output = iam::GetAccessKeyLastUsedResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let id = &input.access_key_id;
        let Some(key) = view.account.access_key(id) else {
            let message = format!(
                "User: {} is not authorized to perform iam:GetAccessKeyLastUsed on resource: \
                 access key {id}",
                view.caller.arn
            );
            return Err(Error::new(Code::AccessDenied, message));
        };
        let action = "iam:GetAccessKeyLastUsed";
        let access = match key.user().and_then(|user| view.account.users().get(user)) {
            Some(user) => owner::access(action, view, Kind::User, user.name()),
            None => Access::new(action, view.account.id().root_arn(), view.account.id()),
        };
        Ok(AccessList::one(access))
    }
}

impl Query for GetAccessKeyLastUsed {
    fn run(input: &Self::Input, _: &Permit<Self>, view: &View<'_>) -> Result<Self::Output, Error> {
        let key = view.account.access_key(&input.access_key_id);
        let user = key.and_then(|key| view.account.users().get(key.user()?));
        let used = view.tools.directory.usage().last_used(&input.access_key_id);
        let access_key_last_used = match used {
            Some(used) => iam::AccessKeyLastUsed {
                last_used_date: Some(used.at),
                service_name: used.service.to_string(),
                region: used.region.to_string(),
            },
            None => iam::AccessKeyLastUsed {
                last_used_date: None,
                service_name: "N/A".to_owned(),
                region: "N/A".to_owned(),
            },
        };
        Ok(iam::GetAccessKeyLastUsedResponse {
            user_name: user.map(|user| user.name().to_owned()),
            access_key_last_used: Some(access_key_last_used),
        })
    }
}
