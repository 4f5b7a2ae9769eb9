//! The decision API.

use http::Method;
use iamd_testkit::Credentials;
use serde_json::{Value, json};

use crate::fixture::{ARN, Fixture, HOST, MAY_CALL, Sent, ask, header_map, incoming, token};

const ALICE: &str = "arn:aws:iam::111122223333:user/alice";
const PATH: &str = "/-/authorize";

async fn by_point(fixture: &Fixture, requests: Value) -> Value {
    let (status, answer) =
        ask(fixture, PATH, &token("store"), &json!({ "requests": requests })).await;
    assert_eq!(status, 200, "{answer}");
    answer["decisions"].clone()
}

/// Signed by a principal for the service `iamd`.
async fn by_principal(fixture: &Fixture, who: &Credentials, requests: Value) -> (u16, Value) {
    let body = json!({ "requests": requests }).to_string();
    let sent = Sent::new("POST", PATH).at("iam.example.com").body(&body).sign(fixture, who, "iamd");
    let mut headers = sent.headers.clone();
    headers.push(("host".to_owned(), sent.host.clone()));
    let request = incoming(Method::POST, PATH, header_map(&headers), &sent.body);
    let answer = fixture.guard.authorize(&request, false).await;
    (answer.status.as_u16(), serde_json::from_slice(&answer.body).unwrap())
}

fn question(principal: &str) -> Value {
    json!({ "principal": principal, "action": "execute-api:Invoke", "resource": format!("{ARN}/GET/pets/3") })
}

#[tokio::test]
async fn a_point_asks_about_the_principals_of_its_account() {
    let fixture = Fixture::start().await;
    let alice = fixture.caller("alice").await;
    fixture.server.user("bob").await;
    fixture.server.new_account("444455556666").await;
    let answers = by_point(
        &fixture,
        json!([
            question(ALICE),
            question("arn:aws:iam::111122223333:user/bob"),
            question("arn:aws:iam::111122223333:root"),
            question("arn:aws:iam::111122223333:user/Alice"),
            question("arn:aws:iam::444455556666:root"),
            question("alice"),
            {"accessKeyId": alice.access_key_id, "action": "execute-api:Invoke", "resource": format!("{ARN}/GET/x")},
            {"principal": ALICE, "action": "execute-api:Invoke", "resource": format!("{ARN}/DELETE/kept/x")},
        ]),
    )
    .await;
    let decisions: Vec<_> =
        answers.as_array().unwrap().iter().map(|it| it["decision"].as_str().unwrap()).collect();
    assert_eq!(decisions, ["allow", "deny", "allow", "deny", "deny", "deny", "allow", "deny"]);
    assert_eq!(answers[0]["decidedBy"], "identity-based policy");
    assert_eq!(answers[0]["policy"], "calls");
    assert_eq!(answers[3]["error"]["code"], "AccessDenied");
    assert_eq!(answers[4]["error"], answers[3]["error"]);
    assert_eq!(answers[5]["error"]["code"], "ValidationError");
    assert_eq!(answers[6]["principal"], ALICE);
    // The policy of the API decides here as it does at its door.
    assert_eq!((&answers[7]["explicit"], &answers[7]["statement"]), (&json!(true), &json!("Kept")));
}

