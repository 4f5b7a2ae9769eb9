//! What AWS refuses on write, with its texts and in its order.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use iamd_policy::{PolicyType, check};

const SYNTAX: &str = "Syntax errors in policy.";
const LEGACY: &str = "The policy failed legacy parsing";
const UNIQUE: &str = "Statement IDs (SID) in a single policy must be unique.";
const ACTIONS: &str = "Policy statement must contain actions.";
const RESOURCES: &str = "Policy statement must contain resources.";
const VENDOR: &str = "Resource vendor must be fully qualified and cannot contain regexes.";
const PREFACED: &str = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.";
const ONE_COLON: &str = "Actions/Condition can contain only one colon.";
const IAM_PATH: &str = "IAM resource path must either be \"*\", root, or start with user/, federated-user/, role/, group/, instance-profile/, mfa/, server-certificate/, policy/, sms-mfa/, saml-provider/, oidc-provider/, report/, access-report/.";
const TRUST_ACTIONS: &str = "AssumeRole policy may only specify STS AssumeRole actions.";
const NO_PRINCIPAL: &str = "Missing required field Principal";

fn refusal(text: &str, policy_type: PolicyType, managed: bool) -> String {
    check(text, policy_type, managed).err().map(|refusal| refusal.message).unwrap_or_default()
}

fn document(statement: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":{statement}}}"#)
}

