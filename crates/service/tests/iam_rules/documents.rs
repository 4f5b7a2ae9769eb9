//! Refusals of policy documents through the operations that take them. All checks in their order are
//! the policy crate's tests.

use iamd_testkit::TestServer;

use super::{all_refused, given};

fn statement(text: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":{{{text}}}}}"#)
}

#[tokio::test]
async fn documents_are_refused_in_aws_words_wherever_they_are_put() {
    let server = TestServer::start().await;
    given(
        &server,
        "CreateUser UserName=u
CreateGroup GroupName=g
CreateRole RoleName=r AssumeRolePolicyDocument={TRUST}
CreatePolicy PolicyName=p PolicyDocument={DOCUMENT}",
    )
    .await;
    let allow = r#""Effect":"Allow","#;
    let cases = [
        ("nonsense".to_owned(), "Syntax errors in policy."),
        ("{}".to_owned(), "Syntax errors in policy."),
        (
            r#"{"Version":"2012-10-17","Version":"2012-10-17","Statement":[]}"#.to_owned(),
            "Syntax errors in policy.",
        ),
        (
            statement(&format!(
                r#"{allow}"Action":"s3:*","Resource":"*","Condition":{{"StringEqualls":{{"a":"b"}}}}"#
            )),
            "Syntax errors in policy.",
        ),
        (
            statement(r#""Effect":"allow","Action":"s3:*","Resource":"*""#),
            "The policy failed legacy parsing",
        ),
        (statement(&format!(r#"{allow}"Resource":"*""#)), "Policy statement must contain actions."),
        (
            statement(&format!(r#"{allow}"Action":"s3:*""#)),
            "Policy statement must contain resources.",
        ),
        (
            statement(&format!(r#"{allow}"Action":"s3:*","Resource":"x""#)),
            r#"Resource x must be in ARN format or "*"."#,
        ),
        (
            statement(&format!(r#"{allow}"Action":"s3","Resource":"*""#)),
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
        ),
        (
            statement(&format!(r#"{allow}"Action":"s3:a:b","Resource":"*""#)),
            "Actions/Condition can contain only one colon.",
        ),
        (statement(&format!(r#"{allow}"Action":"s*:a","Resource":"*""#)), "Vendor s* is not valid"),
        (
            statement(&format!(r#"{allow}"Action":"s3:*","Resource":"*","Principal":"*""#)),
            "Policy document should not specify a principal.",
        ),
    ];
    for (document, message) in cases {
        let lines = format!(
            "PutUserPolicy UserName=u PolicyName=x PolicyDocument={document}
PutGroupPolicy GroupName=g PolicyName=x PolicyDocument={document}
PutRolePolicy RoleName=r PolicyName=x PolicyDocument={document}
CreatePolicy PolicyName=x PolicyDocument={document}
CreatePolicyVersion PolicyArn={{ME}}:policy/p PolicyDocument={document}"
        );
        all_refused(&server, "MalformedPolicyDocument", message, &lines).await;
    }
}

#[tokio::test]
async fn managed_policies_have_the_newer_version() {
    let server = TestServer::start().await;
    let old =
        r#"{"Version":"2008-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#;
    let none = r#"{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#;
    given(&server, "CreateUser UserName=u").await;
    for document in [old, none] {
        let message = "Policy document must be version 2012-10-17 or greater.";
        let line = format!("CreatePolicy PolicyName=x PolicyDocument={document}");
        all_refused(&server, "MalformedPolicyDocument", message, &line).await;
        given(&server, &format!("PutUserPolicy UserName=u PolicyName=x PolicyDocument={document}"))
            .await;
    }
}
