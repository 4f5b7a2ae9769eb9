//! The CloudTrail record of a request, from what the pipeline learned about it.

use std::net::IpAddr;
use std::sync::OnceLock;

use iamd_audit::{
    Category, EventId, EventType, Federated, IssuerType, Part, Principal, Record, Resource,
    SessionContext, SessionIssuer, TlsDetails, UserIdentity,
};
use iamd_authz::{Caller, Principal as Acting};
use iamd_credentials::SessionKind;
use iamd_operation::{Output, RequestFacts};
use iamd_types::{AccessKeyId, AccountId, Arn, Error};
use iamd_wire::cloudtrail;
use iamd_wire::query::Parameters;

/// The JSON of usual parameters and of usual answers is shorter than this, in bytes.
const USUAL_PART: usize = 512;

/// What a record says besides who called and how it ended. Owned, so that it can go with a change to
/// the account's writer.
#[derive(Clone)]
pub(crate) struct Event {
    pub(crate) id: EventId,
    pub(crate) request_id: EventId,
    pub(crate) service: &'static iamd_api::Service,
    pub(crate) operation: &'static iamd_api::Operation,
    pub(crate) facts: RequestFacts,
    pub(crate) connection: Option<Connection>,
    /// The input, without secrets.
    pub(crate) parameters: Option<Part<'static>>,
    /// Whether it is about control or about what is in a resource.
    pub(crate) category: Category,
    /// What it is done to, where the service names that.
    pub(crate) resources: Vec<Resourced>,
    /// What else there is to say.
    pub(crate) additional: Option<Part<'static>>,
    /// Set when the request concerns another account too, which then has a record of its own.
    pub(crate) shared: OnceLock<Shared>,
}

/// The record of the account whose resource a caller of another account asks for.
#[derive(Clone)]
pub(crate) struct Shared {
    /// That account.
    pub(crate) owner: AccountId,
    /// The id of its record.
    pub(crate) event_id: EventId,
    /// `sharedEventID` in both records.
    pub(crate) id: EventId,
}

/// Whose record it is.
#[derive(Clone, Copy)]
pub(crate) enum Recipient<'a> {
    Caller,
    Owner(&'a Shared),
}

/// An element of `resources`.
#[derive(Clone)]
pub(crate) struct Resourced {
    pub(crate) arn: String,
    pub(crate) account: AccountId,
    pub(crate) resource_type: &'static str,
}

/// `tlsDetails`.
#[derive(Clone)]
pub(crate) struct Connection {
    pub(crate) version: String,
    pub(crate) cipher_suite: String,
    pub(crate) host: String,
}

/// How a request ended.
#[derive(Clone, Copy)]
pub(crate) enum Ending<'a> {
    Success(&'a dyn Output),
    /// It succeeded, and its output is not recorded.
    Done,
    Failure(&'a Error),
}

/// The input as a record has it, without secrets.
pub(crate) fn request_parameters(
    parameters: &Parameters<'_>,
    operation: &iamd_api::Operation,
) -> Option<Part<'static>> {
    let mut json = Vec::with_capacity(USUAL_PART);
    cloudtrail::write_request_parameters(&mut json, parameters, operation);
    Part::written(&json).ok().flatten()
}

impl Event {
    /// The record as a line: `line` says how it is cut to its place.
    pub(crate) fn line(
        &self,
        caller: &Caller,
        ending: Ending<'_>,
        recipient: Recipient<'_>,
        line: fn(&Record<'_>) -> Vec<u8>,
    ) -> Result<Vec<u8>, Error> {
        let issuer = Issuer::of(caller);
        let address = self.facts.source_ip.map(address_text).unwrap_or_default();
        let role_arn = self.role_arn();
        let (exception, message) = match ending {
            Ending::Success(_) | Ending::Done => (None, None),
            Ending::Failure(error) => (Some(self.exception(error)), Some(error.message())),
        };
        let mut record = Record {
            user_identity: user_identity(caller, issuer.as_ref()),
            event_time: self.facts.now,
            service: self.service.name,
            event_name: event_name(self.service.name, self.operation.name),
            aws_region: &self.facts.region,
            source_ip_address: &address,
            user_agent: self.facts.user_agent.as_deref(),
            error_code: exception,
            error_message: message,
            request_parameters: self.parameters.as_ref().map(Part::borrowed),
            response_elements: self.response_elements(ending)?,
            additional_event_data: self.additional.as_ref().map(Part::borrowed),
            request_id: self.request_id,
            event_id: self.id,
            read_only: self.operation.read_only,
            resources: self
                .resources
                .iter()
                .map(Resourced::shown)
                .chain(role_arn.iter().filter_map(role_resource))
                .collect(),
            event_type: EventType::AwsApiCall,
            recipient_account_id: caller.account,
            shared_event_id: self.shared.get().map(|shared| shared.id),
            event_category: self.category,
            tls_details: self.connection.as_ref().map(|connection| TlsDetails {
                tls_version: &connection.version,
                cipher_suite: &connection.cipher_suite,
                client_provided_host_header: &connection.host,
            }),
            session_credential_from_console: caller.session_kind() == Some(SessionKind::Console),
        };
        if self.service.name == "s3" && matches!(caller.principal, Acting::Bearer(None)) {
            record.user_identity = UserIdentity::Anonymous;
        }
        if let Recipient::Owner(shared) = recipient {
            // All that another account learns of a caller.
            record.user_identity =
                UserIdentity::AwsAccount { principal_id: &caller.user_id, account: caller.account };
            record.recipient_account_id = shared.owner;
            record.event_id = shared.event_id;
        }
        Ok(line(&record))
    }

    fn response_elements(&self, ending: Ending<'_>) -> Result<Option<Part<'static>>, Error> {
        let Ending::Success(output) = ending else { return Ok(None) };
        let mut json = Vec::with_capacity(USUAL_PART);
        output.write_response_elements(&mut json, self.service, self.operation)?;
        Part::written(&json).map_err(Error::internal)
    }

    /// The error's name in records: the exception's where the model has one.
    fn exception(&self, error: &Error) -> &'static str {
        let code = error.code().as_str();
        self.service.error(code).map_or(code, |shape| shape.exception)
    }

    /// The role that a call of the AssumeRole family is about.
    fn role_arn(&self) -> Option<Arn> {
        if self.service.name != "sts" {
            return None;
        }
        Arn::parse(self.parameters.as_ref()?.tree()?.get("roleArn")?.as_str()?).ok()
    }
}

/// The name of an operation in records, which S3 has others for (S3 User Guide, "Amazon S3 CloudTrail events").
fn event_name(service: &str, operation: &'static str) -> &'static str {
    match (service, operation) {
        ("s3", "ListObjectsV2") => "ListObjects",
        ("s3", "DeletePublicAccessBlock") => "DeleteBucketPublicAccessBlock",
        ("s3", "GetPublicAccessBlock") => "GetBucketPublicAccessBlock",
        ("s3", "PutPublicAccessBlock") => "PutBucketPublicAccessBlock",
        ("s3", "GetBucketLifecycleConfiguration") => "GetBucketLifecycle",
        ("s3", "PutBucketLifecycleConfiguration") => "PutBucketLifecycle",
        ("s3", "GetBucketNotificationConfiguration") => "GetBucketNotification",
        ("s3", "PutBucketNotificationConfiguration") => "PutBucketNotification",
        _ => operation,
    }
}

impl Resourced {
    fn shown(&self) -> Resource<'_> {
        Resource { arn: &self.arn, account: self.account, resource_type: self.resource_type }
    }
}

fn role_resource(arn: &Arn) -> Option<Resource<'_>> {
    Some(Resource {
        arn: arn.as_str(),
        account: arn.account_id()?,
        resource_type: "AWS::IAM::Role",
    })
}

