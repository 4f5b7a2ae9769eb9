//! The condition keys of a request: what the server knows, never what a header claims to be.

use std::borrow::Cow;
use std::net::IpAddr;

use iamd_credentials::SessionKind;
use iamd_policy::Context;
use iamd_types::Timestamp;

use crate::access::Access;
use crate::caller::{Caller, Principal};

/// What is known of the request itself.
#[derive(Clone)]
pub struct RequestFacts {
    /// When it was taken.
    pub now: Timestamp,
    /// The caller's address: the peer's, or one that a trusted proxy tells.
    pub source_ip: Option<IpAddr>,
    /// The `User-Agent` header, as sent. Evidence of nothing.
    pub user_agent: Option<String>,
    /// The `Referer` header, as sent.
    pub referer: Option<String>,
    /// Whether the caller's connection is TLS.
    pub secure_transport: bool,
    /// `aws:RequestedRegion`: the credential scope's, or `us-east-1` for global services.
    pub region: Cow<'static, str>,
}

/// The context of one access. Keys and their presence are those of "AWS global condition context
/// keys" (IAM User Guide).
pub(crate) fn context(caller: &Caller, facts: &RequestFacts, access: &Access<'_>) -> Context {
    let mut context = Context::new();
    put_principal(&mut context, caller);
    put_session(&mut context, caller, facts);
    put_request(&mut context, facts);
    if let Some(account) = access.resource_account {
        context.set("aws:ResourceAccount", account.to_string());
    }
    for (key, values) in &access.keys {
        match values {
            iamd_policy::Values::Single(value) => context.set(key, value.clone()),
            iamd_policy::Values::Multiple(values) => context.set_many(key, values.iter().cloned()),
        }
    }
    context
}

fn put_principal(context: &mut Context, caller: &Caller) {
    if let Principal::Bearer(_) = caller.principal {
        // What the token says are keys of the action.
        context.set("aws:PrincipalType", caller.principal_type());
        return;
    }
    context.set("aws:PrincipalArn", caller.principal_arn());
    context.set("aws:PrincipalAccount", caller.account.to_string());
    context.set("aws:PrincipalType", caller.principal_type());
    context.set("aws:PrincipalIsAWSService", "false");
    context.set("aws:userid", caller.user_id.as_str());
    match &caller.principal {
        Principal::User(user) => {
            context.set("aws:username", user.name());
            for (key, value) in user.tags() {
                context.set(&format!("aws:PrincipalTag/{key}"), value);
            }
        }
        Principal::Role { role, .. } => {
            for (key, value) in role.tags() {
                context.set(&format!("aws:PrincipalTag/{key}"), value);
            }
        }
        // The user's tags hold for those whom the user lets in, unless the session has a tag of the same key
        // (STS API reference, GetFederationToken).
        Principal::Federated { user: Some(user), .. } => {
            for (key, value) in user.tags() {
                context.set(&format!("aws:PrincipalTag/{key}"), value);
            }
        }
        Principal::Root | Principal::Bearer(_) | Principal::Federated { user: None, .. } => {}
    }
}

fn put_session(context: &mut Context, caller: &Caller, facts: &RequestFacts) {
    let Some(session) = caller.session() else { return };
    context.set("aws:TokenIssueTime", session.issued.to_string());
    // Session tags replace the role's own tags of the same key.
    for tag in &session.tags {
        context.set(&format!("aws:PrincipalTag/{}", tag.key), tag.value.as_str());
    }
    if let Some(identity) = &session.source_identity {
        context.set("aws:SourceIdentity", identity.as_str());
    }
    if let Some(provider) = &session.federated_provider {
        context.set("aws:FederatedProvider", provider.as_str());
    }
    // AWS: sessions of roles carry no MFA context of their own.
    if session.kind != SessionKind::Role {
        let present = session.mfa_authenticated_at.is_some();
        context.set("aws:MultiFactorAuthPresent", present.to_string());
    }
    if let Some(at) = session.mfa_authenticated_at {
        let age = facts.now.seconds().saturating_sub(at.seconds()).max(0);
        context.set("aws:MultiFactorAuthAge", age.to_string());
    }
}

fn put_request(context: &mut Context, facts: &RequestFacts) {
    context.set("aws:CurrentTime", facts.now.to_string());
    context.set("aws:EpochTime", facts.now.seconds().to_string());
    context.set("aws:SecureTransport", facts.secure_transport.to_string());
    context.set("aws:ViaAWSService", "false");
    context.set("aws:RequestedRegion", &*facts.region);
    if let Some(address) = facts.source_ip {
        context.set("aws:SourceIp", address.to_string());
    }
    if let Some(agent) = &facts.user_agent {
        context.set("aws:UserAgent", agent.as_str());
    }
    if let Some(referer) = &facts.referer {
        context.set("aws:referer", referer.as_str());
    }
}
