//! Who a caller or a key is.

use iamd_api::sts;
use iamd_authz::{Access, AccessList, Permit};
use iamd_directory::Route;
use iamd_operation::{Entry, Operation, Query, View};
use iamd_types::{AccessKeyId, Error};

pub(crate) const OPERATIONS: &[Entry] =
    &[Entry::query::<GetAccessKeyInfo>(), Entry::query::<GetCallerIdentity>()];

/// `sts:GetCallerIdentity`. Whoever can sign may call it, whatever policies say.
pub(crate) struct GetCallerIdentity;

impl Operation for GetCallerIdentity {
    const NAME: &'static str = "GetCallerIdentity";
    type Input = sts::GetCallerIdentityRequest;
    type Output = sts::GetCallerIdentityResponse;

    fn access<'a>(_: &Self::Input, _: &View<'a>) -> Result<AccessList<'a>, Error> {
        Ok(AccessList::unrestricted())
    }
}

impl Query for GetCallerIdentity {
    fn run(_: &Self::Input, permit: &Permit<Self>, _: &View<'_>) -> Result<Self::Output, Error> {
        let caller = permit.caller();
        Ok(sts::GetCallerIdentityResponse {
            user_id: Some(caller.user_id.clone()),
            account: Some(caller.account.to_string()),
            arn: Some(caller.arn.clone()),
        })
    }
}

/// `sts:GetAccessKeyInfo`: the account that a key id belongs to, whether or not there is such a key.
pub(crate) struct GetAccessKeyInfo;

impl Operation for GetAccessKeyInfo {
    const NAME: &'static str = "GetAccessKeyInfo";
    type Input = sts::GetAccessKeyInfoRequest;
    type Output = sts::GetAccessKeyInfoResponse;

    fn access<'a>(_: &Self::Input, _: &View<'a>) -> Result<AccessList<'a>, Error> {
        Ok(AccessList::one(Access::on_all("sts:GetAccessKeyInfo")))
    }
}

impl Query for GetAccessKeyInfo {
    fn run(input: &Self::Input, _: &Permit<Self>, view: &View<'_>) -> Result<Self::Output, Error> {
        let id = &input.access_key_id;
        let routed = view.tools.directory.routing().find(Route::AccessKey, id);
        let account = routed
            .or_else(|| AccessKeyId::parse(id).ok()?.account())
            // AWS's text is not recorded.
            .ok_or_else(|| Error::validation(format!("Invalid Access Key ID: {id}")))?;
        Ok(sts::GetAccessKeyInfoResponse { account: Some(account.to_string()) })
    }
}
