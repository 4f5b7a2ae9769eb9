//! What needs an organization. No account of this server is in one: each operation checks its request and
//! its permission, and then answers as AWS does for such an account.

use iamd_api::iam;
use iamd_authz::{Access, AccessList, Permit};
use iamd_operation::{Entry, Operation, Query, View};
use iamd_types::{Code, Error};

pub(crate) const OPERATIONS: &[Entry] = &[
    Entry::query::<DisableOrganizationsRootCredentialsManagement>(),
    Entry::query::<DisableOrganizationsRootSessions>(),
    Entry::query::<EnableOrganizationsRootCredentialsManagement>(),
    Entry::query::<EnableOrganizationsRootSessions>(),
    Entry::query::<GenerateOrganizationsAccessReport>(),
    Entry::query::<GetOrganizationsAccessReport>(),
    Entry::query::<ListOrganizationsFeatures>(),
];

/// The operations on the features of an organization.
macro_rules! feature_operations {
    ($($name:ident $action:literal $input:ident $output:ident;)*) => {$(
        #[doc = concat!("`", $action, "`. Refused: the account is not in an organization (AWS's text is not recorded).")]
        pub(crate) struct $name;

        impl Operation for $name {
            const NAME: &'static str = stringify!($name);
            type Input = iam::$input;
            type Output = iam::$output;

            fn access<'a>(_: &Self::Input, _: &View<'a>) -> Result<AccessList<'a>, Error> {
                Ok(AccessList::one(Access::on_all($action)))
            }
        }

        impl Query for $name {
            fn run(_: &Self::Input, _: &Permit<Self>, _: &View<'_>) -> Result<Self::Output, Error> {
                let message = "No organization is associated with your account.";
                Err(Error::new(Code::OrganizationNotFound, message))
            }
        }
    )*};
}

feature_operations! {
    DisableOrganizationsRootCredentialsManagement "iam:DisableOrganizationsRootCredentialsManagement"
        DisableOrganizationsRootCredentialsManagementRequest
        DisableOrganizationsRootCredentialsManagementResponse;
    DisableOrganizationsRootSessions "iam:DisableOrganizationsRootSessions"
        DisableOrganizationsRootSessionsRequest DisableOrganizationsRootSessionsResponse;
    EnableOrganizationsRootCredentialsManagement "iam:EnableOrganizationsRootCredentialsManagement"
        EnableOrganizationsRootCredentialsManagementRequest
        EnableOrganizationsRootCredentialsManagementResponse;
    EnableOrganizationsRootSessions "iam:EnableOrganizationsRootSessions"
        EnableOrganizationsRootSessionsRequest EnableOrganizationsRootSessionsResponse;
    ListOrganizationsFeatures "iam:ListOrganizationsFeatures"
        ListOrganizationsFeaturesRequest ListOrganizationsFeaturesResponse;
}

/// `iam:GenerateOrganizationsAccessReport` on the report of the entity. Refused: the entity cannot be one
/// of the account's organization. The model has no error for that; this is our reading.
pub(crate) struct GenerateOrganizationsAccessReport;

impl Operation for GenerateOrganizationsAccessReport {
    const NAME: &'static str = "GenerateOrganizationsAccessReport";
    type Input = iam::GenerateOrganizationsAccessReportRequest;
    type Output = iam::GenerateOrganizationsAccessReportResponse;

    fn access<'a>(input: &Self::Input, view: &View<'a>) -> Result<AccessList<'a>, Error> {
        let arn = view.account.arn("access-report", "/", &input.entity_path);
        let policy = input.organizations_policy_id.as_deref();
        let action = "iam:GenerateOrganizationsAccessReport";
        let access = Access::new(action, arn, view.account.id());
        Ok(AccessList::one(access.with_some("iam:OrganizationsPolicyId", policy)))
    }
}

impl Query for GenerateOrganizationsAccessReport {
    fn run(_: &Self::Input, _: &Permit<Self>, _: &View<'_>) -> Result<Self::Output, Error> {
        Err(Error::invalid_input("No organization is associated with your account."))
    }
}

/// `iam:GetOrganizationsAccessReport`. Refused: there is no report.
pub(crate) struct GetOrganizationsAccessReport;

impl Operation for GetOrganizationsAccessReport {
    const NAME: &'static str = "GetOrganizationsAccessReport";
    type Input = iam::GetOrganizationsAccessReportRequest;
    type Output = iam::GetOrganizationsAccessReportResponse;

    fn access<'a>(_: &Self::Input, _: &View<'a>) -> Result<AccessList<'a>, Error> {
        Ok(AccessList::one(Access::on_all("iam:GetOrganizationsAccessReport")))
    }
}

impl Query for GetOrganizationsAccessReport {
    fn run(input: &Self::Input, _: &Permit<Self>, _: &View<'_>) -> Result<Self::Output, Error> {
        // AWS's text is not recorded.
        let message = format!("The job with id {} cannot be found.", input.job_id);
        Err(Error::new(Code::NoSuchEntity, message))
    }
}
