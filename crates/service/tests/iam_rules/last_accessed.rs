//! Access advisor and when roles were last used.

use iamd_testkit::{Credentials, TestServer};

use super::{given, root};

const ADMIN: &str = "arn:aws:iam::aws:policy/AdministratorAccess";

/// Alice in the group `ops` of administrators; her credentials.
async fn alice(server: &TestServer) -> Credentials {
    given(
        server,
        &format!(
            "CreateUser UserName=alice
            CreateUser UserName=bob
            CreateGroup GroupName=ops
            AttachGroupPolicy GroupName=ops PolicyArn={ADMIN}
            AddUserToGroup GroupName=ops UserName=alice
            AddUserToGroup GroupName=ops UserName=bob
            PutUserPolicy UserName=alice PolicyName=Own PolicyDocument={{DOCUMENT}}"
        ),
    )
    .await;
    Credentials::of(&root(server, "CreateAccessKey UserName=alice").await.ok())
}

async fn job(server: &TestServer, arn: &str, granularity: &str) -> String {
    let line = format!("GenerateServiceLastAccessedDetails Arn={arn} Granularity={granularity}");
    root(server, &line).await.ok().text("JobId")
}

/// The element of one service in a report.
async fn service(server: &TestServer, job: &str, namespace: &str) -> String {
    let line = format!("GetServiceLastAccessedDetails JobId={job} MaxItems=1000");
    let report = root(server, &line).await.ok();
    assert_eq!(report.text("JobStatus"), "COMPLETED");
    let wanted = format!("<ServiceNamespace>{namespace}</ServiceNamespace>");
    let mut services = report.body.split("</TotalAuthenticatedEntities>");
    let found = services.find(|service| service.contains(&wanted)).unwrap();
    let mut rest = report.body.split(&wanted).nth(1).unwrap().to_owned();
    rest.truncate(rest.find("<ServiceName>").unwrap_or(rest.len()));
    format!("{}{rest}", found.rsplit("<ServiceName>").next().unwrap())
}

#[tokio::test]
async fn a_report_tells_who_used_what_and_what_was_never_used() {
    let server = TestServer::start().await;
    let alice = alice(&server).await;
    server.ask(&alice, "ListUsers").await.ok();
    server.ask(&alice, "GetUser UserName=nobody").await.refused("NoSuchEntity");
    let user = "arn:aws:iam::111122223333:user/alice";
    let report = job(&server, user, "ACTION_LEVEL").await;
    let iam = service(&server, &report, "iam").await;
    let entity = format!("<LastAuthenticatedEntity>{user}</LastAuthenticatedEntity>");
    assert!(iam.contains(&entity) && iam.contains("us-east-1"), "{iam}");
    assert!(iam.contains("<TotalAuthenticatedEntities>1</TotalAuthenticatedEntities>"), "{iam}");
    for (action, used) in [("ListUsers", true), ("GetUser", true), ("DeleteUser", false)] {
        let name = format!("<ActionName>{action}</ActionName>");
        let rest = iam.split(&name).nth(1).unwrap();
        assert_eq!(rest.starts_with("<LastAccessedEntity>"), used, "{action}");
    }
    let s3 = service(&server, &report, "s3").await;
    assert!(!s3.contains("LastAuthenticated<") && !s3.contains("ActionName"), "{s3}");
    assert!(s3.contains("<TotalAuthenticatedEntities>0</TotalAuthenticatedEntities>"), "{s3}");

    for subject in [ADMIN, "arn:aws:iam::111122223333:group/ops"] {
        let report = job(&server, subject, "SERVICE_LEVEL").await;
        let iam = service(&server, &report, "iam").await;
        assert!(iam.contains(&entity) && !iam.contains("ActionName"), "{iam}");
        let line = format!(
            "GetServiceLastAccessedDetailsWithEntities JobId={report} ServiceNamespace=iam"
        );
        let entities = root(&server, &line).await.ok();
        assert_eq!(entities.texts("Name"), ["alice", "bob"]);
        assert_eq!(entities.texts("LastAuthenticated").len(), 1);
        assert_eq!(entities.members("EntityInfo"), ["Arn", "Name", "Type", "Id", "Path"]);
    }
}

