//! Who may come near a bucket at all: Block Public Access, object ownership, ACLs.
//!
//! ACLs are switched off, as `BucketOwnerEnforced` does it: they show the owner, and setting them is refused (S3 User
//! Guide, "Controlling ownership of objects and disabling ACLs for your bucket").

use iamd_api::s3;
use iamd_authz::Permit;
use iamd_directory::{BucketFields, Ownership, PublicAccessBlock};
use iamd_types::{AccountId, Code, Error};

use crate::operation::{
    BucketCommand, BucketOperation, BucketQuery, Change, Entry, Table, View, bucket_of,
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
    fn change(
        input: &Self::Input,
        _: &Change<'_, Self>,
        bucket: &mut BucketFields,
    ) -> Result<(), Error> {
        let given = &input.public_access_block_configuration;
        bucket.public_access_block = Some(PublicAccessBlock {
            block_acls: given.block_public_acls.unwrap_or_default(),
            ignore_acls: given.ignore_public_acls.unwrap_or_default(),
            block_policy: given.block_public_policy.unwrap_or_default(),
            restrict_buckets: given.restrict_public_buckets.unwrap_or_default(),
        });
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
    fn change(
        _: &Self::Input,
        _: &Change<'_, Self>,
        bucket: &mut BucketFields,
    ) -> Result<(), Error> {
        bucket.public_access_block = None;
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
    fn change(
        input: &Self::Input,
        _: &Change<'_, Self>,
        bucket: &mut BucketFields,
    ) -> Result<(), Error> {
        let [rule] = input.ownership_controls.rules.as_slice() else {
            return Err(Error::s3(Code::MalformedXml));
        };
        if rule.object_ownership != s3::ObjectOwnership::BucketOwnerEnforced {
            let message =
                "ACLs are not available on this server: object ownership is BucketOwnerEnforced.";
            return Err(Error::new(Code::NotImplemented, message));
        }
        bucket.ownership = Some(Ownership::BucketOwnerEnforced);
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
    fn change(
        _: &Self::Input,
        _: &Change<'_, Self>,
        bucket: &mut BucketFields,
    ) -> Result<(), Error> {
        bucket.ownership = None;
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

/// `s3:PutObjectAcl`. Refused, unless it asks for what holds anyhow: that the bucket's owner may do all (S3 User
/// Guide, "Controlling ownership of objects and disabling ACLs"). `s3cmd` sends each copy the ACL of its source.
/// That the object is there is the pipeline's to see.
pub(crate) struct PutObjectAcl;

impl BucketOperation for PutObjectAcl {
    const NAME: &'static str = "PutObjectAcl";
    type Input = s3::PutObjectAclRequest;
    type Output = ();
}

impl BucketQuery for PutObjectAcl {
    fn run(input: &Self::Input, _: &Permit<Self>, view: &View<'_>) -> Result<(), Error> {
        bucket_of(view)?;
        match leaves_the_owner_in_control(input, view.owner.id()) {
            true => Ok(()),
            false => Err(Error::s3(Code::AccessControlListNotSupported)),
        }
    }
}

/// Whether an ACL gives full control to the bucket's owner, and nothing to anybody else.
fn leaves_the_owner_in_control(input: &s3::PutObjectAclRequest, account: AccountId) -> bool {
    let headers = [
        &input.grant_full_control,
        &input.grant_read,
        &input.grant_read_acp,
        &input.grant_write,
        &input.grant_write_acp,
    ];
    if headers.iter().any(|header| header.is_some()) {
        return false;
    }
    match (input.acl, &input.access_control_policy) {
        (Some(acl), None) => {
            matches!(
                acl,
                s3::ObjectCannedACL::BucketOwnerFullControl | s3::ObjectCannedACL::Private
            )
        }
        (None, Some(policy)) => {
            let [s3::Grant { grantee: Some(grantee), permission }] =
                policy.grants.as_deref().unwrap_or_default()
            else {
                return false;
            };
            let shown = owner(account).id;
            let owns = policy.owner.as_ref().is_none_or(|owner| owner.id == shown);
            let only_id = grantee.uri.is_none() && grantee.email_address.is_none();
            owns && only_id
                && grantee.id == shown
                && *permission == Some(s3::Permission::FullControl)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_acl_may_say_what_holds_anyhow() {
        let account: AccountId = "123456789012".parse().unwrap();
        let other: AccountId = "210987654321".parse().unwrap();
        let none = s3::PutObjectAclRequest::default;
        let allows = |input| leaves_the_owner_in_control(&input, account);
        let document = |owner: Option<s3::Owner>, grants: Vec<s3::Grant>| {
            let grants = Some(grants);
            let access_control_policy = Some(s3::AccessControlPolicy { grants, owner });
            s3::PutObjectAclRequest { access_control_policy, ..none() }
        };
        let mine = || Some(owner(account));
        assert!(allows(document(mine(), vec![full_control(account)])));
        assert!(allows(document(None, vec![full_control(account)])));
        for acl in [s3::ObjectCannedACL::Private, s3::ObjectCannedACL::BucketOwnerFullControl] {
            assert!(allows(s3::PutObjectAclRequest { acl: Some(acl), ..none() }));
        }
        let read = s3::Grant { permission: Some(s3::Permission::Read), ..full_control(account) };
        let both = vec![full_control(account), full_control(other)];
        for refused in [
            none(),
            s3::PutObjectAclRequest { acl: Some(s3::ObjectCannedACL::PublicRead), ..none() },
            s3::PutObjectAclRequest { grant_read: Some("id=x".to_owned()), ..none() },
            document(mine(), Vec::new()),
            document(mine(), both),
            document(mine(), vec![read]),
            document(mine(), vec![full_control(other)]),
            document(Some(owner(other)), vec![full_control(account)]),
        ] {
            assert!(!allows(refused.clone()), "{refused:?}");
        }
    }
}
