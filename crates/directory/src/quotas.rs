//! How many of everything an account may have, and how large documents may be.
//!
//! The defaults are those of a new AWS account ("IAM and AWS STS quotas", IAM User Guide).

use std::collections::HashMap;

use iamd_types::AccountId;

macro_rules! quotas {
    ($($name:ident: $default:literal,)*) => {
        /// The quotas of one account. Counts are numbers of entities, sizes are characters of a policy
        /// document without its white space.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[expect(missing_docs, reason = "each field is named as AWS names the quota")]
        pub struct Quotas {
            $(pub $name: u64,)*
        }

        impl Default for Quotas {
            fn default() -> Self {
                Self { $($name: $default,)* }
            }
        }

        impl Quotas {
            /// The names of all quotas.
            pub const NAMES: &[&str] = &[$(stringify!($name),)*];

            /// The quota of this name, to be changed.
            pub fn named(&mut self, name: &str) -> Option<&mut u64> {
                match name {
                    $(stringify!($name) => Some(&mut self.$name),)*
                    _ => None,
                }
            }
        }
    };
}

quotas! {
    users: 5000,
    groups: 300,
    roles: 1000,
    instance_profiles: 1000,
    policies: 1500,
    policy_versions_in_use: 10_000,
    server_certificates: 20,
    groups_per_user: 10,
    attached_policies_per_user: 10,
    attached_policies_per_group: 10,
    attached_policies_per_role: 10,
    versions_per_policy: 5,
    access_keys_per_user: 2,
    signing_certificates_per_user: 2,
    tags_per_entity: 50,
    user_policy_size: 2048,
    group_policy_size: 5120,
    role_policy_size: 10_240,
    policy_size: 6144,
    assume_role_policy_size: 2048,
    oidc_providers: 100,
    client_ids_per_oidc_provider: 100,
    saml_providers: 100,
}

/// The quotas of all accounts: those of most, and those of some.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QuotaTable {
    /// What holds for an account that is not named.
    pub default: Quotas,
    /// What holds for these accounts instead.
    pub accounts: HashMap<AccountId, Quotas>,
}

impl QuotaTable {
    /// The quotas of an account.
    pub fn of(&self, account: AccountId) -> Quotas {
        self.accounts.get(&account).copied().unwrap_or(self.default)
    }
}

impl From<Quotas> for QuotaTable {
    fn from(default: Quotas) -> Self {
        Self { default, accounts: HashMap::new() }
    }
}
