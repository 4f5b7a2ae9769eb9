//! Claims of well-known providers that become condition keys besides `sub`, `aud` and the like (Service
//! Authorization Reference: AssumeRoleWithWebIdentity). For any other provider AWS takes none.

const GITHUB: &[&str] = &[
    "actor",
    "actor_id",
    "enterprise_id",
    "environment",
    "job_workflow_ref",
    "ref",
    "repository",
    "repository_id",
    "repository_owner_id",
    "workflow",
];
const GITLAB: &[&str] = &[
    "namespace_id",
    "pipeline_source",
    "project_id",
    "ref_protected",
    "runner_environment",
    "user_access_level",
    "user_email",
    "user_id",
    "user_login",
];
const BUILDKITE: &[&str] = &[
    "build_branch",
    "cluster_id",
    "cluster_name",
    "organization_id",
    "organization_slug",
    "pipeline_id",
    "pipeline_slug",
];

/// The claims of the provider at this URL (without `https://`) that become condition keys.
pub(crate) fn claims_of(url: &str) -> &'static [&'static str] {
    let host = url.split('/').next().unwrap_or_default();
    let is_github = host == "token.actions.githubusercontent.com"
        || host.starts_with("token.actions.") && host.ends_with(".ghe.com")
        || url.starts_with("github.com/enterprises/");
    let is_buildkite = host == "agent.buildkite.com"
        || host.starts_with("agent.")
            && [".buildkite.dev", ".buildkite.site"].iter().any(|end| host.ends_with(end));
    match host {
        "gitlab.com" => GITLAB,
        "accounts.google.com" => &["google/organization_number"],
        _ if url.starts_with("oidc.circleci.com/org/") => &["oidc.circleci.com/project-id"],
        _ if is_github => GITHUB,
        _ if is_buildkite => BUILDKITE,
        _ => &[],
    }
}
