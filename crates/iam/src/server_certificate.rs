//! Server certificates with their private keys.

use futures_util::future::{BoxFuture, ready};
use iamd_api::iam;
use iamd_authz::{Access, AccessList, Permit};
use iamd_credentials::certificate::{BrokenAt, Certificate};
use iamd_directory::{Account, ServerCertificate, ServerCertificateFields, Transaction};
use iamd_operation::{Command, Entry, Operation, PreparedCommand, Query, View};
use iamd_types::name::ROOT_PATH;
use iamd_types::tag::KeyCase;
use iamd_types::{Code, Error, IdKind, Timestamp};

use crate::page::Paging;
use crate::signing_certificate::malformed;
use crate::{render, tags};

pub(crate) const OPERATIONS: &[Entry] = &[
    Entry::command::<DeleteServerCertificate>(),
    Entry::query::<GetServerCertificate>(),
    Entry::query::<ListServerCertificates>(),
    Entry::command::<UpdateServerCertificate>(),
    Entry::prepared::<UploadServerCertificate>(),
];

const RESOURCE: &str = "server-certificate";

/// The certificate of this name, or `NoSuchEntity`.
pub(crate) fn find<'a>(account: &'a Account, name: &str) -> Result<&'a ServerCertificate, Error> {
    account.credentials().server_certificates.named(name).ok_or_else(|| {
        let message = format!("The Server Certificate with name {name} cannot be found.");
        Error::new(Code::NoSuchEntity, message)
    })
}

fn ensure_free(
    account: &Account,
    name: &str,
    but: Option<&ServerCertificate>,
) -> Result<(), Error> {
    let other = account.credentials().server_certificates.named(name);
    if other.is_none_or(|other| but.is_some_and(|but| but.id() == other.id())) {
        return Ok(());
    }
    let message = format!("The Server Certificate with name {name} already exists.");
    Err(Error::new(Code::EntityAlreadyExists, message))
}

/// Access to the certificate of this name; for one that is not there, at the root path.
pub(crate) fn access<'a>(action: &'static str, view: &View<'_>, name: &str) -> Access<'a> {
    let account = view.account;
    match find(account, name) {
        Ok(found) => {
            let arn = account.arn(RESOURCE, found.path(), found.name());
            Access::new(action, arn, account.id()).with_resource_tags(found.tags())
        }
        Err(_) => Access::new(action, account.arn(RESOURCE, ROOT_PATH, name), account.id()),
    }
}

fn metadata(account: &Account, certificate: &ServerCertificate) -> iam::ServerCertificateMetadata {
    iam::ServerCertificateMetadata {
        path: certificate.path().to_owned(),
        server_certificate_name: certificate.name().to_owned(),
        server_certificate_id: certificate.id().to_string(),
        arn: account.arn(RESOURCE, certificate.path(), certificate.name()),
        upload_date: Some(certificate.uploaded()),
        expiration: Some(certificate.expires()),
    }
}

/// `iam:UploadServerCertificate`, and `iam:TagServerCertificate` when tags are given. The certificate must
/// count at present, the key must be its own, and the chain must begin with its issuer. The key is
/// sealed and never told again.
pub(crate) struct UploadServerCertificate;

/// A certificate that was checked, with its sealed key.
pub(crate) struct Checked {
    expires: Timestamp,
    sealed_key: Vec<u8>,
}

impl Operation for UploadServerCertificate {
    const NAME: &'static str = "UploadServerCertificate";
    type Input = iam::UploadServerCertificateRequest;
    type Output = iam::UploadServerCertificateResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let path = input.path.as_deref().unwrap_or(ROOT_PATH);
        let arn = view.account.arn(RESOURCE, path, &input.server_certificate_name);
        let access = Access::new("iam:UploadServerCertificate", arn, view.account.id());
        Ok(tags::with_tags_at_creation(access, "iam:TagServerCertificate", input.tags.as_deref()))
    }
}

impl PreparedCommand for UploadServerCertificate {
    type Prepared = Checked;

    fn prepare<'a>(
        input: &'a Self::Input,
        view: &'a View<'a>,
    ) -> BoxFuture<'a, Result<Checked, Error>> {
        Box::pin(ready(check(input, view)))
    }

    fn run(
        input: &Self::Input,
        checked: &Checked,
        _: &Permit<Self>,
        tx: &mut Transaction,
    ) -> Result<Self::Output, Error> {
        let name = &input.server_certificate_name;
        ensure_free(tx, name, None)?;
        let quota = tx.quotas().server_certificates;
        if tx.credentials().server_certificates.len() as u64 >= quota {
            return Err(Error::quota("ServerCertificatesPerAccount", quota));
        }
        let fields = ServerCertificateFields {
            id: tx.new_id(IdKind::Certificate),
            name: name.clone(),
            path: input.path.clone().unwrap_or_else(|| ROOT_PATH.to_owned()),
            uploaded: tx.now(),
            expires: checked.expires,
            body: input.certificate_body.clone(),
            chain: input.certificate_chain.clone(),
            sealed_key: checked.sealed_key.clone(),
            tags: tags::checked(tx, input.tags.as_deref(), KeyCase::Sensitive)?,
        };
        let record = tx.put_server_certificate(&fields);
        Ok(iam::UploadServerCertificateResponse {
            server_certificate_metadata: Some(metadata(tx, &record)),
            tags: render::some_tags(record.tags()),
        })
    }
}

