//! Who may come near a bucket at all: Block Public Access, object ownership, ACLs.
//!
//! ACLs are switched off, as `BucketOwnerEnforced` does it: they show the owner, and setting them is refused (S3 User
//! Guide, "Controlling ownership of objects and disabling ACLs for your bucket").

use iamd_api::s3;
use iamd_authz::Permit;
use iamd_directory::principals::Named;
use iamd_directory::{Bucket, Ownership, PublicAccessBlock, Transaction};
use iamd_types::{Code, Error};

use crate::operation::{
    BucketCommand, BucketOperation, BucketQuery, Entry, Table, View, bucket_of,
};
use crate::owner::{full_control, owner};

/// The operations on Block Public Access, ownership and ACLs.
pub(crate) const OPERATIONS: Table = &[
    Entry::command::<DeleteBucketOwnershipControls>(),
    Entry::command::<DeletePublicAccessBlock>(),
    Entry::query::<GetBucketAcl>(),
    Entry::query::<GetBucketOwnershipControls>(),
    Entry::query::<GetPublicAccessBlock>(),
    Entry::query::<PutBucketAcl>(),
    Entry::command::<PutBucketOwnershipControls>(),
    Entry::query::<GetObjectAcl>(),
    Entry::query::<PutObjectAcl>(),
    Entry::command::<PutPublicAccessBlock>(),
];

/// `s3:PutBucketPublicAccessBlock`. A switch that is not named is off.
pub(crate) struct PutPublicAccessBlock;

impl BucketOperation for PutPublicAccessBlock {
    const NAME: &'static str = "PutPublicAccessBlock";
    type Input = s3::PutPublicAccessBlockRequest;
    type Output = ();
}

impl BucketCommand for PutPublicAccessBlock {
    fn run(
        input: &Self::Input,
        _: Option<&Named>,
        _: &Permit<Self>,
        bucket: &Bucket,
        tx: &mut Transaction,
    ) -> Result<(), Error> {
        let given = &input.public_access_block_configuration;
        let mut fields = bucket.fields();
        fields.public_access_block = Some(PublicAccessBlock {
            block_acls: given.block_public_acls.unwrap_or_default(),
            ignore_acls: given.ignore_public_acls.unwrap_or_default(),
            block_policy: given.block_public_policy.unwrap_or_default(),
            restrict_buckets: given.restrict_public_buckets.unwrap_or_default(),
        });
        tx.put_bucket(&fields);
        Ok(())
    }
}

/// `s3:GetBucketPublicAccessBlock`.
pub(crate) struct GetPublicAccessBlock;

impl BucketOperation for GetPublicAccessBlock {
    const NAME: &'static str = "GetPublicAccessBlock";
    type Input = s3::GetPublicAccessBlockRequest;
    type Output = s3::GetPublicAccessBlockOutput;
}

impl BucketQuery for GetPublicAccessBlock {
    fn run(
        _: &Self::Input,
        _: &Permit<Self>,
        view: &View<'_>,
    ) -> Result<s3::GetPublicAccessBlockOutput, Error> {
        let block = bucket_of(view)?
            .public_access_block()
            .ok_or_else(|| Error::s3(Code::NoSuchPublicAccessBlockConfiguration))?;
        Ok(s3::GetPublicAccessBlockOutput {
            public_access_block_configuration: Some(s3::PublicAccessBlockConfiguration {
                block_public_acls: Some(block.block_acls),
                ignore_public_acls: Some(block.ignore_acls),
                block_public_policy: Some(block.block_policy),
                restrict_public_buckets: Some(block.restrict_buckets),
            }),
        })
    }
}

/// `s3:PutBucketPublicAccessBlock`: nothing is blocked any more.
pub(crate) struct DeletePublicAccessBlock;

impl BucketOperation for DeletePublicAccessBlock {
    const NAME: &'static str = "DeletePublicAccessBlock";
    type Input = s3::DeletePublicAccessBlockRequest;
    type Output = ();
}

impl BucketCommand for DeletePublicAccessBlock {
    fn run(
        _: &Self::Input,
        _: Option<&Named>,
        _: &Permit<Self>,
        bucket: &Bucket,
        tx: &mut Transaction,
    ) -> Result<(), Error> {
        let mut fields = bucket.fields();
        fields.public_access_block = None;
        tx.put_bucket(&fields);
        Ok(())
    }
}

/// `s3:PutBucketOwnershipControls`. `BucketOwnerEnforced` is the only rule that there is.
pub(crate) struct PutBucketOwnershipControls;

impl BucketOperation for PutBucketOwnershipControls {
    const NAME: &'static str = "PutBucketOwnershipControls";
    type Input = s3::PutBucketOwnershipControlsRequest;
    type Output = ();
}

impl BucketCommand for PutBucketOwnershipControls {
    fn run(
        input: &Self::Input,
        _: Option<&Named>,
        _: &Permit<Self>,
        bucket: &Bucket,
        tx: &mut Transaction,
    ) -> Result<(), Error> {
        let [rule] = input.ownership_controls.rules.as_slice() else {
            return Err(Error::s3(Code::MalformedXml));
        };
        if rule.object_ownership != s3::ObjectOwnership::BucketOwnerEnforced {
            let message =
                "ACLs are not available on this server: object ownership is BucketOwnerEnforced.";
            return Err(Error::new(Code::NotImplemented, message));
        }
        let mut fields = bucket.fields();
        fields.ownership = Some(Ownership::BucketOwnerEnforced);
        tx.put_bucket(&fields);
        Ok(())
    }
}