/// Whoever issued the caller's session.
pub(crate) struct Issuer {
    /// `AROA…`, `AIDA…` or the account id.
    id: String,
    arn: String,
}

impl Issuer {
    /// `None` for callers of whom a record tells no issuer.
    pub(crate) fn of(caller: &Caller) -> Option<Self> {
        let (id, arn) = match &caller.principal {
            Acting::Role { role, .. } => (role.id().to_string(), caller.principal_arn().to_owned()),
            Acting::Federated { user: Some(user), .. } => {
                (user.id().to_string(), caller.issuer_arn())
            }
            Acting::Federated { user: None, .. } => {
                (caller.account.to_string(), caller.issuer_arn())
            }
            Acting::Root | Acting::User(_) | Acting::Bearer(_) => return None,
        };
        Some(Self { id, arn })
    }
}

/// An address as `Display` writes it, which takes a tenth of the time of a whole record for IPv4.
pub(crate) fn address_text(address: IpAddr) -> String {
    let IpAddr::V4(address) = address else { return address.to_string() };
    let mut text = String::with_capacity(15);
    for octet in address.octets() {
        if !text.is_empty() {
            text.push('.');
        }
        for unit in [100, 10, 1] {
            if octet >= unit || unit == 1 {
                text.push(char::from(b'0' + octet / unit % 10));
            }
        }
    }
    text
}

/// `issuer` is whoever issued the caller's session.
pub(crate) fn user_identity<'a>(
    caller: &'a Caller,
    issuer: Option<&'a Issuer>,
) -> UserIdentity<'a> {
    let issuer = |issuer_type, user_name| {
        issuer.map(|issuer| SessionIssuer {
            issuer_type,
            principal_id: &issuer.id,
            arn: &issuer.arn,
            account: caller.account,
            user_name,
        })
    };
    let principal = |user_name, issuer: Option<SessionIssuer<'a>>| Principal {
        principal_id: &caller.user_id,
        arn: &caller.arn,
        account: caller.account,
        access_key_id: caller.access_key_id.as_ref().map(AccessKeyId::as_str),
        user_name,
        session: caller.session().map(|session| SessionContext {
            issuer,
            federated_provider: session.federated_provider.as_deref(),
            created: session.issued,
            mfa_authenticated: session.mfa_authenticated_at.is_some(),
            source_identity: session.source_identity.as_deref(),
        }),
        invoked_by: None,
    };
    match &caller.principal {
        Acting::Bearer(Some(bearer)) => UserIdentity::WebIdentityUser(Federated {
            principal_id: &bearer.principal_id,
            user_name: &bearer.subject,
            identity_provider: &bearer.provider,
        }),
        Acting::Bearer(None) => UserIdentity::Unknown { account: None, principal_id: None },
        Acting::Root => UserIdentity::Root(principal(None, None)),
        Acting::User(user) => UserIdentity::IamUser(principal(Some(user.name()), None)),
        Acting::Role { role, .. } => {
            UserIdentity::AssumedRole(principal(None, issuer(IssuerType::Role, Some(role.name()))))
        }
        Acting::Federated { user: Some(user), .. } => {
            let issuer = issuer(IssuerType::IamUser, Some(user.name()));
            UserIdentity::FederatedUser(principal(None, issuer))
        }
        Acting::Federated { user: None, .. } => {
            UserIdentity::FederatedUser(principal(None, issuer(IssuerType::Root, None)))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn addresses_are_written_as_they_are_shown(address: IpAddr) {
            prop_assert_eq!(address_text(address), address.to_string());
        }
    }
}
