//! Requests of the Query protocol: what is read, what is refused, in which words.

#![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
#![allow(clippy::needless_pass_by_value, reason = "expectations are written in place")]

use std::fmt::Debug;

use expect_test::{Expect, expect};
use iamd_api::{Service, iam, sts};
use iamd_wire::DecodeError;
use iamd_wire::query::{self, Parameters};
use serde::de::DeserializeOwned;

fn decode<T: DeserializeOwned>(service: &Service, form: &str) -> Result<T, DecodeError> {
    let parameters = Parameters::parse(form.as_bytes())?;
    let operation = service.operation(parameters.action().unwrap()).unwrap();
    query::decode(&parameters, service, operation)
}

/// What an operation's input becomes.
fn check<T: DeserializeOwned + Debug>(form: &str, expected: Expect) {
    let input = decode::<T>(&iam::SERVICE, form);
    expected.assert_eq(&format!("{:?}", input.unwrap()));
}

/// Why a request is refused.
fn refused(service: &Service, form: &str, expected: Expect) {
    let parameters = Parameters::parse(form.as_bytes());
    let result = parameters.and_then(|parameters| {
        let operation = service.operation(parameters.action().unwrap()).unwrap();
        query::check(&parameters, service, operation)
    });
    let error = result.unwrap_err();
    expected.assert_eq(&format!("{}: {error}", error.code()));
}

