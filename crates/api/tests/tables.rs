//! The generated tables through their public doors: operations are found, and every pattern that is
//! not one repeated class takes and refuses what it should.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what went wrong by panicking")]

use iamd_api::{Kind, Pattern, Service, Shape, iam, sts};

fn pattern(service: &Service, operation: &str, path: &[&str]) -> &'static Pattern {
    let mut shape: &'static Shape = service.operation(operation).unwrap().input;
    for step in path {
        shape = match &shape.kind {
            Kind::List { member, .. } => member,
            Kind::Map { key, .. } => key,
            _ => shape.member(step).unwrap().shape,
        };
    }
    let Kind::Text { pattern: Some(pattern), .. } = shape.kind else { panic!("no pattern") };
    pattern
}

fn check(pattern: &Pattern, good: &[&str], bad: &[&str]) {
    for text in good {
        assert!(pattern.matches(text), "{} refuses {text:?}", pattern.text);
    }
    for text in bad {
        assert!(!pattern.matches(text), "{} takes {text:?}", pattern.text);
    }
}

#[test]
fn operations_are_found_by_name() {
    for service in [&iam::SERVICE, &sts::SERVICE] {
        for operation in service.operations {
            assert_eq!(service.operation(operation.name).unwrap().name, operation.name);
            assert!(operation.errors.iter().all(|code| service.error(code).is_some()));
        }
        assert!(service.operation("Nothing").is_none());
    }
    assert_eq!(iam::SERVICE.operations.len(), 180);
    assert_eq!(sts::SERVICE.operations.len(), 11);
    assert_eq!(iam::SERVICE.error("NoSuchEntity").unwrap().exception, "NoSuchEntityException");
}

#[test]
fn unsigned_operations_are_these_two() {
    let unsigned = sts::SERVICE.operations.iter().filter(|operation| operation.unsigned);
    assert_eq!(
        unsigned.map(|operation| operation.name).collect::<Vec<_>>(),
        ["AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"]
    );
    assert!(iam::SERVICE.operations.iter().all(|operation| !operation.unsigned));
}

#[test]
fn paths() {
    check(
        pattern(&iam::SERVICE, "CreateUser", &["Path"]),
        &["/", "/a/", "/a//b/", "///"],
        &["", "//", "a", "/a", "a/", "/ /", "/é/"],
    );
    check(
        pattern(&iam::SERVICE, "CreatePolicy", &["Path"]),
        &["/", "/a/", "/a.b/c,d+@=_-/"],
        &["", "//", "/a", "/a//b/", "/a b/"],
    );
    check(pattern(&iam::SERVICE, "ListUsers", &["PathPrefix"]), &["/", "/a", "/a/"], &["", "a"]);
}

#[test]
fn account_alias() {
    check(
        pattern(&iam::SERVICE, "CreateAccountAlias", &["AccountAlias"]),
        &["abc", "a-b-c", "1x1"],
        &["", "a", "ab", "-ab", "ab-", "a--b", "Abc", "a_b"],
    );
}

#[test]
fn version_ids_and_urls() {
    check(
        pattern(&iam::SERVICE, "GetPolicyVersion", &["VersionId"]),
        &["v1", "v10", "v1.", "v1.a-b"],
        &["v0", "v", "1", "v1a", "v1.a.b"],
    );
    check(
        pattern(&iam::SERVICE, "CreateDelegationRequest", &["RedirectUrl"]),
        &["http://", "https://a/b?c=d#e", "https://a#e"],
        &["ftp://a", "https:/a", "https://a?b?c", "https://a#b#c"],
    );
}

#[test]
fn tag_keys_take_letters_of_all_scripts() {
    for service in [&iam::SERVICE, &sts::SERVICE] {
        let operation = if service.name == "iam" { "TagUser" } else { "AssumeRole" };
        check(
            pattern(service, operation, &["Tags", "member", "Key"]),
            &["Team", "aws:x", "été", "部門", "a b", "a\u{3000}b", "٣", "𝒳"],
            &["", "a;b", "a\tb", "a*", "€"],
        );
    }
}

#[test]
fn role_arns_of_sts_take_the_characters_of_xml() {
    check(
        pattern(&sts::SERVICE, "AssumeRole", &["RoleArn"]),
        &["arn:aws:iam::1:role/x", "\u{85}", "😀", "\t\r\n"],
        &["", "\u{7}", "\u{80}", "\u{FFFE}"],
    );
}

#[test]
fn organizations_paths() {
    check(
        pattern(&iam::SERVICE, "GenerateOrganizationsAccessReport", &["EntityPath"]),
        &["o-a1b2c3d4e5/r-f6g7/ou-f6g7-x/", "o-0123456789/r-0123"],
        &["o-0123456789", "o-0123456789/r-012", "o-012345678A/r-0123"],
    );
    check(
        pattern(&iam::SERVICE, "PutAccountProperties", &["Properties", "key"]),
        &["a", "A/b_c-d"],
        &["", "1", "a.b"],
    );
}
