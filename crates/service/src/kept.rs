//! Policies of resources that are kept here: buckets', and the trust policies of roles.
//!
//! Whoever asks about an action on such a resource is answered as the operation itself would be.

use std::sync::Arc;

use iamd_authz::ResourcePolicy;
use iamd_policy::Document;
use iamd_types::{AccountId, Arn, Error};

use crate::decide::Known;
use crate::pipeline::Service;

/// A resource that is kept here.
pub struct Kept {
    /// The account that owns it.
    pub owner: AccountId,
    policy: Policy,
}

enum Policy {
    Bucket(Option<Arc<Document>>),
    Role(Option<Arc<Document>>),
}

impl Kept {
    /// How its policy takes part.
    pub fn policy(&self) -> ResourcePolicy<'_> {
        match &self.policy {
            Policy::Bucket(None) => ResourcePolicy::None,
            Policy::Bucket(document) => ResourcePolicy::Resource(document.as_deref()),
            Policy::Role(document) => ResourcePolicy::Trust(document.as_deref()),
        }
    }
}

impl Service {
    /// The resource that an action of this principal is on, if it is a bucket or a role of an account here.
    ///
    /// # Errors
    /// Its policy cannot be read; the root user asks to take on a role.
    pub async fn kept(
        &self,
        who: &Known,
        action: &str,
        resource: &str,
    ) -> Result<Option<Kept>, Error> {
        match action.split_once(':') {
            Some((service, name)) if service.eq_ignore_ascii_case("s3") => {
                self.kept_bucket(who, name, resource).await
            }
            Some((service, _)) if service.eq_ignore_ascii_case("sts") => {
                self.kept_role(who, resource).await
            }
            _ => Ok(None),
        }
    }

    async fn kept_bucket(
        &self,
        who: &Known,
        action: &str,
        resource: &str,
    ) -> Result<Option<Kept>, Error> {
        let Some(path) = resource.strip_prefix("arn:aws:s3:::") else { return Ok(None) };
        let name = path.split('/').next().unwrap_or_default();
        // Of a bucket that is yet to be made the name is not taken, as in the operation.
        if action.eq_ignore_ascii_case("CreateBucket") {
            return Ok(None);
        }
        let Some(found) = self.bucket_called(name).await? else { return Ok(None) };
        let policy = match found.policy_takes_part(action, who.caller()) {
            true => iamd_s3::policy::kept(&found.bucket)?.map(Arc::clone),
            false => None,
        };
        Ok(Some(Kept { owner: found.owner.id(), policy: Policy::Bucket(policy) }))
    }

    /// A role that is not there trusts nobody.
    async fn kept_role(&self, who: &Known, resource: &str) -> Result<Option<Kept>, Error> {
        let arn = Arn::parse(resource)
            .ok()
            .filter(|arn| arn.service() == "iam" && arn.resource().starts_with("role/"));
        let Some((arn, owner)) = arn.and_then(|arn| arn.account_id().map(|owner| (arn, owner)))
        else {
            return Ok(None);
        };
        who.caller().ensure_may_assume()?;
        let account = self.tools.directory.account(owner).await?;
        let trust = account.as_ref().and_then(|account| {
            let role = account.roles().named(arn.resource().rsplit('/').next()?)?;
            let is_it = account.role_arn(role) == resource;
            role.trust_document().filter(|_| is_it).map(Arc::clone)
        });
        Ok(Some(Kept { owner, policy: Policy::Role(trust) }))
    }
}
