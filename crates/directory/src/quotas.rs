//! How many of everything an account may have, and how large documents may be.
//!
//! The defaults are those of a new AWS account ("IAM and AWS STS quotas", IAM User Guide).

/// The quotas of one account. Counts are numbers of entities, sizes are characters of a policy
/// document without its white space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is named as AWS names the quota")]
pub struct Quotas {
    pub users: u64,
    pub groups: u64,
    pub roles: u64,
    pub instance_profiles: u64,
    pub policies: u64,
    pub policy_versions_in_use: u64,
    pub server_certificates: u64,
    pub groups_per_user: u64,
    pub attached_policies_per_user: u64,
    pub attached_policies_per_group: u64,
    pub attached_policies_per_role: u64,
    pub versions_per_policy: u64,
    pub access_keys_per_user: u64,
    pub signing_certificates_per_user: u64,
    pub tags_per_entity: u64,
    pub user_policy_size: u64,
    pub group_policy_size: u64,
    pub role_policy_size: u64,
    pub policy_size: u64,
    pub assume_role_policy_size: u64,
    pub oidc_providers: u64,
    pub client_ids_per_oidc_provider: u64,
    pub saml_providers: u64,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
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
    }
}
