//! Versioning and default encryption of buckets, and the answers of buckets without the features that there are not.

use iamd_api::s3;
use iamd_authz::Permit;
use iamd_directory::{BucketFields, Versioning};
use iamd_types::{Code, Error};

use crate::operation::{
    BucketCommand, BucketOperation, BucketQuery, Change, Entry, Table, View, bucket_of,
};
use crate::rules::not_implemented;

/// The operations on versioning and encryption, and on what a bucket does not have.
pub(crate) const OPERATIONS: Table = &[
    Entry::command::<DeleteBucketEncryption>(),
    Entry::query::<DeleteBucketLifecycle>(),
    Entry::query::<DeleteBucketReplication>(),
    Entry::query::<DeleteBucketWebsite>(),
    Entry::query::<GetBucketAccelerateConfiguration>(),
    Entry::query::<GetBucketEncryption>(),
    Entry::query::<GetBucketLifecycleConfiguration>(),
    Entry::query::<GetBucketLogging>(),
    Entry::query::<GetBucketNotificationConfiguration>(),
    Entry::query::<GetBucketReplication>(),
    Entry::query::<GetBucketRequestPayment>(),
    Entry::query::<GetBucketVersioning>(),
    Entry::query::<GetBucketWebsite>(),
    Entry::query::<GetObjectLockConfiguration>(),
    Entry::command::<PutBucketEncryption>(),
    Entry::query::<PutBucketRequestPayment>(),
    Entry::command::<PutBucketVersioning>(),
];

/// What another store keeps is for that store to version and to seal: a record here would change nothing there.
fn ensure_local(store: &str, operation: &str) -> Result<(), Error> {
    if store.is_empty() { Ok(()) } else { Err(not_implemented(operation)) }
}

/// `s3:PutBucketVersioning`, without deletion by MFA.
pub(crate) struct PutBucketVersioning;

impl BucketOperation for PutBucketVersioning {
    const NAME: &'static str = "PutBucketVersioning";
    type Input = s3::PutBucketVersioningRequest;
    type Output = ();
}

impl BucketCommand for PutBucketVersioning {
    fn change(
        input: &Self::Input,
        _: &Change<'_, Self>,
        bucket: &mut BucketFields,
    ) -> Result<(), Error> {
        let asked = &input.versioning_configuration;
        let versioning = match asked.status {
            Some(s3::BucketVersioningStatus::Enabled) => Versioning::Enabled,
            Some(s3::BucketVersioningStatus::Suspended) => Versioning::Suspended,
            None => return Err(Error::s3(Code::IllegalVersioningConfiguration)),
        };
        if asked.mfa_delete == Some(s3::MFADelete::Enabled) {
            return Err(not_implemented("MFA delete"));
        }
        ensure_local(&bucket.store, Self::NAME)?;
        bucket.versioning = versioning;
        Ok(())
    }
}

/// `s3:GetBucketVersioning`. A bucket that never had versions tells nothing.
pub(crate) struct GetBucketVersioning;

impl BucketOperation for GetBucketVersioning {
    const NAME: &'static str = "GetBucketVersioning";
    type Input = s3::GetBucketVersioningRequest;
    type Output = s3::GetBucketVersioningOutput;
}

impl BucketQuery for GetBucketVersioning {
    fn run(
        _: &Self::Input,
        _: &Permit<Self>,
        view: &View<'_>,
    ) -> Result<s3::GetBucketVersioningOutput, Error> {
        let bucket = bucket_of(view)?;
        ensure_local(bucket.store(), Self::NAME)?;
        let status = match bucket.versioning() {
            Versioning::Unversioned => None,
            Versioning::Enabled => Some(s3::BucketVersioningStatus::Enabled),
            Versioning::Suspended => Some(s3::BucketVersioningStatus::Suspended),
        };
        Ok(s3::GetBucketVersioningOutput { status, mfa_delete: None })
    }
}

/// `s3:PutEncryptionConfiguration`. Keys of KMS are refused: there are none.
pub(crate) struct PutBucketEncryption;

impl BucketOperation for PutBucketEncryption {
    const NAME: &'static str = "PutBucketEncryption";
    type Input = s3::PutBucketEncryptionRequest;
    type Output = ();
}

impl BucketCommand for PutBucketEncryption {
    fn change(
        input: &Self::Input,
        _: &Change<'_, Self>,
        bucket: &mut BucketFields,
    ) -> Result<(), Error> {
        let [rule] = input.server_side_encryption_configuration.rules.as_slice() else {
            return Err(Error::s3(Code::MalformedXml));
        };
        let default = rule.apply_server_side_encryption_by_default.as_ref();
        let default = default.ok_or_else(|| Error::s3(Code::MalformedXml))?;
        if default.sse_algorithm != s3::ServerSideEncryption::Aes256 {
            return Err(not_implemented(default.sse_algorithm.as_str()));
        }
        if default.kms_master_key_id.is_some() {
            let message = "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or \
                           aws:kms:dsse";
            return Err(Error::invalid_argument(message));
        }
        ensure_local(&bucket.store, Self::NAME)?;
        bucket.encrypted = true;
        Ok(())
    }
}

/// `s3:GetEncryptionConfiguration`.
pub(crate) struct GetBucketEncryption;

impl BucketOperation for GetBucketEncryption {
    const NAME: &'static str = "GetBucketEncryption";
    type Input = s3::GetBucketEncryptionRequest;
    type Output = s3::GetBucketEncryptionOutput;
}

