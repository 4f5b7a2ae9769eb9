//! Lists in pages.

use iamd_testkit::{Answer, TestServer};

use super::{all_refused, given, root};

/// All pages of a list, with this many items each; what happens in between is the caller's.
async fn walk(server: &TestServer, line: &str, element: &str, max: usize) -> Vec<Vec<String>> {
    let mut pages = vec![];
    let mut marker = String::new();
    loop {
        let answer = root(server, &format!("{line} MaxItems={max}{marker}")).await.ok();
        pages.push(answer.texts(element));
        match next(&answer) {
            Some(next) => marker = format!(" Marker={next}"),
            None => return pages,
        }
        assert!(pages.len() < 100, "the pages have no end");
    }
}

fn next(answer: &Answer) -> Option<String> {
    let is_truncated = answer.text("IsTruncated");
    assert_eq!(answer.has("Marker"), is_truncated == "true", "{}", answer.body);
    assert!(["true", "false"].contains(&is_truncated.as_str()));
    Some(answer.text("Marker")).filter(|_| is_truncated == "true")
}

#[tokio::test]
async fn every_list_comes_in_pages_that_cover_it_once() {
    let server = TestServer::start().await;
    let mut lines = String::from(
        "CreateUser UserName=u
CreateGroup GroupName=g
CreateRole RoleName=r AssumeRolePolicyDocument={TRUST}
CreatePolicy PolicyName=p PolicyDocument={DOCUMENT}
CreateInstanceProfile InstanceProfileName=i
",
    );
    for n in 1..=4 {
        lines += &format!(
            "CreateUser UserName=u{n}
CreateGroup GroupName=g{n}
AddUserToGroup GroupName=g UserName=u{n}
AddUserToGroup GroupName=g{n} UserName=u
CreateRole RoleName=r{n} AssumeRolePolicyDocument={{TRUST}}
CreatePolicy PolicyName=p{n} PolicyDocument={{DOCUMENT}}
CreatePolicyVersion PolicyArn={{ME}}:policy/p PolicyDocument={{DOCUMENT}}
CreateInstanceProfile InstanceProfileName=i{n}
AddRoleToInstanceProfile InstanceProfileName=i{n} RoleName=r
AttachUserPolicy UserName=u{n} PolicyArn={{ME}}:policy/p
"
        );
        for (kind, name) in [("User", "u"), ("Group", "g"), ("Role", "r")] {
            lines += &format!(
                "Put{kind}Policy {kind}Name={name} PolicyName=in{n} PolicyDocument={{DOCUMENT}}
Attach{kind}Policy {kind}Name={name} PolicyArn={{ME}}:policy/p{n}
"
            );
        }
        let tag = format!("Tags.member.1.Key=k{n} Tags.member.1.Value=v");
        lines += &format!(
            "TagUser UserName=u {tag}
TagRole RoleName=r {tag}
TagPolicy PolicyArn={{ME}}:policy/p {tag}
TagInstanceProfile InstanceProfileName=i {tag}
"
        );
    }
    given(&server, &lines).await;
    given(&server, "CreateAccessKey UserName=u\nCreateAccessKey UserName=u").await;
    let lists = [
        ("ListUsers", "UserName", 5),
        ("ListGroups", "GroupName", 5),
        ("ListRoles", "RoleName", 5),
        ("ListPolicies Scope=Local", "PolicyName", 5),
        ("ListInstanceProfiles", "InstanceProfileName", 5),
        ("GetGroup GroupName=g", "UserName", 4),
        ("ListGroupsForUser UserName=u", "GroupName", 4),
        ("ListInstanceProfilesForRole RoleName=r", "InstanceProfileName", 4),
        ("ListUserPolicies UserName=u", "member", 4),
        ("ListGroupPolicies GroupName=g", "member", 4),
        ("ListRolePolicies RoleName=r", "member", 4),
        ("ListAttachedUserPolicies UserName=u", "PolicyName", 4),
        ("ListAttachedGroupPolicies GroupName=g", "PolicyName", 4),
        ("ListAttachedRolePolicies RoleName=r", "PolicyName", 4),
        ("ListPolicyVersions PolicyArn={ME}:policy/p", "VersionId", 5),
        ("ListEntitiesForPolicy PolicyArn={ME}:policy/p", "UserName", 4),
        ("ListUserTags UserName=u", "Key", 4),
        ("ListRoleTags RoleName=r", "Key", 4),
        ("ListPolicyTags PolicyArn={ME}:policy/p", "Key", 4),
        ("ListInstanceProfileTags InstanceProfileName=i", "Key", 4),
        ("ListAccessKeys UserName=u", "AccessKeyId", 2),
    ];
    for (line, element, count) in lists {
        let whole = walk(&server, line, element, 1000).await.concat();
        assert_eq!(whole.len(), count, "{line}: {whole:?}");
        for max in 1..=count {
            let pages = walk(&server, line, element, max).await;
            assert_eq!(pages.concat(), whole, "{line}");
            assert_eq!(pages.len(), count.div_ceil(max), "{line}: {max}");
        }
    }
    let details = walk(&server, "GetAccountAuthorizationDetails", "Arn", 1000).await.concat();
    for max in [1, 3, 7] {
        let pages = walk(&server, "GetAccountAuthorizationDetails", "Arn", max).await;
        assert_eq!(pages.concat().len(), details.len());
    }
}