/// A statement whose elements are these; those that are missing are filled in with harmless ones.
fn statement(elements: &str) -> String {
    let mut all = elements.to_owned();
    for (names, default) in [
        (["\"Effect\"", "\"Effect\""], r#""Effect":"Allow""#),
        (["\"Action\"", "\"NotAction\""], r#""Action":"s3:GetObject""#),
        (["\"Resource\"", "\"NotResource\""], r#""Resource":"*""#),
    ] {
        if !names.iter().any(|name| all.contains(name)) {
            let comma = if all.is_empty() { "" } else { "," };
            all = format!("{default}{comma}{all}");
        }
    }
    document(&format!("{{{all}}}"))
}

#[test]
fn syntax() {
    for text in [
        "",
        "no JSON",
        "[]",
        "{}",
        r#"{"Version":"2012-10-17"}"#,
        r#"{"Version":"2012-10-17","Statement":[]}"#,
        r#"{"Version":"2012-10-17","Statement":"Allow"}"#,
        r#"{"Version":"2012-10-17","Statement":["Allow"]}"#,
        r#"{"Version":"2020-01-01","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#,
        r#"{"Version":2012,"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#,
        r#"{"Version":"2012-10-17","Id":1,"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#,
        r#"{"Version":"2012-10-17","Extra":1,"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#,
        r#"{"Version":"2012-10-17","Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#,
        &document(r#"{"Action":"*","Resource":"*"}"#),
        &statement(r#""Effect":"Permit""#),
        &statement(r#""Effect":true"#),
        &statement(r#""Sid":1"#),
        &statement(r#""Extra":"x""#),
        &statement(r#""action":"s3:*""#),
        &statement(r#""Action":{"a":"b"}"#),
        &statement(r#""Action":[["s3:*"]]"#),
        &statement(r#""Action":1"#),
        &statement(r#""Action":null"#),
        &statement(r#""Resource":[1]"#),
        &statement(r#""Action":"s3:*","NotAction":[]"#),
        &statement(r#""Resource":[],"NotResource":"*""#),
        &statement(r#""Condition":"x""#),
        &statement(r#""Condition":[]"#),
        &statement(r#""Condition":{"StringEquals":"x"}"#),
        &statement(r#""Condition":{"StringEquals":{"a":{"b":"c"}}}"#),
        &statement(r#""Condition":{"StringEquals":{"a":null}}"#),
        &statement(r#""Condition":{"Nonsense":{"a":"b"}}"#),
        &statement(r#""Condition":{"stringEquals":{"a":"b"}}"#),
        &statement(r#""Condition":{"StringEquals":{"a":"b"},"StringEquals":{"c":"d"}}"#),
        &statement(r#""Condition":{"StringEquals":{"a":"b","a":"c"}}"#),
    ] {
        assert_eq!(refusal(text, PolicyType::Identity, true), SYNTAX, "{text}");
    }
}

#[test]
fn accepted() {
    for elements in [
        "",
        r#""Sid":"""#,
        r#""Action":"*""#,
        r#""Action":"nosuch:Thing""#,
        r#""Action":"s3:anything, with blanks""#,
        r#""Action":["s3:*","*"]"#,
        r#""Resource":["*","arn:aws:s3:::b"]"#,
        r#""Resource":"arn:aws:x""#,
        r#""Resource":"nor:aws:s3:::b""#,
        r#""Resource":"arn:aws:nosuch:r:a:x""#,
        r#""Resource":"arn:*:s3:::b""#,
        r#""Resource":"arn:aws:s3:us-east-1:111111111111:accesspoint/x""#,
        r#""Resource":"arn:aws:ec2:us-east-1:111111111111:instance/i""#,
        r#""Resource":"arn:aws:s3:::${aws:username}/*""#,
        r#""Resource":"arn:aws:iam::*:role/*""#,
        r#""Condition":{}"#,
        r#""Condition":{"Nonsense":{}}"#,
        r#""Condition":{"StringEquals":{}}"#,
        r#""Condition":{"StringEquals":{"a":[]}}"#,
        r#""Condition":{"StringEquals":{"a":[1,true,"x"]}}"#,
        r#""Condition":{"DateLessThan":{"a":"2016-12-13T21:20:37.593194+00:00"}}"#,
        r#""Condition":{"DateLessThan":{"a":"2016-12-13T21:20:37+23"}}"#,
        r#""Condition":{"DateLessThan":{"a":["-9223372036854775808","9223372036854775807"]}}"#,
    ] {
        let text = statement(elements);
        assert_eq!(refusal(&text, PolicyType::Identity, true), "", "{text}");
    }
    let two = document(
        r#"[{"Sid":"","Effect":"Allow","Action":"*","Resource":"*"},{"Sid":"","Effect":"Deny","Action":"*","Resource":"*"}]"#,
    );
    assert_eq!(refusal(&two, PolicyType::Identity, true), "");
    let with_id = r#"{"Version":"2012-10-17","Id":"some id","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
    assert_eq!(refusal(with_id, PolicyType::Identity, true), "");
}

#[test]
fn version_of_managed_policies() {
    let wanted = "Policy document must be version 2012-10-17 or greater.";
    for version in ["", r#""Version":"2008-10-17","#] {
        // Wins over what comes later, such as missing actions and a misspelt effect.
        let text = format!(r#"{{{version}"Statement":{{"Effect":"allow"}}}}"#);
        assert_eq!(refusal(&text, PolicyType::Identity, true), wanted);
        let text =
            format!(r#"{{{version}"Statement":{{"Effect":"Allow","Action":"*","Resource":"*"}}}}"#);
        assert_eq!(refusal(&text, PolicyType::Identity, false), "");
    }
}

#[test]
fn text_of_elements() {
    let partition =
        |p: &str, arn: &str| format!("Partition \"{p}\" is not valid for resource \"{arn}\".");
    for (elements, wanted) in [
        (r#""Effect":"allow""#, LEGACY),
        (r#""Effect":"DENY","Action":[]"#, LEGACY),
        (r#""Condition":{"DateLessThan":{"a":"tomorrow"}}"#, LEGACY),
        (r#""Condition":{"DateLessThanIfExists":{"a":"9223372036854775808"}}"#, LEGACY),
        (r#""Resource":"arn:aws:s3::name""#, LEGACY),
        (r#""Resource":"arn:aws:s3:name""#, LEGACY),
        (r#""Resource":"arn:aws::::x""#, LEGACY),
        (r#""Resource":"arn:bad::x""#, LEGACY),
        (r#""Resource":"arn:aws:iam::${aws:PrincipalAccount}:role/a""#, LEGACY),
        (r#""Resource":"arn:aws:s3::name","Action":[]"#, LEGACY),
        (r#""Action":[]"#, ACTIONS),
        (r#""NotAction":[]"#, ACTIONS),
        (r#""Action":[],"Resource":[]"#, ACTIONS),
        (r#""Resource":[]"#, RESOURCES),
        (r#""NotResource":[],"Action":"bad""#, RESOURCES),
        (r#""Resource":"bucket""#, r#"Resource bucket must be in ARN format or "*"."#),
        (r#""Resource":"""#, r#"Resource  must be in ARN format or "*"."#),
        (
            r#""Resource":"bucket","Action":"bad""#,
            r#"Resource bucket must be in ARN format or "*"."#,
        ),
        (r#""Resource":"a:b""#, &partition("b", "arn:b:*:*:*:*")),
        (
            r#""Resource":"arn:nope:s3:::b/k:l","Action":"bad""#,
            &partition("nope", "arn:nope:s3:::b/k:l"),
        ),
        (r#""Resource":"arn:aws""#, VENDOR),
        (r#""Resource":"arn:aws:s*:::b""#, VENDOR),
        (
            r#""Resource":"arn:aws:iam:us-east-1:111111111111:role/a""#,
            "IAM resource arn:aws:iam:us-east-1:111111111111:role/a cannot contain region information.",
        ),
        (
            r#""Resource":"arn:aws:s3:us-east-1::b""#,
            "Resource arn:aws:s3:us-east-1::b can not contain region information.",
        ),
        (r#""Resource":"arn:aws:iam::111111111111:usr/a""#, IAM_PATH),
        (r#""Action":"GetObject""#, PREFACED),
        (r#""Action":"""#, PREFACED),
        (r#""Action":["a:b:c","GetObject"]"#, PREFACED),
        (r#""Action":"a:b:c""#, ONE_COLON),
        (r#""Action":"s_3:Get""#, "Vendor s_3 is not valid"),
        (r#""Action":"*:*""#, "Vendor * is not valid"),
        (r#""Action":" s3:Get""#, "Vendor  s3 is not valid"),
        (r#""Principal":"*""#, "Policy document should not specify a principal."),
        (r#""NotPrincipal":{"AWS":"*"}"#, "Policy document should not specify a principal."),
        (
            r#""Sid":"with blank""#,
            "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*",
        ),
    ] {
        let text = statement(elements);
        for policy_type in [PolicyType::Identity, PolicyType::Session, PolicyType::ServiceControl] {
            assert_eq!(refusal(&text, policy_type, true), wanted, "{text}");
        }
    }
}

#[test]
fn sids_must_differ() {
    let one = r#"{"Sid":"a","Effect":"Allow","Action":[],"Resource":"*"}"#;
    assert_eq!(refusal(&document(&format!("[{one},{one}]")), PolicyType::Identity, true), UNIQUE);
}

#[test]
fn trust_policies() {
    let account = r#""Principal":{"AWS":"111111111111"}"#;
    let trust = |elements: &str| document(&format!(r#"{{"Effect":"Allow",{elements}}}"#));
    let invalid =
        |kind: &str, name: &str| format!("Invalid principal in policy: \"{kind}\":\"{name}\"");
    let of = |kind: &str, name: &str| {
        format!(r#""Principal":{{"{kind}":"{name}"}},"Action":"sts:AssumeRole""#)
    };
    for (text, wanted) in [
        ("no JSON".to_owned(), "This policy contains invalid Json"),
        ("{}".to_owned(), SYNTAX),
        (
            trust(&format!(r#"{account},"Action":"sts:AssumeRole","Resource":"*""#)),
            "Has prohibited field Resource",
        ),
        (
            trust(&format!(r#"{account},"Action":"s3:Get","NotResource":"*""#)),
            "Has prohibited field NotResource",
        ),
        (
            trust(r#""NotPrincipal":{"AWS":"111111111111"},"Action":"sts:AssumeRole""#),
            "Has prohibited field NotPrincipal",
        ),
        (trust(r#""Action":"sts:AssumeRole""#), NO_PRINCIPAL),
        (trust(r#""Principal":{},"Action":"sts:AssumeRole""#), NO_PRINCIPAL),
        (trust(account), ACTIONS),
        (trust(&format!(r#"{account},"Action":"s3:GetObject""#)), TRUST_ACTIONS),
        (
            trust(&format!(r#"{account},"Action":["sts:AssumeRole","sts:GetCallerIdentity"]"#)),
            TRUST_ACTIONS,
        ),
        (trust(&format!(r#"{account},"Action":"*""#)), TRUST_ACTIONS),
        (trust(&format!(r#"{account},"NotAction":"sts:AssumeRole""#)), TRUST_ACTIONS),
        (
            trust(r#""Principal":"arn:aws:iam::111111111111:root","Action":"sts:AssumeRole""#),
            "Invalid principal in policy.",
        ),
        (
            trust(r#""Principal":{"Aws":"*"},"Action":"sts:AssumeRole""#),
            "Invalid principal in policy.",
        ),
        (trust(&of("AWS", "alice")), "Invalid principal in policy."),
        (trust(&of("AWS", "11111111111")), "Invalid principal in policy."),
        (
            trust(&of("AWS", "arn:aws:iam::111111111111:user/*")),
            &invalid("AWS", "arn:aws:iam::111111111111:user/*"),
        ),
        (
            trust(&of("AWS", "arn:aws:iam::111111111111:group/g")),
            &invalid("AWS", "arn:aws:iam::111111111111:group/g"),
        ),
        (trust(&of("Service", "ec2")), &invalid("SERVICE", "ec2")),
        (trust(&of("Service", "*")), &invalid("SERVICE", "*")),
        (trust(&of("Federated", "okta")), &invalid("FEDERATED", "okta")),
        (trust(&of("CanonicalUser", "79a5")), &invalid("CANONICALUSER", "79a5")),
        (trust(&of("AWS", "*")), ""),
        (trust(&of("AWS", "111111111111")), ""),
        (trust(&of("AWS", "AROAEXAMPLE0000000001")), ""),
        (trust(&of("AWS", "arn:aws:iam::111111111111:role/a/b")), ""),
        (trust(&of("AWS", "arn:aws:sts::111111111111:assumed-role/a/s")), ""),
        (trust(&of("Service", "ec2.amazonaws.com")), ""),
        (trust(&of("Federated", "accounts.google.com")), ""),
        (trust(&of("Federated", "arn:aws:iam::111111111111:saml-provider/p")), ""),
        (
            trust(&format!(
                r#"{account},"Action":["sts:AssumeRole*","sts:TagSession","STS:setsourceidentity"]"#
            )),
            "",
        ),
    ] {
        assert_eq!(refusal(&text, PolicyType::Trust, false), wanted, "{text}");
    }
    let old = r#"{"Statement":{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}}"#;
    assert_eq!(refusal(old, PolicyType::Trust, false), "");
}

#[test]
fn policies_of_resources() {
    let check = |elements: &str| refusal(&statement(elements), PolicyType::Resource, false);
    assert_eq!(check(""), NO_PRINCIPAL);
    assert_eq!(check(r#""Principal":"*""#), "");
    assert_eq!(check(r#""Sid":"with blank","Principal":{"CanonicalUser":"79a5"}"#), "");
    assert_eq!(check(r#""Effect":"Deny","NotPrincipal":{"AWS":"111111111111"}"#), "");
    assert_eq!(
        check(r#""NotPrincipal":{"AWS":"111111111111"}"#),
        "Policy statement must not combine Allow with NotPrincipal."
    );
    let rcp = |elements: &str| refusal(&statement(elements), PolicyType::ResourceControl, false);
    assert_eq!(rcp(r#""Effect":"Deny","Principal":"*""#), "");
    assert_eq!(rcp(r#""Principal":"*""#), "Resource control policies may only deny.");
    assert_eq!(
        rcp(r#""Effect":"Deny","Principal":{"AWS":"111111111111"}"#),
        "Invalid principal in policy: \"AWS\":\"111111111111\""
    );
}

#[test]
fn what_passes_is_what_is_returned() {
    let text = statement(r#""Sid":"One""#);
    assert_eq!(check(&text, PolicyType::Identity, true).unwrap().text(), text);
}