/// `s3:GetBucketOwnershipControls`.
pub(crate) struct GetBucketOwnershipControls;

impl BucketOperation for GetBucketOwnershipControls {
    const NAME: &'static str = "GetBucketOwnershipControls";
    type Input = s3::GetBucketOwnershipControlsRequest;
    type Output = s3::GetBucketOwnershipControlsOutput;
}

impl BucketQuery for GetBucketOwnershipControls {
    fn run(
        _: &Self::Input,
        _: &Permit<Self>,
        view: &View<'_>,
    ) -> Result<s3::GetBucketOwnershipControlsOutput, Error> {
        let object_ownership = match bucket_of(view)?.ownership() {
            None => return Err(Error::s3(Code::OwnershipControlsNotFound)),
            Some(Ownership::BucketOwnerEnforced) => s3::ObjectOwnership::BucketOwnerEnforced,
            Some(Ownership::BucketOwnerPreferred) => s3::ObjectOwnership::BucketOwnerPreferred,
            Some(Ownership::ObjectWriter) => s3::ObjectOwnership::ObjectWriter,
        };
        let rules = vec![s3::OwnershipControlsRule { object_ownership }];
        Ok(s3::GetBucketOwnershipControlsOutput {
            ownership_controls: Some(s3::OwnershipControls { rules }),
        })
    }
}

/// `s3:PutBucketOwnershipControls`: no rule any more. On AWS ACLs work then; here they stay switched off.
pub(crate) struct DeleteBucketOwnershipControls;

impl BucketOperation for DeleteBucketOwnershipControls {
    const NAME: &'static str = "DeleteBucketOwnershipControls";
    type Input = s3::DeleteBucketOwnershipControlsRequest;
    type Output = ();
}

impl BucketCommand for DeleteBucketOwnershipControls {
    fn run(
        _: &Self::Input,
        _: Option<&Named>,
        _: &Permit<Self>,
        bucket: &Bucket,
        tx: &mut Transaction,
    ) -> Result<(), Error> {
        let mut fields = bucket.fields();
        fields.ownership = None;
        tx.put_bucket(&fields);
        Ok(())
    }
}

/// `s3:GetBucketAcl`: the owner may do all.
pub(crate) struct GetBucketAcl;

impl BucketOperation for GetBucketAcl {
    const NAME: &'static str = "GetBucketAcl";
    type Input = s3::GetBucketAclRequest;
    type Output = s3::GetBucketAclOutput;
}

impl BucketQuery for GetBucketAcl {
    fn run(
        _: &Self::Input,
        _: &Permit<Self>,
        view: &View<'_>,
    ) -> Result<s3::GetBucketAclOutput, Error> {
        bucket_of(view)?;
        let account = view.owner.id();
        Ok(s3::GetBucketAclOutput {
            owner: Some(owner(account)),
            grants: Some(vec![full_control(account)]),
        })
    }
}

/// `s3:PutBucketAcl`, which is refused.
pub(crate) struct PutBucketAcl;

impl BucketOperation for PutBucketAcl {
    const NAME: &'static str = "PutBucketAcl";
    type Input = s3::PutBucketAclRequest;
    type Output = ();
}

impl BucketQuery for PutBucketAcl {
    fn run(_: &Self::Input, _: &Permit<Self>, view: &View<'_>) -> Result<(), Error> {
        bucket_of(view)?;
        Err(Error::s3(Code::AccessControlListNotSupported))
    }
}

/// `s3:GetObjectAcl`: the bucket's owner may do all. That the object is there is the pipeline's to see.
pub(crate) struct GetObjectAcl;

impl BucketOperation for GetObjectAcl {
    const NAME: &'static str = "GetObjectAcl";
    type Input = s3::GetObjectAclRequest;
    type Output = s3::GetObjectAclOutput;
}

impl BucketQuery for GetObjectAcl {
    fn run(
        _: &Self::Input,
        _: &Permit<Self>,
        view: &View<'_>,
    ) -> Result<s3::GetObjectAclOutput, Error> {
        bucket_of(view)?;
        let account = view.owner.id();
        Ok(s3::GetObjectAclOutput {
            owner: Some(owner(account)),
            grants: Some(vec![full_control(account)]),
            request_charged: None,
        })
    }
}

/// `s3:PutObjectAcl`, which is refused, whether the object is there or not.
pub(crate) struct PutObjectAcl;

impl BucketOperation for PutObjectAcl {
    const NAME: &'static str = "PutObjectAcl";
    type Input = s3::PutObjectAclRequest;
    type Output = ();
}

impl BucketQuery for PutObjectAcl {
    fn run(_: &Self::Input, _: &Permit<Self>, view: &View<'_>) -> Result<(), Error> {
        bucket_of(view)?;
        Err(Error::s3(Code::AccessControlListNotSupported))
    }
}