impl BucketQuery for GetBucketEncryption {
    fn run(
        _: &Self::Input,
        _: &Permit<Self>,
        view: &View<'_>,
    ) -> Result<s3::GetBucketEncryptionOutput, Error> {
        let bucket = bucket_of(view)?;
        ensure_local(bucket.store(), Self::NAME)?;
        if !bucket.encrypted() {
            return Err(Error::s3(Code::ServerSideEncryptionConfigurationNotFound));
        }
        let rule = s3::ServerSideEncryptionRule {
            apply_server_side_encryption_by_default: Some(s3::ServerSideEncryptionByDefault {
                sse_algorithm: s3::ServerSideEncryption::Aes256,
                kms_master_key_id: None,
            }),
            bucket_key_enabled: Some(false),
            ..s3::ServerSideEncryptionRule::default()
        };
        Ok(s3::GetBucketEncryptionOutput {
            server_side_encryption_configuration: Some(s3::ServerSideEncryptionConfiguration {
                rules: vec![rule],
            }),
        })
    }
}

/// `s3:PutEncryptionConfiguration`: objects are sealed only where a request asks for it. AWS has no such state any
/// more, since 2023.
pub(crate) struct DeleteBucketEncryption;

impl BucketOperation for DeleteBucketEncryption {
    const NAME: &'static str = "DeleteBucketEncryption";
    type Input = s3::DeleteBucketEncryptionRequest;
    type Output = ();
}

impl BucketCommand for DeleteBucketEncryption {
    fn change(
        _: &Self::Input,
        _: &Change<'_, Self>,
        bucket: &mut BucketFields,
    ) -> Result<(), Error> {
        ensure_local(&bucket.store, Self::NAME)?;
        bucket.encrypted = false;
        Ok(())
    }
}

/// `s3:PutBucketRequestPayment`. Nobody pays here, so the owner does.
pub(crate) struct PutBucketRequestPayment;

impl BucketOperation for PutBucketRequestPayment {
    const NAME: &'static str = "PutBucketRequestPayment";
    type Input = s3::PutBucketRequestPaymentRequest;
    type Output = ();
}

impl BucketQuery for PutBucketRequestPayment {
    fn run(input: &Self::Input, _: &Permit<Self>, view: &View<'_>) -> Result<(), Error> {
        bucket_of(view)?;
        match input.request_payment_configuration.payer {
            s3::Payer::BucketOwner => Ok(()),
            s3::Payer::Requester => Err(not_implemented("requester pays")),
        }
    }
}

/// Operations that answer as a bucket without the feature answers: with an empty output, or with a code.
macro_rules! without {
    ($($(#[$doc:meta])* $name:ident($input:ident) -> $output:ty { $answer:expr })*) => {$(
        $(#[$doc])*
        pub(crate) struct $name;

        impl BucketOperation for $name {
            const NAME: &'static str = stringify!($name);
            type Input = s3::$input;
            type Output = $output;
        }

        impl BucketQuery for $name {
            fn run(
                _: &Self::Input,
                _: &Permit<Self>,
                view: &View<'_>,
            ) -> Result<Self::Output, Error> {
                bucket_of(view)?;
                $answer
            }
        }
    )*};
}

without! {
    /// `s3:PutLifecycleConfiguration`: there is no lifecycle to remove.
    DeleteBucketLifecycle(DeleteBucketLifecycleRequest) -> () { Ok(()) }
    /// `s3:PutReplicationConfiguration`: there is no replication to remove.
    DeleteBucketReplication(DeleteBucketReplicationRequest) -> () { Ok(()) }
    /// `s3:DeleteBucketWebsite`: there is no website to remove.
    DeleteBucketWebsite(DeleteBucketWebsiteRequest) -> () { Ok(()) }
    /// `s3:GetAccelerateConfiguration`: never switched on.
    GetBucketAccelerateConfiguration(GetBucketAccelerateConfigurationRequest)
        -> s3::GetBucketAccelerateConfigurationOutput { Ok(Self::Output::default()) }
    /// `s3:GetLifecycleConfiguration`: there is none.
    GetBucketLifecycleConfiguration(GetBucketLifecycleConfigurationRequest)
        -> s3::GetBucketLifecycleConfigurationOutput { Err(Error::s3(Code::NoSuchLifecycleConfiguration)) }
    /// `s3:GetBucketLogging`: there is none.
    GetBucketLogging(GetBucketLoggingRequest) -> s3::GetBucketLoggingOutput { Ok(Self::Output::default()) }
    /// `s3:GetBucketNotification`: nobody is told.
    GetBucketNotificationConfiguration(GetBucketNotificationConfigurationRequest)
        -> s3::NotificationConfiguration { Ok(Self::Output::default()) }
    /// `s3:GetReplicationConfiguration`: there is none.
    GetBucketReplication(GetBucketReplicationRequest)
        -> s3::GetBucketReplicationOutput { Err(Error::s3(Code::ReplicationConfigurationNotFound)) }
    /// `s3:GetBucketRequestPayment`: the owner.
    GetBucketRequestPayment(GetBucketRequestPaymentRequest) -> s3::GetBucketRequestPaymentOutput {
        Ok(s3::GetBucketRequestPaymentOutput { payer: Some(s3::Payer::BucketOwner) })
    }
    /// `s3:GetBucketWebsite`: there is none.
    GetBucketWebsite(GetBucketWebsiteRequest)
        -> s3::GetBucketWebsiteOutput { Err(Error::s3(Code::NoSuchWebsiteConfiguration)) }
    /// `s3:GetBucketObjectLockConfiguration`: there is none.
    GetObjectLockConfiguration(GetObjectLockConfigurationRequest)
        -> s3::GetObjectLockConfigurationOutput { Err(Error::s3(Code::ObjectLockConfigurationNotFound)) }
}