#[test]
fn a_plain_request() {
    check::<iam::GetUserRequest>(
        "Action=GetUser&Version=2010-05-08&UserName=alice",
        expect![[r#"GetUserRequest { user_name: Some("alice") }"#]],
    );
    check::<iam::GetUserRequest>("Action=GetUser", expect!["GetUserRequest { user_name: None }"]);
}

#[test]
fn escapes_and_blanks() {
    check::<iam::CreateRoleRequest>(
        "Action=CreateRole&RoleName=r&AssumeRolePolicyDocument=%7b%22a%22:+%22%C3%A9%2B%22%7D",
        expect![[
            r#"CreateRoleRequest { path: None, role_name: "r", assume_role_policy_document: "{\"a\": \"é+\"}", description: None, max_session_duration: None, permissions_boundary: None, tags: None }"#
        ]],
    );
}

#[test]
fn lists_are_in_the_order_of_their_numbers() {
    check::<iam::TagUserRequest>(
        "Action=TagUser&Tags.member.10.Key=c&Tags.member.10.Value=3&Tags.member.2.Value=2&\
         Tags.member.2.Key=b&UserName=u&Tags.member.1.Key=a&Tags.member.1.Value=",
        expect![[
            r#"TagUserRequest { user_name: "u", tags: [Tag { key: "a", value: "" }, Tag { key: "b", value: "2" }, Tag { key: "c", value: "3" }] }"#
        ]],
    );
    check::<iam::UntagUserRequest>(
        "Action=UntagUser&UserName=u&TagKeys.member.2=b&TagKeys.member.1=a",
        expect![[r#"UntagUserRequest { user_name: "u", tag_keys: ["a", "b"] }"#]],
    );
}

#[test]
fn an_empty_list_is_not_an_absent_one() {
    check::<iam::CreateUserRequest>(
        "Action=CreateUser&UserName=u&Tags=",
        expect![[
            r#"CreateUserRequest { path: None, user_name: "u", permissions_boundary: None, tags: Some([]) }"#
        ]],
    );
    check::<iam::CreateUserRequest>(
        "Action=CreateUser&UserName=u",
        expect![[
            r#"CreateUserRequest { path: None, user_name: "u", permissions_boundary: None, tags: None }"#
        ]],
    );
}

#[test]
fn maps() {
    check::<iam::PutAccountPropertiesRequest>(
        "Action=PutAccountProperties&Properties.entry.2.value=w&Properties.entry.2.key=b&\
         Properties.entry.1.key=a&Properties.entry.1.value=v",
        expect![[r#"PutAccountPropertiesRequest { properties: {"a": "v", "b": "w"} }"#]],
    );
}

#[test]
fn numbers_booleans_enums_and_nested_lists() {
    check::<iam::UpdateAccountPasswordPolicyRequest>(
        "Action=UpdateAccountPasswordPolicy&MinimumPasswordLength=12&RequireSymbols=true&\
         HardExpiry=false",
        expect![
            "UpdateAccountPasswordPolicyRequest { minimum_password_length: Some(12), require_symbols: Some(true), require_numbers: None, require_uppercase_characters: None, require_lowercase_characters: None, allow_users_to_change_password: None, max_password_age: None, password_reuse_prevention: None, hard_expiry: Some(false) }"
        ],
    );
    check::<iam::UpdateAccessKeyRequest>(
        "Action=UpdateAccessKey&AccessKeyId=AKIAIOSFODNN7EXAMPLE&Status=Inactive",
        expect![[
            r#"UpdateAccessKeyRequest { user_name: None, access_key_id: "AKIAIOSFODNN7EXAMPLE", status: Inactive }"#
        ]],
    );
    check::<iam::SimulatePrincipalPolicyRequest>(
        "Action=SimulatePrincipalPolicy&PolicySourceArn=arn:aws:iam::123456789012:user/a&\
         ActionNames.member.1=s3:GetObject&ContextEntries.member.1.ContextKeyName=aws:x&\
         ContextEntries.member.1.ContextKeyValues.member.1=a&\
         ContextEntries.member.1.ContextKeyValues.member.2=b&\
         ContextEntries.member.1.ContextKeyType=stringList",
        expect![[
            r#"SimulatePrincipalPolicyRequest { policy_source_arn: "arn:aws:iam::123456789012:user/a", policy_input_list: None, permissions_boundary_policy_input_list: None, policy_exclusion_list: None, action_names: ["s3:GetObject"], resource_arns: None, resource_policy: None, resource_owner: None, caller_arn: None, context_entries: Some([ContextEntry { context_key_name: Some("aws:x"), context_key_values: Some(["a", "b"]), context_key_type: Some(StringList) }]), resource_handling_option: None, max_items: None, marker: None }"#
        ]],
    );
}

#[test]
fn secrets_do_not_show() {
    check::<iam::ChangePasswordRequest>(
        "Action=ChangePassword&OldPassword=hunter2&NewPassword=hunter3",
        expect!["ChangePasswordRequest { old_password: Secret(…), new_password: Secret(…) }"],
    );
    let parameters = Parameters::parse(b"Action=ChangePassword&OldPassword=hunter2").unwrap();
    expect![[r#"["Action", "OldPassword"]"#]].assert_eq(&format!("{parameters:?}"));
}

#[test]
fn unknown_parameters_are_passed_over() {
    check::<iam::GetUserRequest>(
        "Action=GetUser&UserName=u&X-Amz-Signature=ab&Username=v&UserName-x=w&UserNam=y",
        expect![[r#"GetUserRequest { user_name: Some("u") }"#]],
    );
}

#[test]
fn operations_without_input() {
    decode::<()>(&iam::SERVICE, "Action=GetAccountSummary&Version=2010-05-08").unwrap();
    check::<iam::ListSAMLProvidersRequest>(
        "Action=ListSAMLProviders",
        expect!["ListSAMLProvidersRequest"],
    );
}

#[test]
fn forms_that_are_none() {
    for form in ["Action=GetUser&UserName=%zz", "Action=GetUser&UserName=%C3", "Action=GetUser&=x"]
    {
        let error = Parameters::parse(form.as_bytes()).unwrap_err();
        assert_eq!(error.code(), iamd_types::Code::MalformedQueryString, "{form}");
    }
    refused(
        &iam::SERVICE,
        "Action=GetUser&UserName=%zz",
        expect![
            "MalformedQueryString: The query string contains a syntax error: a percent sign is not followed by two hexadecimal digits."
        ],
    );
    refused(
        &iam::SERVICE,
        "Action=GetUser&UserName=%FF",
        expect![
            "MalformedQueryString: The query string contains a syntax error: a parameter is not UTF-8."
        ],
    );
    refused(
        &iam::SERVICE,
        "Action=GetUser&UserName=a&UserName=b",
        expect!["MalformedInput: The parameter UserName was given more than once."],
    );
    refused(
        &iam::SERVICE,
        "Action=GetUser&UserName=a&User%4eame=a",
        expect!["MalformedInput: The parameter UserName was given more than once."],
    );
}

#[test]
fn parameters_that_do_not_fit_their_types() {
    let iam = &iam::SERVICE;
    refused(
        iam,
        "Action=TagUser&UserName=u&Tags=x",
        expect!["MalformedInput: The parameter Tags must be a list: NAME.member.N."],
    );
    refused(
        iam,
        "Action=TagUser&UserName=u&Tags.member=x",
        expect!["MalformedInput: The parameter Tags must be a list: NAME.member.N."],
    );
    refused(
        iam,
        "Action=TagUser&UserName=u&Tags=&Tags.member.1.Key=k",
        expect!["MalformedInput: The parameter Tags must be a list: NAME.member.N."],
    );
    refused(
        iam,
        "Action=TagUser&UserName=u&Tags.1.Key=k&Tags.1.Value=v",
        expect!["MalformedInput: The parameter Tags must be a list: NAME.member.N."],
    );
    refused(
        iam,
        "Action=TagUser&UserName=u&Tags.member.1=k",
        expect!["MalformedInput: The parameter Tags.member.1 must be a structure."],
    );
    for index in ["0", "01", "-1", "+1", "4294967296", "x", ""] {
        let form = format!("Action=UntagUser&UserName=u&TagKeys.member.{index}=k");
        assert!(decode::<iam::UntagUserRequest>(iam, &form).is_err(), "{index}");
    }
    refused(
        iam,
        "Action=GetUser&UserName.member.1=a",
        expect!["MalformedInput: The parameter UserName must be a single value."],
    );
    refused(
        iam,
        "Action=GetUser&UserName=a&UserName.x=a",
        expect!["MalformedInput: The parameter UserName must be a single value."],
    );
    refused(
        iam,
        "Action=ListUsers&MaxItems=ten",
        expect!["MalformedInput: The parameter MaxItems must be a whole number."],
    );
    refused(
        iam,
        "Action=ListUsers&MaxItems=",
        expect!["MalformedInput: The parameter MaxItems must be a whole number."],
    );
    refused(
        iam,
        "Action=ListUsers&MaxItems=2147483648",
        expect!["MalformedInput: The parameter MaxItems must be a whole number."],
    );
    refused(
        iam,
        "Action=CreateLoginProfile&PasswordResetRequired=True",
        expect!["MalformedInput: The parameter PasswordResetRequired must be true or false."],
    );
    refused(
        iam,
        "Action=PutAccountProperties&Properties.entry.1.key=a",
        expect![
            "MalformedInput: The parameter Properties must be a map: NAME.entry.N.key, NAME.entry.N.value."
        ],
    );
    refused(
        iam,
        "Action=PutAccountProperties&Properties.entry.1.key=a&Properties.entry.1.value=b&\
         Properties.entry.2.key=a&Properties.entry.2.value=c",
        expect!["MalformedInput: The parameter Properties has a key more than once."],
    );
}

#[test]
fn limits() {
    let long = "a".repeat(query::MAX_NAME_BYTES + 1);
    refused(
        &iam::SERVICE,
        &format!("Action=GetUser&{long}=x"),
        expect![
            "MalformedQueryString: The query string contains a syntax error: a parameter's name is too long."
        ],
    );
    let deep = "a.".repeat(query::MAX_DEPTH);
    refused(
        &iam::SERVICE,
        &format!("Action=GetUser&{deep}=x"),
        expect![
            "MalformedQueryString: The query string contains a syntax error: a parameter's name is too long."
        ],
    );
    let mut many = "Action=GetUser".to_owned();
    (0..query::MAX_PARAMETERS).for_each(|at| many.push_str(&format!("&P{at}=")));
    refused(&iam::SERVICE, &many, expect!["MalformedInput: Too many parameters."]);
    let large = "a".repeat(query::MAX_FORM_BYTES + 1);
    refused(&iam::SERVICE, &large, expect!["RequestEntityTooLarge: The request is too large."]);
}

#[test]
fn iam_does_not_repeat_values() {
    let iam = &iam::SERVICE;
    refused(
        iam,
        "Action=GetGroup",
        expect![
            "ValidationError: 1 validation error detected: Value at 'groupName' failed to satisfy constraint: Member must not be null"
        ],
    );
    refused(
        iam,
        &format!("Action=CreateUser&UserName={}", "a".repeat(65)),
        expect![
            "ValidationError: 1 validation error detected: Value at 'userName' failed to satisfy constraint: Member must have length less than or equal to 64"
        ],
    );
    refused(
        iam,
        "Action=ListUsers&MaxItems=0&Marker=",
        expect![[
            r#"ValidationError: 3 validation errors detected: Value at 'marker' failed to satisfy constraint: Member must satisfy regular expression pattern: [\u0020-\u00FF]+; Value at 'marker' failed to satisfy constraint: Member must have length greater than or equal to 1; Value at 'maxItems' failed to satisfy constraint: Member must have value greater than or equal to 1"#
        ]],
    );
    refused(
        iam,
        "Action=UpdateAccessKey&Status=On",
        expect![
            "ValidationError: 2 validation errors detected: Value at 'accessKeyId' failed to satisfy constraint: Member must not be null; Value at 'status' failed to satisfy constraint: Member must satisfy enum value set"
        ],
    );
    refused(
        iam,
        "Action=TagUser&UserName=u&Tags.member.1.Key=k&Tags.member.1.Value=v&\
         Tags.member.3.Key=a;b",
        expect![[
            r#"ValidationError: 2 validation errors detected: Value at 'tags.2.member.key' failed to satisfy constraint: Member must satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]+; Value at 'tags.2.member.value' failed to satisfy constraint: Member must not be null"#
        ]],
    );
    refused(
        iam,
        "Action=UntagUser&UserName=u&TagKeys.member.1=a&TagKeys.member.2=",
        expect![[
            r#"ValidationError: 1 validation error detected: Value at 'tagKeys' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 128, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]+, Member must not be null]"#
        ]],
    );
    refused(
        iam,
        "Action=CreateOpenIDConnectProvider&Url=https://x.y&ClientIDList.member.1=",
        expect![
            "ValidationError: 1 validation error detected: Value at 'clientIDList' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 255, Member must have length greater than or equal to 1, Member must not be null]"
        ],
    );
    refused(
        iam,
        "Action=UpdateAccountPasswordPolicy&MinimumPasswordLength=5",
        expect![
            "ValidationError: 1 validation error detected: Value at 'minimumPasswordLength' failed to satisfy constraint: Member must have value greater than or equal to 6"
        ],
    );
    refused(
        iam,
        "Action=GetAccountAuthorizationDetails&Filter.member.1=Users",
        expect![
            "ValidationError: 1 validation error detected: Value at 'filter' failed to satisfy constraint: Member must satisfy constraint: [Member must satisfy enum value set, Member must not be null]"
        ],
    );
    refused(
        iam,
        "Action=PutAccountProperties&Properties.entry.1.key=1&Properties.entry.1.value=",
        expect![
            "ValidationError: 2 validation errors detected: Value at 'properties' failed to satisfy constraint: Map keys must satisfy constraint: [Member must have length less than or equal to 50, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: ^[A-Za-z][A-Za-z0-9/_-]*$, Member must not be null]; Value at 'properties' failed to satisfy constraint: Map value must satisfy constraint: [Member must have length less than or equal to 1024, Member must have length greater than or equal to 1, Member must not be null]"
        ],
    );
}

#[test]
fn names_and_paths_of_iam_have_sentences_of_their_own() {
    let iam = &iam::SERVICE;
    refused(
        iam,
        "Action=CreateUser&UserName=a+b",
        expect![
            "ValidationError: The specified value for userName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-"
        ],
    );
    refused(
        iam,
        "Action=CreateUser&UserName=ab&Path=/x",
        expect![
            "ValidationError: The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters."
        ],
    );
    refused(
        iam,
        "Action=CreateUser&UserName=a+b&PermissionsBoundary=x",
        expect![
            "ValidationError: 1 validation error detected: Value at 'permissionsBoundary' failed to satisfy constraint: Member must have length greater than or equal to 20"
        ],
    );
}

#[test]
fn sts_repeats_values() {
    let sts = &sts::SERVICE;
    refused(
        sts,
        "Action=AssumeRole&RoleArn=arn:aws:iam::123456&RoleSessionName=s",
        expect![
            "ValidationError: 2 validation errors detected: Value 'arn:aws:iam::123456' at 'roleArn' failed to satisfy constraint: Member must have length greater than or equal to 20; Value 's' at 'roleSessionName' failed to satisfy constraint: Member must have length greater than or equal to 2"
        ],
    );
    refused(
        sts,
        "Action=AssumeRole",
        expect![
            "ValidationError: 2 validation errors detected: Value null at 'roleArn' failed to satisfy constraint: Member must not be null; Value null at 'roleSessionName' failed to satisfy constraint: Member must not be null"
        ],
    );
    refused(
        sts,
        "Action=AssumeRole&RoleArn=arn:aws:iam::123456789012:role/r&RoleSessionName=/&\
         DurationSeconds=60",
        expect![[
            r#"ValidationError: 3 validation errors detected: Value '/' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]*; Value '/' at 'roleSessionName' failed to satisfy constraint: Member must have length greater than or equal to 2; Value '60' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900"#
        ]],
    );
    refused(
        sts,
        "Action=AssumeRole&RoleArn=arn:aws:iam::123456789012:role/r&RoleSessionName=ss&\
         TransitiveTagKeys.member.1=ok&TransitiveTagKeys.member.2=a;b",
        expect![[
            r#"ValidationError: 1 validation error detected: Value '[ok, a;b]' at 'transitiveTagKeys' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 128, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]+, Member must not be null]"#
        ]],
    );
}

#[test]
fn secrets_are_never_repeated() {
    refused(
        &sts::SERVICE,
        "Action=AssumeRole&RoleArn=arn:aws:iam::123456789012:role/r&RoleSessionName=ss&\
         TokenCode=hunter2",
        expect![[
            r#"ValidationError: 2 validation errors detected: Value at 'tokenCode' failed to satisfy constraint: Member must satisfy regular expression pattern: [\d]*; Value at 'tokenCode' failed to satisfy constraint: Member must have length less than or equal to 6"#
        ]],
    );
    refused(
        &sts::SERVICE,
        "Action=AssumeRoleWithWebIdentity&RoleArn=arn:aws:iam::123456789012:role/r&\
         RoleSessionName=ss&WebIdentityToken=a",
        expect![
            "ValidationError: 1 validation error detected: Value at 'webIdentityToken' failed to satisfy constraint: Member must have length greater than or equal to 4"
        ],
    );
}
