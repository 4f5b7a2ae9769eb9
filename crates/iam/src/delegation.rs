//! Delegation requests and role templates: what product providers ask an account for.
//!
//! A request is made from a policy template, and a role from a role template, that a provider registered
//! with AWS. There is no such registry here, so no request can be made and no template found: each
//! operation checks its request and its permission, and then answers as for one that is not there. AWS's
//! texts are not recorded.

use iamd_api::iam;
use iamd_authz::{Access, AccessList, Permit};
use iamd_operation::{Entry, Operation, Query, View};
use iamd_types::{Arn, Code, Error};

use crate::page::Paging;

pub(crate) const OPERATIONS: &[Entry] = &[
    Entry::query::<AcceptDelegationRequest>(),
    Entry::query::<AcquireRole>(),
    Entry::query::<AssociateDelegationRequest>(),
    Entry::query::<CreateDelegationRequest>(),
    Entry::query::<GetDelegationRequest>(),
    Entry::query::<GetHumanReadableSummary>(),
    Entry::query::<GetRoleTemplateVersion>(),
    Entry::query::<ListDelegationRequests>(),
    Entry::query::<RejectDelegationRequest>(),
    Entry::query::<SendDelegationToken>(),
    Entry::query::<UpdateDelegationRequest>(),
];

fn request_arn(view: &View<'_>, id: &str) -> String {
    view.account.arn("delegation-request", "/", id)
}

fn no_such_request(id: &str) -> Error {
    let message = format!("The delegation request with id {id} cannot be found.");
    Error::new(Code::NoSuchEntity, message)
}

fn no_such_template(arn: &str) -> Error {
    Error::new(Code::NoSuchEntity, format!("The template {arn} cannot be found."))
}

/// The operations on one delegation request.
macro_rules! request_operations {
    ($($name:ident $action:literal $input:ident $output:ty;)*) => {$(
        #[doc = concat!("`", $action, "`. Refused: there is no such request.")]
        pub(crate) struct $name;

        impl Operation for $name {
            const NAME: &'static str = stringify!($name);
            type Input = iam::$input;
            type Output = $output;

            fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
                let arn = request_arn(view, &input.delegation_request_id);
                Ok(AccessList::one(Access::new($action, arn, view.account.id())))
            }
        }

        impl Query for $name {
            fn run(
                input: &Self::Input,
                _: &Permit<Self>,
                _: &View<'_>,
            ) -> Result<Self::Output, Error> {
                Err(no_such_request(&input.delegation_request_id))
            }
        }
    )*};
}

// UpdateDelegationRequest has no action in the Service Authorization Reference: it is asked for by its name.
request_operations! {
    AcceptDelegationRequest "iam:AcceptDelegationRequest" AcceptDelegationRequestRequest ();
    AssociateDelegationRequest "iam:AssociateDelegationRequest" AssociateDelegationRequestRequest ();
    GetDelegationRequest "iam:GetDelegationRequest"
        GetDelegationRequestRequest iam::GetDelegationRequestResponse;
    RejectDelegationRequest "iam:RejectDelegationRequest" RejectDelegationRequestRequest ();
    SendDelegationToken "iam:SendDelegationToken" SendDelegationTokenRequest ();
    UpdateDelegationRequest "iam:UpdateDelegationRequest" UpdateDelegationRequestRequest ();
}

/// `iam:CreateDelegationRequest` on all requests of the caller's account: the new one has no id yet.
/// Refused: there is no such policy template.
pub(crate) struct CreateDelegationRequest;

impl Operation for CreateDelegationRequest {
    const NAME: &'static str = "CreateDelegationRequest";
    type Input = iam::CreateDelegationRequestRequest;
    type Output = iam::CreateDelegationRequestResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let arn = request_arn(view, "*");
        let access = Access::new("iam:CreateDelegationRequest", arn, view.account.id())
            .with("iam:DelegationDuration", input.session_duration.to_string())
            .with("iam:NotificationChannel", input.notification_channel.as_str())
            .with_some("iam:TemplateArn", input.permissions.policy_template_arn.as_deref());
        Ok(AccessList::one(access))
    }
}

