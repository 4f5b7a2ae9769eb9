//! X.509 signing certificates of users and of the root user.

use iamd_api::iam;
use iamd_authz::{AccessList, Permit};
use iamd_credentials::certificate::Certificate;
use iamd_directory::{Account, Holder, SigningCertificate, SigningCertificateFields, Transaction};
use iamd_operation::{Command, Entry, Operation, Query, View};
use iamd_types::{Code, Error, IdKind};

use crate::page::Paging;
use crate::{holder, status};

pub(crate) const OPERATIONS: &[Entry] = &[
    Entry::command::<DeleteSigningCertificate>(),
    Entry::query::<ListSigningCertificates>(),
    Entry::command::<UpdateSigningCertificate>(),
    Entry::command::<UploadSigningCertificate>(),
];

/// The characters of a certificate's id: more than twice what tells unique ids apart.
const ID_LENGTH: usize = 32;

/// The holder's certificate with this id, or `NoSuchEntity`.
fn find<'a>(
    account: &'a Account,
    holder: Holder,
    id: &str,
) -> Result<&'a SigningCertificate, Error> {
    let certificate = account.credentials().signing_certificates.get(id);
    certificate.filter(|it| Holder::from(it.user()) == holder).ok_or_else(|| {
        let message = format!("The Certificate with id {id} cannot be found.");
        Error::new(Code::NoSuchEntity, message)
    })
}

fn shown(account: &Account, certificate: &SigningCertificate) -> iam::SigningCertificate {
    iam::SigningCertificate {
        user_name: holder::name(account, certificate.user().into()),
        certificate_id: certificate.id().to_owned(),
        certificate_body: certificate.body().to_owned(),
        status: status::shown(certificate.active()),
        upload_date: Some(certificate.uploaded()),
    }
}

/// `MalformedCertificate` in AWS's words. What may hold a private key is not repeated: messages are recorded.
pub(crate) fn malformed(body: &str) -> Error {
    if body.contains("PRIVATE KEY") {
        return Error::new(Code::MalformedCertificate, "Certificate is malformed.");
    }
    Error::new(Code::MalformedCertificate, format!("Certificate {body} is malformed."))
}

/// `iam:UploadSigningCertificate`. Refuses a certificate that the account has already, whoever's it is,
/// and one that does not count at present. AWS's texts of these two are not recorded.
pub(crate) struct UploadSigningCertificate;

impl Operation for UploadSigningCertificate {
    const NAME: &'static str = "UploadSigningCertificate";
    type Input = iam::UploadSigningCertificateRequest;
    type Output = iam::UploadSigningCertificateResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        holder::access("iam:UploadSigningCertificate", view, input.user_name.as_deref())
    }
}

impl Command for UploadSigningCertificate {
    fn run(
        input: &Self::Input,
        permit: &Permit<Self>,
        tx: &mut Transaction,
    ) -> Result<Self::Output, Error> {
        let holder = holder::find(tx, input.user_name.as_deref(), permit.caller())?;
        let body = &input.certificate_body;
        let certificate = Certificate::from_pem(body).ok_or_else(|| malformed(body))?;
        if !certificate.is_valid_at(tx.now()) {
            let message = "The certificate is not valid at the present time.";
            return Err(Error::new(Code::InvalidCertificate, message));
        }
        let (shelf, digest) = (&tx.credentials().signing_certificates, certificate.digest());
        if shelf.iter().any(|other| other.digest() == digest) {
            let message = "The certificate is already associated with an IAM user in the account.";
            return Err(Error::new(Code::DuplicateCertificate, message));
        }
        let quota = tx.quotas().signing_certificates_per_user;
        if shelf.of(holder).count() as u64 >= quota {
            return Err(Error::quota("CertificatesPerUser", quota));
        }
        let record = SigningCertificateFields {
            id: new_id(tx),
            user: holder.user(),
            body: body.clone(),
            digest,
            active: true,
            uploaded: tx.now(),
        }
        .pack();
        tx.put_credential(&record);
        Ok(iam::UploadSigningCertificateResponse { certificate: shown(tx, &record) })
    }
}

/// Upper-case letters and digits, without the prefix that other ids have.
fn new_id(tx: &mut Transaction) -> String {
    let [first, second] = [(); 2].map(|()| tx.new_id(IdKind::Certificate).to_string());
    let digits = |id: &str| id.chars().skip(IdKind::Certificate.prefix().len()).collect::<String>();
    (digits(&first) + &digits(&second)).chars().take(ID_LENGTH).collect()
}

/// `iam:ListSigningCertificates`, in the order of their upload.
pub(crate) struct ListSigningCertificates;

impl Operation for ListSigningCertificates {
    const NAME: &'static str = "ListSigningCertificates";
    type Input = iam::ListSigningCertificatesRequest;
    type Output = iam::ListSigningCertificatesResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        holder::access("iam:ListSigningCertificates", view, input.user_name.as_deref())
    }
}

impl Query for ListSigningCertificates {
    fn run(
        input: &Self::Input,
        permit: &Permit<Self>,
        view: &View<'_>,
    ) -> Result<Self::Output, Error> {
        let holder = holder::find(view.account, input.user_name.as_deref(), permit.caller())?;
        let shelf = &view.account.credentials().signing_certificates;
        let mut all: Vec<&SigningCertificate> = shelf.of(holder).collect();
        all.sort_by_key(|certificate| certificate.uploaded());
        let page = Paging::new(&input.marker, input.max_items).of(all, |it| it.id().to_owned())?;
        let page = page.map(|certificate| shown(view.account, certificate));
        Ok(iam::ListSigningCertificatesResponse {
            is_truncated: page.is_truncated(),
            certificates: page.items,
            marker: page.marker,
        })
    }
}

/// `iam:UpdateSigningCertificate`: activate or deactivate.
pub(crate) struct UpdateSigningCertificate;

impl Operation for UpdateSigningCertificate {
    const NAME: &'static str = "UpdateSigningCertificate";
    type Input = iam::UpdateSigningCertificateRequest;
    type Output = ();

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        holder::access("iam:UpdateSigningCertificate", view, input.user_name.as_deref())
    }
}

impl Command for UpdateSigningCertificate {
    fn run(input: &Self::Input, permit: &Permit<Self>, tx: &mut Transaction) -> Result<(), Error> {
        let active = status::asked(input.status)?;
        let holder = holder::find(tx, input.user_name.as_deref(), permit.caller())?;
        let mut fields = find(tx, holder, &input.certificate_id)?.fields();
        fields.active = active;
        tx.put_credential(&fields.pack());
        Ok(())
    }
}

/// `iam:DeleteSigningCertificate`.
pub(crate) struct DeleteSigningCertificate;

impl Operation for DeleteSigningCertificate {
    const NAME: &'static str = "DeleteSigningCertificate";
    type Input = iam::DeleteSigningCertificateRequest;
    type Output = ();

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        holder::access("iam:DeleteSigningCertificate", view, input.user_name.as_deref())
    }
}

impl Command for DeleteSigningCertificate {
    fn run(input: &Self::Input, permit: &Permit<Self>, tx: &mut Transaction) -> Result<(), Error> {
        let holder = holder::find(tx, input.user_name.as_deref(), permit.caller())?;
        let certificate = find(tx, holder, &input.certificate_id)?.clone();
        tx.remove_credential(&certificate);
        Ok(())
    }
}
