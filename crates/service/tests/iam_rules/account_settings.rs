//! Account properties, the tokens of the global endpoint, and what is refused by rule.

use iamd_testkit::TestServer;

use super::given;

#[tokio::test]
async fn properties_are_put_one_by_one_and_survive_others() {
    let server = TestServer::start().await;
    given(
        &server,
        "PutAccountProperties Properties.entry.1.key=team/color Properties.entry.1.value=blue Properties.entry.2.key=plain Properties.entry.2.value=1
PutAccountProperties Properties.entry.1.key=plain Properties.entry.1.value=2",
    )
    .await;
    let got = server.as_root("GetAccountProperties").await.ok();
    let entry = |key, value| format!("<entry><key>{key}</key><value>{value}</value></entry>");
    assert!(got.body.contains(&entry("team/color", "blue")), "{}", got.body);
    assert!(got.body.contains(&entry("plain", "2")), "{}", got.body);
    let bad = "PutAccountProperties Properties.entry.1.key=1x Properties.entry.1.value=1";
    server.as_root(bad).await.refused("ValidationError");
    let many: String = (0..49)
        .map(|n| format!(" Properties.entry.{0}.key=k{n} Properties.entry.{0}.value=1", n + 1))
        .collect();
    server.as_root(&format!("PutAccountProperties{many}")).await.refused("InvalidInput");
}

#[tokio::test]
async fn the_summary_shows_the_token_version() {
    let server = TestServer::start().await;
    let shown = async |version| {
        let summary = server.as_root("GetAccountSummary").await.ok();
        let wanted = format!("<key>GlobalEndpointTokenVersion</key><value>{version}</value>");
        assert!(summary.body.contains(&wanted), "{}", summary.body);
    };
    shown(1).await;
    let set = "SetSecurityTokenServicePreferences GlobalEndpointTokenVersion";
    given(&server, &format!("{set}=v2Token")).await;
    shown(2).await;
    given(&server, &format!("{set}=v1Token")).await;
    shown(1).await;
    server.as_root(&format!("{set}=v3Token")).await.refused("ValidationError");
}

#[tokio::test]
async fn no_account_is_in_an_organization() {
    let server = TestServer::start().await;
    server.as_root("ListOrganizationsFeatures").await.refused_with(
        "OrganizationNotFoundException",
        "No organization is associated with your account.",
    );
    let line = "GenerateOrganizationsAccessReport EntityPath=nonsense-nonsense-nonsense";
    server.as_root(line).await.refused("ValidationError");
}

#[tokio::test]
async fn no_delegation_request_is_there() {
    let server = TestServer::start().await;
    let list = server.as_root("ListDelegationRequests").await.ok();
    assert_eq!(list.text("isTruncated"), "false", "{}", list.body);
    server.as_root("ListDelegationRequests Marker=x").await.refused("ValidationError");
    let line = "GetHumanReadableSummary EntityArn=arn:aws:iam::111122223333:user/alice";
    server.as_root(line).await.refused("InvalidInput");
    let line = "AcceptDelegationRequest DelegationRequestId=short";
    server.as_root(line).await.refused("ValidationError");
}
