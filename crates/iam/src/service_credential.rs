//! Service-specific credentials: a user name and password, or a key, for one service.
//!
//! The secret is told once and kept as a hash: nothing has to read it again.

use std::collections::HashSet;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use iamd_api::iam;
use iamd_authz::{Access, AccessList, Caller, Permit};
use iamd_credentials::{generate, password};
use iamd_directory::{
    Account, Holder, ServiceCredential, ServiceCredentialFields, Transaction, User,
};
use iamd_operation::{Command, Entry, Operation, PreparedCommand, Query, View, slowly};
use iamd_types::{Code, Error, IdKind, Kind, Secret, Timestamp};

use crate::page::Paging;
use crate::{owner, status};

pub(crate) const OPERATIONS: &[Entry] = &[
    Entry::prepared::<CreateServiceSpecificCredential>(),
    Entry::command::<DeleteServiceSpecificCredential>(),
    Entry::query::<ListServiceSpecificCredentials>(),
    Entry::prepared::<ResetServiceSpecificCredential>(),
    Entry::command::<UpdateServiceSpecificCredential>(),
];

/// The most credentials of a user for one service (CreateServiceSpecificCredential).
const PER_SERVICE: u64 = 2;
const SECONDS_A_DAY: i64 = 86_400;
const SERVICE_NAME: &str = "iam:ServiceSpecificCredentialServiceName";

/// The services that take such credentials (IAM User Guide), and whether theirs are keys, which can end
/// by themselves, rather than passwords.
const SERVICES: [(&str, bool); 4] = [
    ("bedrock.amazonaws.com", true),
    ("cassandra.amazonaws.com", false),
    ("codecommit.amazonaws.com", false),
    ("logs.amazonaws.com", true),
];

/// Whether the service's credentials are keys.
///
/// # Errors
/// `NoSuchEntity` for a service that takes none.
fn takes_keys(service: &str) -> Result<bool, Error> {
    let known = SERVICES.into_iter().find(|(name, _)| *name == service);
    known.map(|(_, keys)| keys).ok_or_else(|| {
        let message =
            format!("No such service {service} is supported for Service Specific Credentials");
        Error::new(Code::NoSuchEntity, message)
    })
}

/// The credential with this id, if it is the user's, or `NoSuchEntity`.
fn find<'a>(
    account: &'a Account,
    named: &Option<String>,
    caller: &Caller,
    id: &str,
) -> Result<(&'a User, &'a ServiceCredential), Error> {
    let user = account.user(owner::user_name(named, caller)?)?;
    let found = account.credentials().service_credentials.get(id);
    let found = found
        .filter(|credential| credential.user() == user.id())
        .ok_or_else(|| Error::new(Code::NoSuchEntity, "No such credential ID exists"))?;
    Ok((user, found))
}

/// Access to the user, with the service of its credential as a condition key.
fn access<'a>(
    action: &'static str,
    view: &View<'_>,
    named: &Option<String>,
    id: &str,
) -> Result<AccessList<'a>, Error> {
    let name = owner::user_name(named, view.caller)?;
    let found = find(view.account, named, view.caller, id).ok();
    let service = found.map(|(_, credential)| credential.service().to_owned());
    let access = owner::access(action, view, Kind::User, name).with_some(SERVICE_NAME, service);
    Ok(AccessList::one(access))
}

/// A secret that was drawn, and its hash.
pub(crate) struct DrawnSecret {
    secret: Secret<String>,
    hash: String,
}

impl DrawnSecret {
    async fn draw(view: &View<'_>) -> Result<Self, Error> {
        let entropy = Arc::clone(&view.tools.entropy);
        slowly(move || {
            let secret = generate::service_password(&*entropy);
            let hash = password::hash(&secret, &*entropy);
            Self { secret, hash }
        })
        .await
    }
}

fn status_at(credential: &ServiceCredential, now: Timestamp) -> iam::StatusType {
    match credential.expires() {
        Some(end) if end <= now => iam::StatusType::Expired,
        _ => status::shown(credential.active()),
    }
}

/// A login as a user name or as an alias, whichever the service has.
fn login(credential: &ServiceCredential) -> (Option<String>, Option<String>) {
    let login = Some(credential.login().to_owned());
    if takes_keys(credential.service()).unwrap_or(false) { (None, login) } else { (login, None) }
}

fn with_secret(
    user: &User,
    credential: &ServiceCredential,
    secret: &Secret<String>,
    now: Timestamp,
) -> iam::ServiceSpecificCredential {
    let (service_user_name, service_credential_alias) = login(credential);
    let shown = Some(secret.clone());
    let (password, key) = if service_user_name.is_some() { (shown, None) } else { (None, shown) };
    iam::ServiceSpecificCredential {
        create_date: credential.created(),
        expiration_date: credential.expires(),
        service_name: credential.service().to_owned(),
        service_user_name,
        service_password: password,
        service_credential_alias,
        service_credential_secret: key,
        service_specific_credential_id: credential.id().to_string(),
        user_name: user.name().to_owned(),
        status: status_at(credential, now),
    }
}

