//! Everything but access keys that users and the root user of an account prove themselves with.

use crate::credential_records::{
    CredentialReport, LoginProfile, MfaDevice, PasswordPolicy, ServerCertificate,
    ServiceCredential, SigningCertificate, SshPublicKey,
};
use crate::names::Entities;
use crate::packed::Unreadable;
use crate::shelf::{Shelf, Shelved, shelved};

/// The shelves of an account.
#[derive(Clone, Default)]
pub struct Credentials {
    /// MFA devices by serial number.
    pub mfa_devices: Shelf<MfaDevice>,
    /// Login profiles by user id.
    pub login_profiles: Shelf<LoginProfile>,
    /// The password policy, if there is one.
    pub password_policy: Shelf<PasswordPolicy>,
    /// The newest credential report, if there is one.
    pub credential_report: Shelf<CredentialReport>,
    /// SSH public keys by id.
    pub ssh_public_keys: Shelf<SshPublicKey>,
    /// Signing certificates by id.
    pub signing_certificates: Shelf<SigningCertificate>,
    /// Service-specific credentials by id.
    pub service_credentials: Shelf<ServiceCredential>,
    /// Server certificates.
    pub server_certificates: Entities<ServerCertificate>,
}

shelved! {
    MfaDevice in mfa_devices at b'm', |it| it.serial().to_owned(), |it| it.assigned_to(),
        follows |it, old| it.wrong_codes().go_on(old.wrong_codes());
    LoginProfile in login_profiles at b'l', |it| it.user().to_string(), |it| Some(Some(it.user()).into()),
        follows |it, old| it.wrong_passwords().go_on(old.wrong_passwords());
    PasswordPolicy in password_policy at b'w', |_| String::new(), |_| None;
    CredentialReport in credential_report at b'z', |_| String::new(), |_| None;
    SshPublicKey in ssh_public_keys at b'h', |it| it.id().to_string(), |it| Some(Some(it.user()).into());
    SigningCertificate in signing_certificates at b'e', |it| it.id().to_owned(), |it| Some(it.user().into());
    ServiceCredential in service_credentials at b'y', |it| it.id().to_string(), |it| Some(Some(it.user()).into());
}

impl Credentials {
    /// The letters of the keys under which these records stand.
    pub(crate) const LETTERS: &[u8] = b"melthwyz";

    /// The account's password policy.
    pub fn password_policy(&self) -> Option<&PasswordPolicy> {
        self.password_policy.get("")
    }

    /// The newest credential report.
    pub fn credential_report(&self) -> Option<&CredentialReport> {
        self.credential_report.get("")
    }

    /// Reads the record whose key begins with this letter.
    pub(crate) fn read(&mut self, letter: u8, value: &[u8]) -> Result<(), Unreadable> {
        match letter {
            MfaDevice::LETTER => self.mfa_devices.insert(MfaDevice::read(value)?),
            LoginProfile::LETTER => self.login_profiles.insert(LoginProfile::read(value)?),
            PasswordPolicy::LETTER => self.password_policy.insert(PasswordPolicy::read(value)?),
            CredentialReport::LETTER => {
                self.credential_report.insert(CredentialReport::read(value)?);
            }
            SshPublicKey::LETTER => self.ssh_public_keys.insert(SshPublicKey::read(value)?),
            SigningCertificate::LETTER => {
                self.signing_certificates.insert(SigningCertificate::read(value)?);
            }
            ServiceCredential::LETTER => {
                self.service_credentials.insert(ServiceCredential::read(value)?);
            }
            b't' => self.server_certificates.insert(ServerCertificate::read(value)?),
            _ => return Err(Unreadable("known kind of")),
        }
        Ok(())
    }
}