/// Where AWS's texts are not recorded, these are in the words of its troubleshooting pages.
fn check(input: &iam::UploadServerCertificateRequest, view: &View<'_>) -> Result<Checked, Error> {
    let body = &input.certificate_body;
    let certificate = Certificate::from_pem(body).ok_or_else(|| malformed(body))?;
    if !certificate.is_valid_at(view.facts.now) {
        let message = "The certificate is not valid at the present time.";
        return Err(Error::new(Code::MalformedCertificate, message));
    }
    let owns = certificate.has_private_key(&input.private_key).ok_or_else(|| {
        let message = "Unable to parse key; the body must contain one PEM-encoded private key \
                       that is not encrypted.";
        Error::new(Code::MalformedCertificate, message)
    })?;
    if !owns {
        let message = "Unable to validate the key pair: the public key of the certificate and the \
                       private key do not match.";
        return Err(Error::new(Code::KeyPairMismatch, message));
    }
    if let Some(chain) = &input.certificate_chain {
        let checked = certificate.check_chain(chain).ok_or_else(|| malformed(chain))?;
        checked.map_err(|BrokenAt(at)| {
            let message = format!(
                "Unable to validate certificate chain. The certificate chain must start with the \
                 immediate signing certificate, followed by any intermediaries in order. The index \
                 within the chain of the invalid certificate is: {at}"
            );
            Error::new(Code::MalformedCertificate, message)
        })?;
    }
    let context = ServerCertificate::seal_context(view.account.id(), body);
    let key = input.private_key.expose().as_bytes();
    let sealed_key = view.tools.keyring.seal(&context, key, &*view.tools.entropy);
    Ok(Checked { expires: certificate.not_after, sealed_key })
}

/// `iam:GetServerCertificate`: all but the private key.
pub(crate) struct GetServerCertificate;

impl Operation for GetServerCertificate {
    const NAME: &'static str = "GetServerCertificate";
    type Input = iam::GetServerCertificateRequest;
    type Output = iam::GetServerCertificateResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let access = access("iam:GetServerCertificate", view, &input.server_certificate_name);
        Ok(AccessList::one(access))
    }
}

impl Query for GetServerCertificate {
    fn run(input: &Self::Input, _: &Permit<Self>, view: &View<'_>) -> Result<Self::Output, Error> {
        let found = find(view.account, &input.server_certificate_name)?;
        let server_certificate = iam::ServerCertificate {
            server_certificate_metadata: metadata(view.account, found),
            certificate_body: found.body().to_owned(),
            certificate_chain: found.chain().map(str::to_owned),
            tags: Some(render::tags(found.tags())),
        };
        Ok(iam::GetServerCertificateResponse { server_certificate })
    }
}

/// `iam:ListServerCertificates`, by name.
pub(crate) struct ListServerCertificates;

impl Operation for ListServerCertificates {
    const NAME: &'static str = "ListServerCertificates";
    type Input = iam::ListServerCertificatesRequest;
    type Output = iam::ListServerCertificatesResponse;

    fn access<'a>(_: &Self::Input, _: &View<'a>) -> Result<AccessList<'a>, Error> {
        Ok(AccessList::one(Access::on_all("iam:ListServerCertificates")))
    }
}

impl Query for ListServerCertificates {
    fn run(input: &Self::Input, _: &Permit<Self>, view: &View<'_>) -> Result<Self::Output, Error> {
        let all = &view.account.credentials().server_certificates;
        let page = Paging::new(&input.marker, input.max_items)
            .of_entities(all, &input.path_prefix)?
            .map(|certificate| metadata(view.account, certificate));
        Ok(iam::ListServerCertificatesResponse {
            is_truncated: page.is_truncated(),
            server_certificate_metadata_list: page.items,
            marker: page.marker,
        })
    }
}

/// `iam:UpdateServerCertificate`, on the present and the new ARN. The id stays.
pub(crate) struct UpdateServerCertificate;

impl Operation for UpdateServerCertificate {
    const NAME: &'static str = "UpdateServerCertificate";
    type Input = iam::UpdateServerCertificateRequest;
    type Output = ();

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let asked = || access("iam:UpdateServerCertificate", view, &input.server_certificate_name);
        let Ok(found) = find(view.account, &input.server_certificate_name) else {
            return Ok(AccessList::one(asked()));
        };
        let path = input.new_path.as_deref().unwrap_or(found.path());
        let name = input.new_server_certificate_name.as_deref().unwrap_or(found.name());
        let new = Access { resource: view.account.arn(RESOURCE, path, name), ..asked() };
        Ok(AccessList::one(asked()).and(new))
    }
}

impl Command for UpdateServerCertificate {
    fn run(input: &Self::Input, _: &Permit<Self>, tx: &mut Transaction) -> Result<(), Error> {
        let found = find(tx, &input.server_certificate_name)?.clone();
        let mut fields = found.fields();
        if let Some(name) = &input.new_server_certificate_name {
            ensure_free(tx, name, Some(&found))?;
            fields.name.clone_from(name);
        }
        if let Some(path) = &input.new_path {
            fields.path.clone_from(path);
        }
        tx.put_server_certificate(&fields);
        Ok(())
    }
}

/// `iam:DeleteServerCertificate`. Nothing on this server uses one, so nothing keeps it.
pub(crate) struct DeleteServerCertificate;

impl Operation for DeleteServerCertificate {
    const NAME: &'static str = "DeleteServerCertificate";
    type Input = iam::DeleteServerCertificateRequest;
    type Output = ();

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let access = access("iam:DeleteServerCertificate", view, &input.server_certificate_name);
        Ok(AccessList::one(access))
    }
}

impl Command for DeleteServerCertificate {
    fn run(input: &Self::Input, _: &Permit<Self>, tx: &mut Transaction) -> Result<(), Error> {
        let found = find(tx, &input.server_certificate_name)?.clone();
        tx.remove_server_certificate(&found);
        Ok(())
    }
}