/// `iam:CreateServiceSpecificCredential`. The only time that the secret is told. Passwords do not end by
/// themselves; for them `CredentialAgeDays` is refused (AWS's text is not recorded).
pub(crate) struct CreateServiceSpecificCredential;

impl Operation for CreateServiceSpecificCredential {
    const NAME: &'static str = "CreateServiceSpecificCredential";
    type Input = iam::CreateServiceSpecificCredentialRequest;
    type Output = iam::CreateServiceSpecificCredentialResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let action = "iam:CreateServiceSpecificCredential";
        let days = input.credential_age_days.map(|days| days.to_string());
        let access = owner::access(action, view, Kind::User, &input.user_name)
            .with(SERVICE_NAME, input.service_name.as_str())
            .with_some("iam:ServiceSpecificCredentialAgeDays", days);
        Ok(AccessList::one(access))
    }
}

/// `NAME-at-ACCOUNT`, with a number in between when that is taken.
fn free_login(account: &Account, user: &User) -> String {
    let taken: HashSet<&str> =
        account.credentials().service_credentials.iter().map(ServiceCredential::login).collect();
    let numbers = std::iter::once(String::new()).chain((1..).map(|number| format!("+{number}")));
    let mut logins = numbers.map(|number| format!("{}{number}-at-{}", user.name(), account.id()));
    logins.find(|login| !taken.contains(login.as_str())).unwrap_or_default()
}

impl PreparedCommand for CreateServiceSpecificCredential {
    type Prepared = DrawnSecret;

    fn prepare<'a>(
        input: &'a Self::Input,
        view: &'a View<'a>,
    ) -> BoxFuture<'a, Result<DrawnSecret, Error>> {
        Box::pin(async move {
            view.account.user(&input.user_name)?;
            let keys = takes_keys(&input.service_name)?;
            if input.credential_age_days.is_some() && !keys {
                let message = "CredentialAgeDays is not supported for this service.";
                return Err(Error::validation(message));
            }
            DrawnSecret::draw(view).await
        })
    }

    fn run(
        input: &Self::Input,
        drawn: &DrawnSecret,
        _: &Permit<Self>,
        tx: &mut Transaction,
    ) -> Result<Self::Output, Error> {
        let user = tx.user(&input.user_name)?.clone();
        let shelf = &tx.credentials().service_credentials;
        let own: Vec<_> = shelf.of(Holder::User(user.id())).collect();
        let of_service = own.iter().filter(|it| it.service() == input.service_name).count();
        if of_service as u64 >= PER_SERVICE {
            return Err(Error::quota("ServiceSpecificCredentialsPerUser", PER_SERVICE));
        }
        let login = free_login(tx, &user);
        let now = tx.now();
        let expires = input.credential_age_days;
        let record = ServiceCredentialFields {
            id: tx.new_id(IdKind::ServiceSpecificCredential),
            user: user.id(),
            service: input.service_name.clone(),
            login,
            secret: drawn.hash.clone(),
            active: true,
            created: now,
            expires: expires.map(|days| now.plus_seconds(i64::from(days) * SECONDS_A_DAY)),
        }
        .pack();
        tx.put_credential(&record);
        let shown = with_secret(&user, &record, &drawn.secret, now);
        let service_specific_credential = Some(shown);
        Ok(iam::CreateServiceSpecificCredentialResponse { service_specific_credential })
    }
}

/// `iam:ListServiceSpecificCredentials`, of one user, or with `AllUsers` of the whole account.
pub(crate) struct ListServiceSpecificCredentials;

impl Operation for ListServiceSpecificCredentials {
    const NAME: &'static str = "ListServiceSpecificCredentials";
    type Input = iam::ListServiceSpecificCredentialsRequest;
    type Output = iam::ListServiceSpecificCredentialsResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let action = "iam:ListServiceSpecificCredentials";
        if input.all_users == Some(true) {
            let all = view.account.arn("user", "/", "*");
            return Ok(AccessList::one(Access::new(action, all, view.account.id())));
        }
        let name = owner::user_name(&input.user_name, view.caller)?;
        Ok(AccessList::one(owner::access(action, view, Kind::User, name)))
    }
}

