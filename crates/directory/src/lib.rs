//! An account's records, invariants and indexes, and the one writer that changes them.
//!
//! The account is the aggregate: the unit of consistency, of loading and of isolation. Reading takes
//! an immutable [`Account`]; changing runs a pure function on a [`Transaction`], commits its
//! operations, and publishes the result.
//!
//! This crate must not know HTTP, XML, status codes, or which engine keeps the bytes.

mod access_keys;
mod accesses;
mod account;
mod buckets;
mod catalogue;
mod credential_records;
mod credentials;
mod directory;
mod follow;
mod jobs;
mod keys;
mod names;
mod outbox;
mod packed;
mod policy_ref;
pub mod principals;
mod providers;
mod quotas;
mod records;
mod routing;
mod shared;
mod shelf;
mod signing_keys;
mod transaction;
mod usage;
mod writer;

pub use accesses::{Accessed, Accesses};
pub use account::{Account, Managed};
pub use buckets::{Bucket, BucketFields, Ownership, PublicAccessBlock, Versioning};
pub use catalogue::{AwsPolicy, Catalogue};
pub use credential_records::{
    CredentialReport, CredentialReportFields, LoginProfile, LoginProfileFields, MfaDevice,
    MfaDeviceFields, MfaKind, PasswordPolicy, PasswordPolicyFields, ServerCertificate,
    ServerCertificateFields, ServiceCredential, ServiceCredentialFields, SigningCertificate,
    SigningCertificateFields, SshPublicKey, SshPublicKeyFields, WrongCodes,
};
pub use credentials::Credentials;
pub use directory::Directory;
pub use follow::Follower;
pub use iamd_store::Revision;
pub use jobs::{Job, Jobs};
pub use names::{Entities, Entity};
pub use outbox::{OutboxEntry, Receipt};
pub use packed::{Fixed, List, OwnedList, Tags, Texts, Unreadable};
pub use policy_ref::PolicyRef;
pub use providers::{
    OidcProvider, OidcProviderFields, SamlProvider, SamlProviderFields, TokenIssuer,
    TokenIssuerFields, TokenKey, TokenKeyFields,
};
pub use quotas::{QuotaTable, Quotas};
pub use records::{
    AccessKey, AccessKeyFields, AccountFields, AccountRecord, Group, GroupFields, InlinePolicy,
    InlinePolicyFields, InstanceProfile, InstanceProfileFields, ManagedPolicy, ManagedPolicyFields,
    PolicyVersion, PolicyVersionFields, Role, RoleFields, User, UserFields,
};
pub use routing::{Route, Routing};
pub use shelf::{Holder, Shelf, Shelved};
pub use signing_keys::KeyCache;
pub use transaction::{Origin, Transaction};
pub use usage::{LastUsed, Usage};
