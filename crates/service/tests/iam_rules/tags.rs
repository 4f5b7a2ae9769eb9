//! Tags of users, roles, policies and instance profiles.

use iamd_testkit::TestServer;

use super::{all_refused, given, root};

const ENTITIES: &str = "
CreateUser UserName=u
CreateRole RoleName=r AssumeRolePolicyDocument={TRUST}
CreatePolicy PolicyName=p PolicyDocument={DOCUMENT}
CreateInstanceProfile InstanceProfileName=i
";

/// How the tag operations of each kind are called.
const KINDS: [(&str, &str); 4] = [
    ("User", "UserName=u"),
    ("Role", "RoleName=r"),
    ("Policy", "PolicyArn={ME}:policy/p"),
    ("InstanceProfile", "InstanceProfileName=i"),
];

fn tag(number: usize, key: &str, value: &str) -> String {
    format!(" Tags.member.{number}.Key={key} Tags.member.{number}.Value={value}")
}

async fn tags_of(server: &TestServer, kind: &str, named: &str) -> Vec<(String, String)> {
    let listed = root(server, &format!("List{kind}Tags {named}")).await.ok();
    listed.texts("Key").into_iter().zip(listed.texts("Value")).collect()
}

fn pairs(tags: &[(&str, &str)]) -> Vec<(String, String)> {
    tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn a_new_value_takes_the_old_ones_place() {
    let server = TestServer::start().await;
    given(&server, ENTITIES).await;
    for (kind, named) in KINDS {
        let tags = tag(1, "Team", "blue") + &tag(2, "Cost", "7");
        given(&server, &format!("Tag{kind} {named}{tags}")).await;
        given(&server, &format!("Tag{kind} {named}{}", tag(1, "Team", "red"))).await;
        let expected = pairs(&[("Team", "red"), ("Cost", "7")]);
        assert_eq!(tags_of(&server, kind, named).await, expected, "{kind}");
        let untag = format!("Untag{kind} {named} TagKeys.member.1=Cost TagKeys.member.2=none");
        given(&server, &untag).await;
        assert_eq!(tags_of(&server, kind, named).await, pairs(&[("Team", "red")]), "{kind}");
    }
}

#[tokio::test]
async fn keys_compare_without_case_on_users_and_roles_alone() {
    let server = TestServer::start().await;
    given(&server, ENTITIES).await;
    for (kind, named) in KINDS {
        let twice = format!("Tag{kind} {named}{}{}", tag(1, "Team", "x"), tag(2, "TEAM", "y"));
        if kind != "User" && kind != "Role" {
            // They are different keys, but policies could not tell them apart: one may be there, not both.
            let message = "Duplicate tag keys found.";
            all_refused(&server, "InvalidInput", message, &twice).await;
            given(&server, &format!("Tag{kind} {named}{}", tag(1, "Team", "x"))).await;
            let expected = pairs(&[("Team", "x")]);
            let other = format!("Tag{kind} {named}{}", tag(1, "TEAM", "y"));
            all_refused(&server, "InvalidInput", message, &other).await;
            given(&server, &format!("Untag{kind} {named} TagKeys.member.1=team")).await;
            assert_eq!(tags_of(&server, kind, named).await, expected);
            continue;
        }
        let message = "Duplicate tag keys found. Please note that Tag keys are case insensitive.";
        all_refused(&server, "InvalidInput", message, &twice).await;
        given(&server, &format!("Tag{kind} {named}{}", tag(1, "Team", "x"))).await;
        // A new spelling of the key replaces the old.
        given(&server, &format!("Tag{kind} {named}{}", tag(1, "TEAM", "y"))).await;
        assert_eq!(tags_of(&server, kind, named).await, pairs(&[("TEAM", "y")]), "{kind}");
        given(&server, &format!("Untag{kind} {named} TagKeys.member.1=team")).await;
        assert_eq!(tags_of(&server, kind, named).await, pairs(&[]), "{kind}");
    }
}

#[tokio::test]
async fn fifty_tags_fit() {
    let server = TestServer::start().await;
    given(&server, ENTITIES).await;
    for (kind, named) in KINDS {
        let fifty: String = (1..=50).map(|n| tag(n, &format!("k{n}"), "v")).collect();
        given(&server, &format!("Tag{kind} {named}{fifty}")).await;
        given(&server, &format!("Tag{kind} {named}{}", tag(1, "k1", "again"))).await;
        let message = "The number of tags has reached the maximum limit.";
        let more = format!("Tag{kind} {named}{}", tag(1, "k51", "v"));
        all_refused(&server, "LimitExceeded", message, &more).await;
    }
    let many: String = (1..=51).map(|n| tag(n, &format!("k{n}"), "v")).collect();
    root(&server, &format!("CreateUser UserName=many{many}")).await.refused("ValidationError");
}

#[tokio::test]
async fn keys_and_values_have_their_form() {
    let server = TestServer::start().await;
    given(&server, ENTITIES).await;
    for (kind, named) in KINDS {
        let reserved = format!("Tag{kind} {named}{}", tag(1, "aws:x", "v"));
        root(&server, &reserved).await.refused("InvalidInput");
        let message = "2 validation errors detected: Value at 'tags.1.member.key' failed to satisfy \
                       constraint: Member must have length less than or equal to 128; Value at \
                       'tags.1.member.value' failed to satisfy constraint: Member must have length \
                       less than or equal to 256";
        let long = tag(1, &"k".repeat(129), &"v".repeat(257));
        let line = format!("Tag{kind} {named}{long}");
        all_refused(&server, "ValidationError", message, &line).await;
        let message = r"1 validation error detected: Value at 'tagKeys' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 128, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]+, Member must not be null]";
        let line = format!("Untag{kind} {named} TagKeys.member.1=a;b");
        all_refused(&server, "ValidationError", message, &line).await;
        assert_eq!(tags_of(&server, kind, named).await, pairs(&[]));
    }
    given(&server, &format!("TagUser UserName=u{}", tag(1, "Größe:/=+-@._", ""))).await;
    assert_eq!(tags_of(&server, "User", "UserName=u").await, pairs(&[("Größe:/=+-@._", "")]));
}

#[tokio::test]
async fn policies_of_aws_have_no_tags_of_ours() {
    let server = TestServer::start().await;
    let arn = "arn:aws:iam::aws:policy/ReadOnlyAccess";
    let line = format!("TagPolicy PolicyArn={arn}{}", tag(1, "k", "v"));
    root(&server, &line).await.refused("NoSuchEntity");
    let missing = "{ME}:policy/none";
    let lines = format!(
        "TagPolicy PolicyArn={missing}{}\nUntagPolicy PolicyArn={missing} TagKeys.member.1=k",
        tag(1, "k", "v")
    );
    let message = "Policy {ME}:policy/none was not found.";
    all_refused(&server, "NoSuchEntity", message, &lines).await;
}