impl Query for ListServiceSpecificCredentials {
    fn run(
        input: &Self::Input,
        permit: &Permit<Self>,
        view: &View<'_>,
    ) -> Result<Self::Output, Error> {
        let shelf = &view.account.credentials().service_credentials;
        if let Some(service) = &input.service_name {
            takes_keys(service)?;
        }
        let mut all: Vec<&ServiceCredential> = if input.all_users == Some(true) {
            if input.user_name.is_some() {
                // AWS's text is not recorded.
                return Err(Error::validation("UserName and AllUsers exclude each other."));
            }
            shelf.iter().collect()
        } else {
            let name = owner::user_name(&input.user_name, permit.caller())?;
            shelf.of(Holder::User(view.account.user(name)?.id())).collect()
        };
        all.retain(|it| input.service_name.as_deref().is_none_or(|name| name == it.service()));
        all.sort_by_key(|credential| credential.created());
        let page = Paging::new(&input.marker, input.max_items).of(all, |it| it.id().to_string())?;
        let page = page.map(|credential| shown(view, credential));
        Ok(iam::ListServiceSpecificCredentialsResponse {
            is_truncated: page.is_truncated(),
            service_specific_credentials: Some(page.items),
            marker: page.marker,
        })
    }
}

fn shown(
    view: &View<'_>,
    credential: &ServiceCredential,
) -> iam::ServiceSpecificCredentialMetadata {
    let (service_user_name, service_credential_alias) = login(credential);
    let user = view.account.users().get(credential.user());
    iam::ServiceSpecificCredentialMetadata {
        user_name: user.map(|user| user.name().to_owned()).unwrap_or_default(),
        status: status_at(credential, view.facts.now),
        service_user_name,
        service_credential_alias,
        create_date: credential.created(),
        expiration_date: credential.expires(),
        service_specific_credential_id: credential.id().to_string(),
        service_name: credential.service().to_owned(),
    }
}

/// `iam:ResetServiceSpecificCredential`: another secret, in force from the next request.
pub(crate) struct ResetServiceSpecificCredential;

impl Operation for ResetServiceSpecificCredential {
    const NAME: &'static str = "ResetServiceSpecificCredential";
    type Input = iam::ResetServiceSpecificCredentialRequest;
    type Output = iam::ResetServiceSpecificCredentialResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let id = &input.service_specific_credential_id;
        access("iam:ResetServiceSpecificCredential", view, &input.user_name, id)
    }
}

impl PreparedCommand for ResetServiceSpecificCredential {
    type Prepared = DrawnSecret;

    fn prepare<'a>(
        input: &'a Self::Input,
        view: &'a View<'a>,
    ) -> BoxFuture<'a, Result<DrawnSecret, Error>> {
        Box::pin(async move {
            let id = &input.service_specific_credential_id;
            find(view.account, &input.user_name, view.caller, id)?;
            DrawnSecret::draw(view).await
        })
    }

    fn run(
        input: &Self::Input,
        drawn: &DrawnSecret,
        permit: &Permit<Self>,
        tx: &mut Transaction,
    ) -> Result<Self::Output, Error> {
        let id = &input.service_specific_credential_id;
        let (user, found) = find(tx, &input.user_name, permit.caller(), id)?;
        let (user, mut fields) = (user.clone(), found.fields());
        fields.secret = drawn.hash.clone();
        let record = fields.pack();
        tx.put_credential(&record);
        let shown = with_secret(&user, &record, &drawn.secret, tx.now());
        let service_specific_credential = Some(shown);
        Ok(iam::ResetServiceSpecificCredentialResponse { service_specific_credential })
    }
}

/// `iam:UpdateServiceSpecificCredential`: activate or deactivate.
pub(crate) struct UpdateServiceSpecificCredential;

impl Operation for UpdateServiceSpecificCredential {
    const NAME: &'static str = "UpdateServiceSpecificCredential";
    type Input = iam::UpdateServiceSpecificCredentialRequest;
    type Output = ();

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let id = &input.service_specific_credential_id;
        access("iam:UpdateServiceSpecificCredential", view, &input.user_name, id)
    }
}

impl Command for UpdateServiceSpecificCredential {
    fn run(input: &Self::Input, permit: &Permit<Self>, tx: &mut Transaction) -> Result<(), Error> {
        let active = status::asked(input.status)?;
        let id = &input.service_specific_credential_id;
        let mut fields = find(tx, &input.user_name, permit.caller(), id)?.1.fields();
        fields.active = active;
        tx.put_credential(&fields.pack());
        Ok(())
    }
}

/// `iam:DeleteServiceSpecificCredential`.
pub(crate) struct DeleteServiceSpecificCredential;

impl Operation for DeleteServiceSpecificCredential {
    const NAME: &'static str = "DeleteServiceSpecificCredential";
    type Input = iam::DeleteServiceSpecificCredentialRequest;
    type Output = ();

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let id = &input.service_specific_credential_id;
        access("iam:DeleteServiceSpecificCredential", view, &input.user_name, id)
    }
}

impl Command for DeleteServiceSpecificCredential {
    fn run(input: &Self::Input, permit: &Permit<Self>, tx: &mut Transaction) -> Result<(), Error> {
        let id = &input.service_specific_credential_id;
        let found = find(tx, &input.user_name, permit.caller(), id)?.1.clone();
        tx.remove_credential(&found);
        Ok(())
    }
}