#[tokio::test]
async fn reports_page_and_belong_to_their_account() {
    let server = TestServer::start().await;
    alice(&server).await;
    let report = job(&server, "arn:aws:iam::111122223333:user/alice", "SERVICE_LEVEL").await;
    let line = format!("GetServiceLastAccessedDetails JobId={report} MaxItems=300");
    let first = root(&server, &line).await.ok();
    let line = format!("{line} Marker={}", first.text("Marker"));
    let second = root(&server, &line).await.ok();
    let pages = [first.texts("ServiceNamespace"), second.texts("ServiceNamespace")].concat();
    assert_eq!(pages.len(), 456);
    assert!(pages.is_sorted());
    let other = server.new_account("999988887777").await;
    let line = format!("GetServiceLastAccessedDetails JobId={report}");
    server.ask(&other, &line).await.refused("NoSuchEntity");
    let line = format!(
        "GetServiceLastAccessedDetailsWithEntities JobId={report} ServiceNamespace=nothing"
    );
    root(&server, &line).await.refused("InvalidInput");
    for (arn, code) in [
        ("{ME}:user/nobody", "NoSuchEntity"),
        ("{ME}:policy/nothing", "NoSuchEntity"),
        ("arn:aws:s3:::bucket-of-ours", "InvalidInput"),
    ] {
        let line = format!("GenerateServiceLastAccessedDetails Arn={arn}");
        root(&server, &line).await.refused(code);
    }
}

#[tokio::test]
async fn policies_that_grant_a_service_are_listed_with_their_owners() {
    let server = TestServer::start().await;
    alice(&server).await;
    let line = "ListPoliciesGrantingServiceAccess Arn={ME}:user/alice ServiceNamespaces.member.1=s3 ServiceNamespaces.member.2=iam";
    let answer = root(&server, line).await.ok();
    assert_eq!(answer.texts("ServiceNamespace"), ["s3", "iam"]);
    let admin = "AdministratorAccess";
    assert_eq!(answer.texts("PolicyName"), ["Own", admin, admin]);
    assert_eq!(answer.texts("PolicyType"), ["INLINE", "MANAGED", "MANAGED"]);
    assert_eq!(answer.texts("EntityName"), ["alice"]);
    assert_eq!(answer.texts("PolicyArn"), [ADMIN, ADMIN]);
}

#[tokio::test]
async fn a_role_shows_when_and_where_it_was_last_used() {
    let server = TestServer::start().await;
    let trust = super::trusting(r#"{"AWS":"111122223333"}"#);
    let parameters = [("RoleName", "r"), ("AssumeRolePolicyDocument", trust.as_str())];
    server.call(&server.root, "CreateRole", &parameters).await.ok();
    let line = "PutRolePolicy RoleName=r PolicyName=p PolicyDocument={DOCUMENT}";
    given(&server, line).await;
    given(&server, "CreateUser UserName=u").await;
    let line = "AttachUserPolicy UserName=u PolicyArn=arn:aws:iam::aws:policy/AdministratorAccess";
    given(&server, line).await;
    let user = Credentials::of(&root(&server, "CreateAccessKey UserName=u").await.ok());
    let shown = async || root(&server, "GetRole RoleName=r").await.ok();
    let line = "sts:AssumeRole RoleArn=arn:aws:iam::111122223333:role/r RoleSessionName=work";
    let session = Credentials::of(&server.ask(&user, line).await.ok());
    assert!(
        shown().await.body.contains("<RoleLastUsed></RoleLastUsed>")
            || shown().await.members("RoleLastUsed").is_empty()
    );
    // A refused request is a use, too.
    server.ask(&session, "ListUsers").await.refused("AccessDenied");
    assert_eq!(shown().await.members("RoleLastUsed"), ["LastUsedDate", "Region"]);
    assert_eq!(shown().await.text("Region"), "us-east-1");
    let details = root(&server, "GetAccountAuthorizationDetails Filter.member.1=Role").await.ok();
    assert_eq!(details.members("RoleLastUsed"), ["LastUsedDate", "Region"]);
}