impl Query for CreateDelegationRequest {
    fn run(input: &Self::Input, _: &Permit<Self>, _: &View<'_>) -> Result<Self::Output, Error> {
        let template = input.permissions.policy_template_arn.as_deref().unwrap_or_default();
        Err(Error::invalid_input(format!("The policy template {template} cannot be found.")))
    }
}

/// `iam:ListDelegationRequests`: none.
pub(crate) struct ListDelegationRequests;

impl Operation for ListDelegationRequests {
    const NAME: &'static str = "ListDelegationRequests";
    type Input = iam::ListDelegationRequestsRequest;
    type Output = iam::ListDelegationRequestsResponse;

    fn access<'a>(input: &Self::Input, _: &View<'a>) -> Result<AccessList<'a>, Error> {
        let access = Access::on_all("iam:ListDelegationRequests");
        Ok(AccessList::one(
            access.with_some("iam:DelegationRequestOwner", input.owner_id.as_deref()),
        ))
    }
}

impl Query for ListDelegationRequests {
    fn run(input: &Self::Input, _: &Permit<Self>, _: &View<'_>) -> Result<Self::Output, Error> {
        let none = std::iter::empty::<iam::DelegationRequest>();
        let page = Paging::new(&input.marker, input.max_items).of(none, |_| String::new())?;
        Ok(iam::ListDelegationRequestsResponse {
            is_truncated: page.is_truncated(),
            delegation_requests: Some(page.items),
            marker: page.marker,
        })
    }
}

/// `iam:GetHumanReadableSummary` on the delegation request. Refused: there is no such request.
pub(crate) struct GetHumanReadableSummary;

impl Operation for GetHumanReadableSummary {
    const NAME: &'static str = "GetHumanReadableSummary";
    type Input = iam::GetHumanReadableSummaryRequest;
    type Output = iam::GetHumanReadableSummaryResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let arn = &input.entity_arn;
        let owner = Arn::parse(arn).ok().and_then(|arn| arn.account_id());
        let owner = owner.unwrap_or(view.account.id());
        Ok(AccessList::one(Access::new("iam:GetHumanReadableSummary", arn.clone(), owner)))
    }
}

impl Query for GetHumanReadableSummary {
    fn run(input: &Self::Input, _: &Permit<Self>, view: &View<'_>) -> Result<Self::Output, Error> {
        let prefix = request_arn(view, "");
        match input.entity_arn.strip_prefix(prefix.as_str()) {
            Some(id) => Err(no_such_request(id)),
            None => Err(Error::invalid_input(format!("ARN {} is not valid.", input.entity_arn))),
        }
    }
}

/// `iam:GetRoleTemplateVersion` on the template. Refused: there is no such template.
pub(crate) struct GetRoleTemplateVersion;

impl Operation for GetRoleTemplateVersion {
    const NAME: &'static str = "GetRoleTemplateVersion";
    type Input = iam::GetRoleTemplateVersionRequest;
    type Output = iam::GetRoleTemplateVersionResponse;

    fn access<'a>(input: &Self::Input, _: &View<'a>) -> Result<AccessList<'a>, Error> {
        // Templates are AWS's: no other account's policies have a say.
        let access = Access {
            resource: input.template_arn.clone(),
            ..Access::on_all("iam:GetRoleTemplateVersion")
        };
        Ok(AccessList::one(access))
    }
}

impl Query for GetRoleTemplateVersion {
    fn run(input: &Self::Input, _: &Permit<Self>, _: &View<'_>) -> Result<Self::Output, Error> {
        Err(no_such_template(&input.template_arn))
    }
}

/// `iam:CreateRole` on any role, with the template as `iam:RoleTemplateARN`: the operation has no action of
/// its own in the Service Authorization Reference. Refused: there is no such template.
pub(crate) struct AcquireRole;

impl Operation for AcquireRole {
    const NAME: &'static str = "AcquireRole";
    type Input = iam::AcquireRoleRequest;
    type Output = iam::AcquireRoleResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let arn = view.account.arn("role", "/", "*");
        let access = Access::new("iam:CreateRole", arn, view.account.id());
        Ok(AccessList::one(access.with("iam:RoleTemplateARN", input.template_arn.as_str())))
    }
}

impl Query for AcquireRole {
    fn run(input: &Self::Input, _: &Permit<Self>, _: &View<'_>) -> Result<Self::Output, Error> {
        Err(no_such_template(&input.template_arn))
    }
}