#[tokio::test]
async fn changes_between_pages_neither_repeat_nor_hide() {
    let server = TestServer::start().await;
    given(
        &server,
        "CreateUser UserName=b\nCreateUser UserName=d\nCreateUser UserName=f\nCreateUser UserName=h",
    )
    .await;
    let first = root(&server, "ListUsers MaxItems=2").await.ok();
    assert_eq!(first.texts("UserName"), ["b", "d"]);
    let marker = next(&first).unwrap();
    // The last one shown goes, one comes before the page, one in what is left.
    given(&server, "DeleteUser UserName=d\nCreateUser UserName=a\nCreateUser UserName=e").await;
    let line = format!("ListUsers MaxItems=9 Marker={marker}");
    assert_eq!(root(&server, &line).await.ok().texts("UserName"), ["e", "f", "h"]);

    given(&server, "CreateGroup GroupName=g").await;
    for name in ["b", "f", "h"] {
        given(&server, &format!("AddUserToGroup GroupName=g UserName={name}")).await;
    }
    let first = root(&server, "GetGroup GroupName=g MaxItems=1").await.ok();
    let shown = first.text("UserName");
    let marker = next(&first).unwrap();
    given(&server, &format!("RemoveUserFromGroup GroupName=g UserName={shown}")).await;
    let line = format!("GetGroup GroupName=g Marker={marker}");
    let rest = root(&server, &line).await.ok().texts("UserName");
    assert_eq!(rest.len(), 2, "{rest:?}");
    assert!(!rest.contains(&shown));
}

#[tokio::test]
async fn a_page_has_a_hundred_items_unless_told() {
    let server = TestServer::start().await;
    for n in 0..101 {
        given(&server, &format!("CreateGroup GroupName=g{n}")).await;
    }
    let first = root(&server, "ListGroups").await.ok();
    assert_eq!(first.texts("GroupName").len(), 100);
    let marker = next(&first).unwrap();
    let rest = root(&server, &format!("ListGroups Marker={marker}")).await.ok();
    assert_eq!(rest.texts("GroupName").len(), 1);
}

#[tokio::test]
async fn foreign_markers_and_sizes_are_refused() {
    let server = TestServer::start().await;
    given(&server, "CreateUser UserName=a\nCreateUser UserName=b").await;
    for marker in ["x", "AAAA", "%00", "MS8", "Mi9i"] {
        let lines = format!("ListUsers Marker={marker}\nListAccessKeys Marker={marker}");
        if marker != "MS8" {
            all_refused(&server, "ValidationError", "Invalid Marker.", &lines).await;
        }
    }
    let constraint = |rule: &str| {
        format!(
            "1 validation error detected: Value at 'maxItems' failed to satisfy constraint: {rule}"
        )
    };
    let message = constraint("Member must have value greater than or equal to 1");
    all_refused(&server, "ValidationError", &message, "ListUsers MaxItems=0").await;
    let message = constraint("Member must have value less than or equal to 1000");
    all_refused(&server, "ValidationError", &message, "ListUsers MaxItems=1001").await;
}

#[tokio::test]
async fn path_prefixes_filter_before_pages_are_cut() {
    let server = TestServer::start().await;
    given(
        &server,
        "CreateUser UserName=a Path=/x/
CreateUser UserName=b Path=/y/
CreateUser UserName=c Path=/x/y/
CreateUser UserName=d",
    )
    .await;
    assert_eq!(walk(&server, "ListUsers PathPrefix=/x", "UserName", 1).await, [["a"], ["c"]]);
    assert_eq!(walk(&server, "ListUsers PathPrefix=/x/y/", "UserName", 1).await, [["c"]]);
    assert_eq!(
        walk(&server, "ListUsers PathPrefix=/", "UserName", 9).await,
        [["a", "b", "c", "d"]]
    );
}