#[tokio::test]
async fn a_principal_needs_iamd_authorize_on_whom_it_asks_about() {
    let fixture = Fixture::start().await;
    fixture.caller("alice").await;
    let asker = fixture.server.user("asker").await;
    let (status, answer) = by_principal(&fixture, &asker, json!([question(ALICE)])).await;
    assert_eq!(status, 200);
    assert_eq!(answer["decisions"][0]["error"]["code"], "AccessDenied");
    let record = fixture.server.records.wait_for(&["iamd.amazonaws.com", "AccessDenied"]).await;
    assert!(record.contains(r#""userName":"asker""#), "{record}");

    let may_ask = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"iamd:Authorize","Resource":"{ALICE}"}}]}}"#
    );
    fixture.server.allow("asker", "asks", &may_ask).await;
    let questions = json!([
        question(ALICE),
        question("arn:aws:iam::111122223333:user/nobody"),
        question("arn:aws:iam::444455556666:root")
    ]);
    let (_, answer) = by_principal(&fixture, &asker, questions).await;
    let decisions = &answer["decisions"];
    assert_eq!(decisions[0]["decision"], "allow");
    // Whether somebody exists is not told to those who may not ask.
    assert!(
        decisions[1]["error"]["message"]
            .as_str()
            .unwrap()
            .contains("iamd:Authorize on resource: arn:aws:iam::111122223333:user/nobody")
    );
    assert_eq!(decisions[2]["error"]["code"], "AccessDenied");
    let record = fixture
        .server
        .records
        .wait_for(&[
            r#""eventName":"Authorize""#,
            r#""principalArn":"arn:aws:iam::111122223333:user/alice"},"requestID"#,
        ])
        .await;
    assert!(record.contains(r#""userName":"asker""#) && !record.contains("errorCode"), "{record}");
}

#[tokio::test]
async fn whoever_does_not_sign_for_this_service_is_refused() {
    let fixture = Fixture::start().await;
    let root = fixture.server.root.clone();
    let body = json!({ "requests": [question(ALICE)] }).to_string();
    for (service, code) in [
        ("iam", "SignatureDoesNotMatch"),
        ("sts", "SignatureDoesNotMatch"),
        ("execute-api", "SignatureDoesNotMatch"),
    ] {
        let sent = Sent::new("POST", PATH).body(&body).sign(&fixture, &root, service);
        let mut headers = sent.headers.clone();
        headers.push(("host".to_owned(), HOST.to_owned()));
        let request = incoming(Method::POST, PATH, header_map(&headers), body.as_bytes());
        let answer = fixture.guard.authorize(&request, false).await;
        assert_eq!(
            (answer.status.as_u16(), answer.headers["x-amzn-errortype"].to_str().unwrap()),
            (403, code)
        );
    }
    let request = incoming(Method::POST, PATH, http::HeaderMap::new(), body.as_bytes());
    let answer = fixture.guard.authorize(&request, false).await;
    assert_eq!(answer.headers["x-amzn-errortype"], "MissingAuthenticationToken");
    // A point's token says nothing there.
    let mut headers = http::HeaderMap::new();
    headers.insert("x-iamd-guard-token", token("store").parse().unwrap());
    let request = incoming(Method::POST, PATH, headers, body.as_bytes());
    assert_eq!(fixture.guard.authorize(&request, false).await.status, 403);
}

fn signed_item(sent: &Sent) -> Value {
    let mut headers = serde_json::Map::new();
    for (name, value) in &sent.headers {
        headers.insert(name.clone(), value.clone().into());
    }
    headers.insert("Host".to_owned(), sent.host.clone().into());
    json!({ "signed": { "method": sent.method, "target": sent.target, "headers": headers } })
}

#[tokio::test]
async fn a_signed_request_stands_for_its_signer_where_the_asker_protects_it() {
    let fixture = Fixture::start().await;
    let alice = fixture.caller("alice").await;
    let sent = fixture.signed(&alice, "GET", "/v1/pets/3");
    let good = signed_item(&sent);
    let mut other_action = good.clone();
    other_action["action"] = json!("s3:GetObject");
    other_action["resource"] = json!("arn:aws:s3:::photos/a");
    let body = Sent::new("PUT", "/v1/pets/3").body("rex").sign(&fixture, &alice, "execute-api");
    let mut hashed = signed_item(&body);
    hashed["signed"]["bodySha256"] =
        json!("0b87e3e92bb0bb7f8fd4a8e7ffdd3ca8dd3b6d5e5e5d8a0f7b3f2a1d0c9b8a7f");
    let mut whole = signed_item(&body);
    whole["signed"]["body"] = json!("cmV4");
    let answers = by_point(&fixture, json!([good, other_action, whole, hashed])).await;
    assert_eq!(
        (&answers[0]["decision"], &answers[0]["principal"]),
        (&json!("allow"), &json!(ALICE))
    );
    assert_eq!(answers[1]["decision"], "deny");
    assert_eq!(answers[1]["principal"], ALICE);
    assert_eq!(answers[2]["decision"], "allow");
    assert_eq!(answers[3]["error"]["code"], "SignatureDoesNotMatch");
}

#[tokio::test]
async fn a_signed_request_for_elsewhere_tells_nothing() {
    let fixture = Fixture::start().await;
    let root = fixture.server.root.clone();
    let elsewhere = [
        Sent::new("GET", "/?Action=GetCallerIdentity&Version=2011-06-15")
            .at("sts.amazonaws.com")
            .sign(&fixture, &root, "sts"),
        Sent::new("GET", "/v1/pets").sign(&fixture, &root, "sts"),
        Sent::new("GET", "/v1/admin/x").sign(&fixture, &root, "execute-api"),
        Sent::new("GET", "/a").at("up.example.com").sign(&fixture, &root, "execute-api"),
        Sent::new("GET", "/v1/../v1/pets").sign(&fixture, &root, "execute-api"),
        Sent::new("GET", "/v1/pets"),
    ];
    let items: Vec<_> = elsewhere.iter().map(signed_item).collect();
    let answers = by_point(&fixture, json!(items)).await;
    for (answer, sent) in answers.as_array().unwrap().iter().zip(&elsewhere) {
        assert_eq!(answer["decision"], "deny");
        assert!(
            answer.get("principal").is_none() && answer.get("error").is_some(),
            "{} {answer}",
            sent.target
        );
    }
}

#[tokio::test]
async fn a_trace_is_told_on_demand() {
    let fixture = Fixture::start().await;
    fixture.server.user("alice").await;
    let guarded = MAY_CALL.replace(
        r#""Action""#,
        r#""Condition":{"StringEquals":{"aws:ResourceTag/team":"red"}},"Action""#,
    );
    fixture.server.allow("alice", "red", &guarded).await;
    let mut traced = question(ALICE);
    traced["trace"] = json!(true);
    let mut red = question(ALICE);
    red["context"] = json!({ "aws:ResourceTag/team": "red" });
    let answers = by_point(&fixture, json!([question(ALICE), traced, red])).await;
    assert!(answers[0].get("trace").is_none());
    assert_eq!(answers[0]["missingContext"], json!(["aws:ResourceTag/team"]));
    let trace = answers[1]["trace"].to_string();
    assert!(trace.contains(r#""name":"red""#) && trace.contains("StringEquals"), "{trace}");
    assert_eq!(answers[2]["decision"], "allow");
}

#[tokio::test]
async fn an_asker_cannot_say_who_the_principal_is() {
    let fixture = Fixture::start().await;
    fixture.server.user("alice").await;
    let mfa = MAY_CALL.replace(
        r#""Action""#,
        r#""Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}},"Action""#,
    );
    fixture.server.allow("alice", "mfa", &mfa).await;
    let mut claimed = question(ALICE);
    claimed["context"] = json!({ "aws:MultiFactorAuthPresent": "true" });
    let answers = by_point(&fixture, json!([claimed])).await;
    assert_eq!(answers[0]["decision"], "deny");
    assert_eq!(
        answers[0]["error"]["message"],
        "the context key `aws:MultiFactorAuthPresent` is known to the server alone"
    );
}

#[tokio::test]
async fn questions_that_make_no_sense_are_refused() {
    let fixture = Fixture::start().await;
    fixture.caller("alice").await;
    let store = token("store");
    let many: Vec<_> = (0..101).map(|_| question(ALICE)).collect();
    for body in [
        json!({}),
        json!({ "requests": [] }),
        json!({ "requests": many }),
        json!({ "requests": [{ "who": 1 }] }),
        json!({ "requests": 7 }),
    ] {
        assert_eq!(ask(&fixture, PATH, &store, &body).await.0, 400);
    }
    let with = |name: &str, value: Value| {
        let mut item = question(ALICE);
        item[name] = value;
        item
    };
    let answers = by_point(
        &fixture,
        json!([
            with("action", json!("*")),
            with("action", json!("execute-api:*")),
            with("action", Value::Null),
            with("resource", json!("pets")),
            with("resourceAccount", json!("444455556666")),
            with("resourceAccount", json!("x")),
            with("accessKeyId", json!("AKIAIOSFODNN7EXAMPLE")),
            with("context", json!({ "aws:SourceIp": "x" })),
            { "action": "s3:GetObject", "resource": "*" },
        ]),
    )
    .await;
    for answer in answers.as_array().unwrap() {
        assert_eq!(
            (&answer["decision"], &answer["error"]["code"]),
            (&json!("deny"), &json!("ValidationError")),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn a_key_of_another_account_is_answered_as_one_that_there_is_not() {
    let fixture = Fixture::start().await;
    let root = fixture.server.root.clone();
    let other = fixture.server.new_account("444455556666").await;
    let key = |id: &str| json!({ "accessKeyId": id, "action": "s3:GetObject", "resource": "arn:aws:s3:::b/k", "trace": true });
    let questions = json!([key(&other.access_key_id), key("AKIAIOSFODNN7EXAMPLE")]);
    let (_, answer) = by_principal(&fixture, &root, questions.clone()).await;
    let decisions = &answer["decisions"];
    assert_eq!(decisions[0]["error"]["code"], "AccessDenied", "{answer}");
    assert_eq!(decisions[0], decisions[1]);
    assert_eq!(by_point(&fixture, questions).await, *decisions);
    // Nor by their ARN, whatever the asker may do at home.
    let named = json!([question("arn:aws:iam::444455556666:root")]);
    let (_, answer) = by_principal(&fixture, &root, named).await;
    assert_eq!(answer["decisions"][0]["error"]["code"], "AccessDenied", "{answer}");
}

/// A user of the account 444455556666 who may do everything.
async fn stranger(fixture: &Fixture) -> Credentials {
    let root = fixture.server.new_account("444455556666").await;
    let call = async |operation: &str, parameters: &[(&str, &str)]| {
        fixture.server.call(&root, operation, parameters).await.ok()
    };
    call("CreateUser", &[("UserName", "mallory")]).await;
    let everything = r#"{"Version":"2012-10-17","Statement":[{"Sid":"Theirs","Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    let policy =
        [("UserName", "mallory"), ("PolicyName", "their-policy"), ("PolicyDocument", everything)];
    call("PutUserPolicy", &policy).await;
    let key = call("CreateAccessKey", &[("UserName", "mallory")]).await;
    Credentials {
        access_key_id: key.text("AccessKeyId"),
        secret_access_key: key.text("SecretAccessKey"),
        session_token: None,
    }
}

#[tokio::test]
async fn a_signer_of_another_account_is_asked_about_that_request_alone() {
    let fixture = Fixture::start().await;
    let mallory = stranger(&fixture).await;
    let sent = fixture.signed(&mallory, "GET", "/v1/pets/3");
    let with = |members: Value| {
        let mut item = signed_item(&sent);
        item.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        item
    };
    let questions = json!([
        with(json!({})),
        with(json!({ "trace": true })),
        with(json!({ "action": "s3:GetObject", "resource": "arn:aws:s3:::theirs/a" })),
        with(json!({ "action": "execute-api:Invoke", "resource": format!("{ARN}/GET/other") })),
        with(
            json!({ "action": "s3:GetObject", "resource": "*", "resourceAccount": "444455556666" })
        ),
    ]);
    let root = fixture.server.root.clone();
    let (_, by_principal) = by_principal(&fixture, &root, questions.clone()).await;
    for answers in [by_point(&fixture, questions).await, by_principal["decisions"].clone()] {
        assert_eq!(answers[0]["decision"], "allow", "{answers}");
        assert_eq!(answers[0]["principal"], "arn:aws:iam::444455556666:user/mallory");
        for answer in &answers.as_array().unwrap()[1..] {
            assert_eq!(answer["error"]["code"], "ValidationError", "{answer}");
        }
        let told = answers.to_string();
        assert!(!told.contains("their-policy") && !told.contains("Theirs"), "{told}");
    }
    // What their policies ask for is not told either.
    let denied = Sent::new("PUT", "/v1/pets/3").sign(&fixture, &mallory, "execute-api");
    let answers = by_point(&fixture, json!([signed_item(&denied)])).await;
    assert_eq!(answers[0]["decision"], "deny");
    assert!(answers[0].get("missingContext").is_none() && answers[0].get("policy").is_none());
}

#[tokio::test]
async fn a_principal_shows_requests_for_the_apis_of_its_account_alone() {
    let fixture = Fixture::start().await;
    let alice = fixture.caller("alice").await;
    let other = fixture.server.new_account("444455556666").await;
    let item = signed_item(&fixture.signed(&alice, "GET", "/v1/pets/3"));
    let (_, answer) = by_principal(&fixture, &other, json!([item.clone()])).await;
    let error = &answer["decisions"][0]["error"];
    assert_eq!(error["message"], "there is no such API at this host and path", "{answer}");
    let root = fixture.server.root.clone();
    let (_, answer) = by_principal(&fixture, &root, json!([item])).await;
    assert_eq!(answer["decisions"][0]["decision"], "allow");
}

#[tokio::test]
async fn the_policy_of_another_accounts_api_decides_and_is_not_shown() {
    let fixture = Fixture::start().await;
    let mallory = "arn:aws:iam::444455556666:user/mallory";
    stranger(&fixture).await;
    let asker = fixture.server.new_account("777788889999").await;
    let root = "arn:aws:iam::777788889999:root";
    let invoke = |who: &str, path: &str| json!({ "principal": who, "action": "execute-api:Invoke", "resource": format!("{ARN}/{path}"), "trace": true });
    let questions =
        json!([invoke(root, "DELETE/kept/x"), invoke(root, "GET/public/a"), invoke(root, "PUT/a")]);
    let (_, answer) = by_principal(&fixture, &asker, questions).await;
    let answers = &answer["decisions"];
    assert_eq!((&answers[0]["decision"], &answers[0]["explicit"]), (&json!("deny"), &json!(true)));
    assert_eq!(answers[1]["decision"], "allow", "{answer}");
    assert_eq!(answers[2]["decision"], "deny");
    let told = answers.to_string();
    for hidden in ["Kept", "kept/*", "public/*", "444455556666", "resource policy"] {
        assert!(!told.contains(hidden), "{hidden} in {told}");
    }
    for answer in answers.as_array().unwrap() {
        assert!(answer.get("policy").is_none() && answer.get("statement").is_none(), "{answer}");
        let gates = answer["trace"]["gates"].as_array().unwrap();
        assert!(gates.iter().all(|gate| gate["kind"] != "resource-based policy"), "{answer}");
    }
    // A point that protects the API sees it, of whatever account the point is.
    let mut settings = crate::fixture::settings();
    settings["points"][4]["account"] = json!("444455556666");
    let guard = std::sync::Arc::new(crate::fixture::guard(&fixture.server, settings).unwrap());
    let fixture = Fixture { guard, ..fixture };
    let answers = by_point(&fixture, json!([invoke(mallory, "DELETE/kept/x")])).await;
    assert_eq!(answers[0]["statement"], "Kept", "{answers}");
    assert!(answers[0]["trace"].to_string().contains("public/*"));
}

#[tokio::test]
async fn what_a_signed_request_says_itself_is_not_told_beside_it() {
    let fixture = Fixture::start().await;
    let alice = fixture.caller("alice").await;
    let with = |key: &str, value: Value| {
        let mut item = signed_item(&fixture.signed(&alice, "GET", "/v1/pets/3"));
        item["context"] = json!({ key: value });
        item
    };
    let questions = json!([
        with("aws:UserAgent", json!("other")),
        with("AWS:referer", json!("https://example.com/")),
        with("aws:RequestedRegion", json!("eu-west-1")),
        with("aws:SourceIp", json!("192.0.2.7")),
    ]);
    let answers = by_point(&fixture, questions).await;
    for (place, key) in ["aws:UserAgent", "AWS:referer", "aws:RequestedRegion"].iter().enumerate() {
        let message = format!("the context key `{key}` is told by the signed request itself");
        assert_eq!(answers[place]["error"]["message"], message);
    }
    assert_eq!(answers[3]["decision"], "allow", "{answers}");
}

#[tokio::test]
async fn a_question_leaves_no_record_in_an_account_that_it_names() {
    let fixture = Fixture::start().await;
    fixture.caller("alice").await;
    fixture.server.new_account("444455556666").await;
    let ask = async |bucket: &str, owner: &str| {
        let item = json!({ "principal": ALICE, "action": "s3:GetObject", "resource": format!("arn:aws:s3:::{bucket}/k"), "resourceAccount": owner });
        by_point(&fixture, json!([item])).await
    };
    ask("theirs", "444455556666").await;
    ask("last", "111122223333").await;
    fixture.server.records.wait_for(&["arn:aws:s3:::last/k"]).await;
    let records = fixture.server.records.lines();
    let about: Vec<_> = records.iter().filter(|it| it.contains("arn:aws:s3:::theirs/k")).collect();
    assert_eq!(about.len(), 1, "{about:?}");
    assert!(about[0].contains(r#""recipientAccountId":"111122223333""#), "{about:?}");
}

/// A user's question about an action; what was decided, and by what kind of policy.
async fn asked(fixture: &Fixture, who: &str, action: &str, resource: &str) -> (String, String) {
    let answers =
        by_point(fixture, json!([{ "principal": who, "action": action, "resource": resource }]))
            .await;
    let text = |name: &str| answers[0][name].as_str().unwrap_or_default().to_owned();
    (text("decision"), text("decidedBy"))
}

#[tokio::test]
async fn a_bucket_that_is_kept_here_is_decided_on_with_its_policy() {
    let fixture = Fixture::start().await;
    fixture.server.user("alice").await;
    let bob = fixture.server.user("bob").await;
    let root = fixture.server.root.clone();
    let all = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
    fixture.server.allow("bob", "s3", all).await;
    let other = fixture.server.new_account("444455556666").await;
    fixture.server.s3_as(&root, "PUT /photos", "").await.ok();
    fixture.server.s3_as(&other, "PUT /theirs", "").await.ok();
    fixture.server.s3_as(&other, "PUT /closed", "").await.ok();
    let policy = |bucket: &str, who: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[
                {{"Sid":"Reads","Effect":"Allow","Principal":{{"AWS":"{who}"}},"Action":"s3:GetObject","Resource":"arn:aws:s3:::{bucket}/*"}},
                {{"Sid":"Kept","Effect":"Deny","Principal":"*","Action":"s3:DeleteObject","Resource":"arn:aws:s3:::{bucket}/*"}}]}}"#
        )
    };
    let bob_arn = "arn:aws:iam::111122223333:user/bob";
    fixture.server.s3_as(&root, "PUT /photos?policy", &policy("photos", ALICE)).await.ok();
    fixture
        .server
        .s3_as(&other, "PUT /theirs?policy", &policy("theirs", "111122223333"))
        .await
        .ok();
    let allow = |by: &str| ("allow".to_owned(), by.to_owned());
    let deny = |by: &str| ("deny".to_owned(), by.to_owned());
    let (own, theirs) = ("arn:aws:s3:::photos/a", "arn:aws:s3:::theirs/a");
    // The bucket's policy allows by itself in its account, and denies whatever others allow.
    assert_eq!(asked(&fixture, ALICE, "s3:GetObject", own).await, allow("resource-based policy"));
    assert_eq!(
        asked(&fixture, bob_arn, "s3:DeleteObject", own).await,
        deny("resource-based policy")
    );
    assert_eq!(asked(&fixture, bob_arn, "S3:deleteobject", own).await.0, "deny");
    // Across accounts both must allow, whatever account the asker would think the bucket's.
    assert_eq!(asked(&fixture, bob_arn, "s3:GetObject", theirs).await.0, "allow");
    assert_eq!(asked(&fixture, ALICE, "s3:GetObject", theirs).await.0, "deny");
    assert_eq!(asked(&fixture, bob_arn, "s3:PutObject", theirs).await.0, "deny");
    assert_eq!(asked(&fixture, bob_arn, "s3:GetObject", "arn:aws:s3:::closed/a").await.0, "deny");
    // As it really is.
    fixture.server.s3_as(&other, "PUT /theirs/a", "text").await.ok();
    fixture.server.s3_as(&bob, "GET /theirs/a", "").await.ok();
    fixture.server.s3_as(&bob, "GET /closed/a", "").await.refused("AccessDenied");

    let question = |action: &str, owner: Option<&str>| json!({ "principal": bob_arn, "action": action, "resource": theirs, "resourceAccount": owner, "trace": true });
    let questions = json!([
        question("s3:GetObject", Some("111122223333")),
        question("s3:GetObject", Some("444455556666")),
        question("s3:DeleteObject", None),
    ]);
    let answers = by_point(&fixture, questions).await;
    assert_eq!(answers[0]["error"]["code"], "ValidationError");
    assert_eq!(answers[1]["decision"], "allow");
    assert_eq!((&answers[2]["decision"], &answers[2]["explicit"]), (&json!("deny"), &json!(true)));
    // The other account's policy is not shown.
    let told = answers.to_string();
    assert!(!told.contains("Kept") && !told.contains("Reads"), "{told}");
}

#[tokio::test]
async fn a_role_is_decided_on_with_its_trust_policy() {
    let fixture = Fixture::start().await;
    let alice = fixture.server.user("alice").await;
    fixture.server.user("bob").await;
    let any = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:*","Resource":"*"}]}"#;
    fixture.server.allow("alice", "sts", any).await;
    fixture.server.allow("bob", "sts", any).await;
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{ALICE}"}},"Action":"sts:AssumeRole"}}]}}"#
    );
    let root = fixture.server.root.clone();
    let role = [("RoleName", "reader"), ("AssumeRolePolicyDocument", &*trust)];
    fixture.server.call(&root, "CreateRole", &role).await.ok();
    let arn = "arn:aws:iam::111122223333:role/reader";
    for (who, action, resource, decision) in [
        (ALICE, "sts:AssumeRole", arn, "allow"),
        (ALICE, "STS:assumerole", arn, "allow"),
        (ALICE, "sts:TagSession", arn, "deny"),
        (ALICE, "sts:AssumeRole", "arn:aws:iam::111122223333:role/none", "deny"),
        (ALICE, "sts:AssumeRole", "arn:aws:iam::111122223333:role/path/reader", "deny"),
        (ALICE, "sts:AssumeRole", "arn:aws:iam::444455556666:role/reader", "deny"),
        ("arn:aws:iam::111122223333:user/bob", "sts:AssumeRole", arn, "deny"),
        ("arn:aws:iam::111122223333:root", "sts:AssumeRole", arn, "deny"),
    ] {
        assert_eq!(
            asked(&fixture, who, action, resource).await.0,
            decision,
            "{who} {action} {resource}"
        );
    }
    let taken = [("RoleArn", arn), ("RoleSessionName", "session")];
    fixture.server.call(&alice, "sts:AssumeRole", &taken).await.ok();
}
