//! Principals in trust policies: who can be named, and what becomes of those who go.

use iamd_testkit::{Credentials, TestServer};

use super::{all_refused, given, root, trusting};

fn decoded(answer: &iamd_testkit::Answer) -> String {
    let text = answer.text("AssumeRolePolicyDocument");
    let mut bytes = vec![];
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        match (first, after) {
            (b'%', [high, low, after @ ..]) => {
                let digits = [*high, *low];
                let hex = std::str::from_utf8(&digits).unwrap();
                bytes.push(u8::from_str_radix(hex, 16).unwrap());
                rest = after;
            }
            _ => bytes.push(*first),
        }
    }
    String::from_utf8(bytes).unwrap()
}

async fn shown(server: &TestServer) -> String {
    decoded(&root(server, "GetRole RoleName=r").await.ok())
}

const ASSUME: &str = "sts:AssumeRole RoleArn=arn:aws:iam::111122223333:role/r RoleSessionName=s1";

#[tokio::test]
async fn a_deleted_user_is_shown_as_an_id_and_its_successor_is_not_trusted() {
    let server = TestServer::start().await;
    let first = server.user("alice").await;
    let trust = trusting(r#"{"AWS":"arn:aws:iam::111122223333:user/alice"}"#);
    given(&server, &format!("CreateRole RoleName=r AssumeRolePolicyDocument={trust}")).await;
    assert_eq!(shown(&server).await, trust);
    server.ask(&first, ASSUME).await.ok();

    let id = root(&server, "GetUser UserName=alice").await.ok().text("UserId");
    let key = &first.access_key_id;
    given(
        &server,
        &format!("DeleteAccessKey UserName=alice AccessKeyId={key}\nDeleteUser UserName=alice"),
    )
    .await;
    assert_eq!(shown(&server).await, trusting(&format!(r#"{{"AWS":"{id}"}}"#)));
    let second = server.user("alice").await;
    assert_eq!(shown(&server).await, trusting(&format!(r#"{{"AWS":"{id}"}}"#)));
    let message = "User: arn:aws:iam::111122223333:user/alice is not authorized to perform: \
                   sts:AssumeRole on resource: arn:aws:iam::111122223333:role/r";
    server.ask(&second, ASSUME).await.refused_with("AccessDenied", message);
    given(&server, &format!("UpdateAssumeRolePolicy RoleName=r PolicyDocument={trust}")).await;
    server.ask(&second, ASSUME).await.ok();
}

#[tokio::test]
async fn a_renamed_user_is_still_trusted_and_shown_by_its_name() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let trust = trusting(r#"{"AWS":["arn:aws:iam::111122223333:user/alice"]}"#);
    given(
        &server,
        &format!(
            "CreateRole RoleName=r AssumeRolePolicyDocument={trust}
UpdateUser UserName=alice NewUserName=ada NewPath=/x/"
        ),
    )
    .await;
    assert_eq!(
        shown(&server).await,
        trusting(r#"{"AWS":["arn:aws:iam::111122223333:user/x/ada"]}"#)
    );
    server.ask(&alice, ASSUME).await.ok();
    let other = server.user("alice").await;
    server.ask(&other, ASSUME).await.refused("AccessDenied");
}

#[tokio::test]
async fn a_deleted_role_is_shown_as_an_id_and_its_successor_is_not_trusted() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let to_alice = trusting(r#"{"AWS":"arn:aws:iam::111122223333:user/alice"}"#);
    let make = format!("CreateRole RoleName=middle AssumeRolePolicyDocument={to_alice}");
    given(&server, &make).await;
    let id = root(&server, "GetRole RoleName=middle").await.ok().text("RoleId");
    let trust = trusting(r#"{"AWS":"arn:aws:iam::111122223333:role/middle"}"#);
    given(&server, &format!("CreateRole RoleName=r AssumeRolePolicyDocument={trust}")).await;
    let middle = "sts:AssumeRole RoleArn=arn:aws:iam::111122223333:role/middle RoleSessionName=s1";
    let session = Credentials::of(&server.ask(&alice, middle).await.ok());
    server.ask(&session, ASSUME).await.ok();
    given(&server, "DeleteRole RoleName=middle").await;
    given(&server, &make).await;
    assert_eq!(shown(&server).await, trusting(&format!(r#"{{"AWS":"{id}"}}"#)));
    // The old session is over with its role; a session of the new one is not trusted.
    server.ask(&session, ASSUME).await.refused("InvalidClientTokenId");
    let session = Credentials::of(&server.ask(&alice, middle).await.ok());
    server.ask(&session, ASSUME).await.refused("AccessDenied");
}

#[tokio::test]
async fn principals_of_other_accounts_are_known_by_id_too() {
    let server = TestServer::start().await;
    let other = server.new_account("444455556666").await;
    server.ask(&other, "CreateUser UserName=bob").await.ok();
    let key = |answer| Credentials::of(&answer);
    let bob = key(server.ask(&other, "CreateAccessKey UserName=bob").await.ok());
    let admin =
        "AttachUserPolicy UserName=bob PolicyArn=arn:aws:iam::aws:policy/AdministratorAccess";
    server.ask(&other, admin).await.ok();
    let id = server.ask(&other, "GetUser UserName=bob").await.ok().text("UserId");
    let trust = trusting(r#"{"AWS":"arn:aws:iam::444455556666:user/bob"}"#);
    given(&server, &format!("CreateRole RoleName=r AssumeRolePolicyDocument={trust}")).await;
    assert_eq!(shown(&server).await, trust);
    server.ask(&bob, ASSUME).await.ok();

    for line in [
        format!("DeleteAccessKey UserName=bob AccessKeyId={}", bob.access_key_id),
        admin.replace("Attach", "Detach"),
        "DeleteUser UserName=bob".to_owned(),
        "CreateUser UserName=bob".to_owned(),
        admin.to_owned(),
    ] {
        server.ask(&other, &line).await.ok();
    }
    let bob = key(server.ask(&other, "CreateAccessKey UserName=bob").await.ok());
    server.ask(&bob, ASSUME).await.refused("AccessDenied");
    let _ = id;
}

#[tokio::test]
async fn principals_that_are_not_there_are_refused() {
    let server = TestServer::start().await;
    given(&server, "CreateRole RoleName=r AssumeRolePolicyDocument={TRUST}\nCreateUser UserName=Alice Path=/p/").await;
    let refused = [
        r#"{"AWS":"arn:aws:iam::111122223333:user/ghost"}"#,
        r#"{"AWS":"arn:aws:iam::111122223333:role/ghost"}"#,
        // By path and spelling, as it stands in the ARN.
        r#"{"AWS":"arn:aws:iam::111122223333:user/Alice"}"#,
        r#"{"AWS":"arn:aws:iam::111122223333:user/p/alice"}"#,
        r#"{"AWS":"arn:aws:iam::111122223333:group/devs"}"#,
        r#"{"AWS":"arn:aws:iam::999999999999:root"}"#,
        r#"{"AWS":"999999999999"}"#,
        r#"{"AWS":"AIDAAAAAAAAAAAAAAAAAA"}"#,
        r#"{"AWS":"arn:aws:iam::111122223333:user/*"}"#,
    ];
    for principal in refused {
        let name = principal.split('"').nth(3).unwrap();
        let message = format!(r#"Invalid principal in policy: "AWS":"{name}""#);
        let trust = trusting(principal);
        let lines = format!(
            "CreateRole RoleName=s AssumeRolePolicyDocument={trust}
UpdateAssumeRolePolicy RoleName=r PolicyDocument={trust}"
        );
        all_refused(&server, "MalformedPolicyDocument", &message, &lines).await;
    }
    for (principal, message) in [
        (r#"{"Service":"nonsense"}"#, r#"Invalid principal in policy: "SERVICE":"nonsense""#),
        (r#"{"Federated":"nonsense"}"#, r#"Invalid principal in policy: "FEDERATED":"nonsense""#),
        (r#"{"AWS":"nonsense"}"#, "Invalid principal in policy."),
    ] {
        let line =
            format!("CreateRole RoleName=s AssumeRolePolicyDocument={}", trusting(principal));
        all_refused(&server, "MalformedPolicyDocument", message, &line).await;
    }
    for principal in [
        r#""*""#,
        r#"{"AWS":"*"}"#,
        r#"{"AWS":"111122223333"}"#,
        r#"{"AWS":"arn:aws:iam::111122223333:root"}"#,
        r#"{"AWS":"arn:aws:iam::111122223333:user/p/Alice"}"#,
        r#"{"AWS":"arn:aws:sts::111122223333:assumed-role/r/s1"}"#,
        r#"{"Service":["ec2.amazonaws.com","s3.amazonaws.com"]}"#,
        r#"{"Federated":"cognito-identity.amazonaws.com"}"#,
    ] {
        let trust = trusting(principal);
        given(&server, &format!("UpdateAssumeRolePolicy RoleName=r PolicyDocument={trust}")).await;
        assert_eq!(shown(&server).await, trust);
    }
}

#[tokio::test]
async fn trust_policies_have_their_own_form() {
    let server = TestServer::start().await;
    let trust = |statement: &str| {
        format!(r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow",{statement}}}}}"#)
    };
    let service = r#""Principal":{"Service":"ec2.amazonaws.com"}"#;
    for (document, message) in [
        ("{".to_owned(), "This policy contains invalid Json"),
        ("[]".to_owned(), "Syntax errors in policy."),
        (
            trust(&format!(r#"{service},"Action":"sts:AssumeRole","Resource":"*""#)),
            "Has prohibited field Resource",
        ),
        (
            trust(&format!(r#"{service},"Action":"s3:GetObject""#)),
            "AssumeRole policy may only specify STS AssumeRole actions.",
        ),
        (
            trust(&format!(r#"{service},"Action":"*""#)),
            "AssumeRole policy may only specify STS AssumeRole actions.",
        ),
        (trust(r#""Action":"sts:AssumeRole""#), "Missing required field Principal"),
    ] {
        let line = format!("CreateRole RoleName=r AssumeRolePolicyDocument={document}");
        all_refused(&server, "MalformedPolicyDocument", message, &line).await;
    }
}
