//! The operations of IAM: one unit struct each, in the module of its kind of resource.
//!
//! An operation says what it needs permission for, checks IAM's rules, and reads or changes an
//! account. This crate must not know HTTP, XML, status codes or storage engines.

mod access_advisor;
mod access_key;
mod account;
mod account_settings;
mod attachment;
mod authorization_details;
mod boundary;
mod credential_report;
mod delegation;
mod documents;
mod group;
mod held;
mod holder;
mod inline_policy;
mod instance_profile;
mod login_profile;
mod managed_policy;
mod membership;
mod mfa;
mod oidc_provider;
mod organization;
mod outbound_federation;
mod owner;
mod page;
mod password_policy;
mod policy_entities;
mod policy_version;
mod render;
mod role;
mod saml_provider;
mod server_certificate;
mod service_credential;
mod service_linked_role;
mod signing_certificate;
mod simulate;
mod simulation;
mod simulation_input;
mod ssh_public_key;
mod status;
mod tags;
mod trust;
mod user;

use iamd_operation::Entry;

/// The tables of all modules. `iamd-service` checks them against the model.
pub const OPERATIONS: &[&[Entry]] = &[
    access_advisor::OPERATIONS,
    access_key::OPERATIONS,
    account::OPERATIONS,
    account_settings::OPERATIONS,
    attachment::OPERATIONS,
    authorization_details::OPERATIONS,
    boundary::OPERATIONS,
    credential_report::OPERATIONS,
    delegation::OPERATIONS,
    group::OPERATIONS,
    inline_policy::OPERATIONS,
    instance_profile::OPERATIONS,
    login_profile::OPERATIONS,
    managed_policy::OPERATIONS,
    membership::OPERATIONS,
    mfa::OPERATIONS,
    mfa::codes::OPERATIONS,
    password_policy::OPERATIONS,
    organization::OPERATIONS,
    policy_entities::OPERATIONS,
    policy_version::OPERATIONS,
    role::OPERATIONS,
    service_linked_role::OPERATIONS,
    simulate::OPERATIONS,
    oidc_provider::OPERATIONS,
    outbound_federation::OPERATIONS,
    saml_provider::OPERATIONS,
    server_certificate::OPERATIONS,
    service_credential::OPERATIONS,
    signing_certificate::OPERATIONS,
    ssh_public_key::OPERATIONS,
    tags::OPERATIONS,
    user::OPERATIONS,
];
