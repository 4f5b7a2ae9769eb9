//! Requests that no client sends, signed all the same.

use iamd_testkit::TestServer;

use super::{ME, given, is_orderly, post};

const GET_USER: &str = "Action=GetUser&Version=2010-05-08";

#[tokio::test]
async fn actions_and_versions_that_are_not_there() {
    let server = TestServer::start().await;
    let root = &server.root;
    for (form, code, message) in [
        ("", "MissingAction", "Missing Action"),
        ("Version=2010-05-08", "MissingAction", "Missing Action"),
        ("Action=&Version=2010-05-08", "MissingAction", "Missing Action"),
        ("action=GetUser&version=2010-05-08", "MissingAction", "Missing Action"),
        (
            "Action=Nonsense&Version=2010-05-08",
            "InvalidAction",
            "Could not find operation Nonsense for version 2010-05-08",
        ),
        (
            "Action=getuser&Version=2010-05-08",
            "InvalidAction",
            "Could not find operation getuser for version 2010-05-08",
        ),
        (
            "Action=Nonsense",
            "InvalidAction",
            "Could not find operation Nonsense for version NO_VERSION_SPECIFIED",
        ),
        ("Action=GetUser&Version=2011-06-15", "NoSuchVersion", "Could not find version"),
        ("Action=GetUser&Version=", "NoSuchVersion", "Could not find version"),
        // Another service's actions, under this one's scope.
        ("Action=GetCallerIdentity&Version=2011-06-15", "NoSuchVersion", "Could not find version"),
        (
            "Action=GetCallerIdentity&Version=2010-05-08",
            "InvalidAction",
            "Could not find operation GetCallerIdentity for version 2010-05-08",
        ),
        (
            "Action=AssumeRole",
            "InvalidAction",
            "Could not find operation AssumeRole for version NO_VERSION_SPECIFIED",
        ),
    ] {
        let answer = post(&server, root, form.as_bytes()).await;
        is_orderly(&answer);
        answer.refused_with(code, message);
    }
    let answer = post(&server, root, b"Action=GetCredentialReport&Version=2010-05-08").await;
    is_orderly(&answer);
    post(&server, root, b"Action=GetUser").await.ok();
}

#[tokio::test]
async fn nobody_learns_about_actions_without_a_signature() {
    let server = TestServer::start().await;
    for form in ["", "Action=Nonsense", "Action=GetUser&Version=1", "%zz", "a=1&a=2"] {
        let headers = TestServer::headers("iam");
        let answer = server.handle("POST", "/", &headers, form.as_bytes()).await;
        is_orderly(&answer);
        answer.refused("MissingAuthenticationToken");
    }
}

#[tokio::test]
async fn parameters_are_in_the_query_of_a_get_and_the_body_of_a_post() {
    let server = TestServer::start().await;
    let send = async |method: &str, target: &str, kind: &str, body: &str| {
        let mut headers = TestServer::headers("iam");
        match kind {
            "" => headers.retain(|(name, _)| name != "content-type"),
            kind => headers[1].1 = kind.to_owned(),
        }
        server.sign(&server.root, "iam", (method, target), &mut headers, body.as_bytes());
        let answer = server.handle(method, target, &headers, body.as_bytes()).await;
        is_orderly(&answer);
        answer
    };
    let form = "application/x-www-form-urlencoded";
    let query = format!("/?{GET_USER}");
    send("GET", &query, "", "").await.ok();
    // A body beside the query of a GET is nothing.
    let create = "Action=CreateUser&Version=2010-05-08&UserName=x";
    assert!(send("GET", &query, form, create).await.ok().body.contains("GetUserResponse"));
    send("GET", "/", form, GET_USER).await.refused("MissingAction");
    send("POST", &query, form, "").await.ok();
    // Nor is a query beside the body of a POST: one source counts.
    let both = send("POST", &format!("/?{create}"), form, GET_USER).await.ok();
    assert!(both.body.contains("GetUserResponse"));
    send("POST", "/", "", GET_USER).await.ok();
    send("POST", "/", "application/x-www-form-urlencoded; charset=utf-8", GET_USER).await.ok();
    send("POST", "/", "APPLICATION/X-WWW-FORM-URLENCODED", GET_USER).await.ok();
    for kind in
        ["application/json", "application/x-amz-json-1.1", "text/plain", "multipart/form-data"]
    {
        send("POST", "/", kind, GET_USER).await.refused("MissingAction");
    }
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "post", "CONNECT"] {
        send(method, &query, form, GET_USER).await.refused("MissingAction");
    }
    for path in ["/x", "/iam/", "/index.html", "/-/x"] {
        let target = format!("{path}?{GET_USER}");
        send("GET", &target, "", "").await.refused("MissingAction");
    }
    let users = server.as_root("ListUsers").await.ok().texts("UserName");
    assert_eq!(users, Vec::<String>::new());
}

#[tokio::test]
async fn what_is_there_twice_counts_neither_way() {
    let server = TestServer::start().await;
    for form in [
        "Action=GetUser&Action=ListUsers&Version=2010-05-08",
        "Action=CreateUser&Version=2010-05-08&UserName=a&UserName=b",
        "Action=CreateUser&Version=2010-05-08&UserName=a&User%4Eame=b",
    ] {
        let answer = post(&server, &server.root, form.as_bytes()).await;
        is_orderly(&answer);
        answer.refused("MalformedInput");
    }
    let mut headers = TestServer::headers("iam");
    headers.push(("content-type".to_owned(), "application/json".to_owned()));
    server.sign(&server.root, "iam", ("POST", "/"), &mut headers, GET_USER.as_bytes());
    let answer = server.handle("POST", "/", &headers, GET_USER.as_bytes()).await;
    answer.refused("MissingAction");
}

#[tokio::test]
async fn forms_that_are_none() {
    let server = TestServer::start().await;
    let base = "Action=CreateUser&Version=2010-05-08&UserName=";
    for (rest, code) in [
        (&b"%"[..], "MalformedQueryString"),
        (b"%2", "MalformedQueryString"),
        (b"%zz", "MalformedQueryString"),
        (b"%ff", "MalformedQueryString"),
        (b"%ED%A0%80", "MalformedQueryString"),
        (b"\xff", "MalformedQueryString"),
        (b"a&=b", "MalformedQueryString"),
        (b"%00", "ValidationError"),
        (b"a%00b", "ValidationError"),
        (b"%0d%0a", "ValidationError"),
        (b"<script>", "ValidationError"),
        (b"", "ValidationError"),
        (b"a&UserName.x=1", "MalformedInput"),
        (b"a&Tags=x", "MalformedInput"),
        (b"a&Tags.member=x", "MalformedInput"),
        (b"a&Tags.x.1.Key=k", "MalformedInput"),
        (b"a&Tags.member.0.Key=k", "MalformedInput"),
        (b"a&Tags.member.01.Key=k", "MalformedInput"),
        (b"a&Tags.member.-1.Key=k", "MalformedInput"),
        (b"a&Tags.member.4294967296.Key=k", "MalformedInput"),
        (b"a&Tags.member.99999999999999999999.Key=k", "MalformedInput"),
        (b"a&Tags.member.1.Key.x=k", "MalformedInput"),
        (b"a&Tags.member.1=k", "MalformedInput"),
        (b"a&Tags.member.1.Value=v", "ValidationError"),
    ] {
        let form = [base.as_bytes(), rest].concat();
        let answer = post(&server, &server.root, &form).await;
        is_orderly(&answer);
        assert_eq!(answer.code(), code, "{:?}", String::from_utf8_lossy(rest));
    }
    // Gaps in the numbers close, an empty list is none, unknown names are passed over.
    for rest in [
        "a&Tags.member.4294967295.Key=k&Tags.member.4294967295.Value=",
        "b&Tags=",
        "c&Nonsense=1&&",
    ] {
        post(&server, &server.root, format!("{base}{rest}").as_bytes()).await.ok();
    }
}

#[tokio::test]
async fn forms_that_are_too_much() {
    let server = TestServer::start().await;
    let base = "Action=CreateUser&Version=2010-05-08&UserName=a";
    let send = async |rest: &str| {
        let answer = post(&server, &server.root, format!("{base}{rest}").as_bytes()).await;
        is_orderly(&answer);
        answer
    };
    let unknown = |count: usize| (0..count).map(|n| format!("&x{n}=")).collect::<String>();
    send(&unknown(9_998)).await.refused("MalformedInput").message();
    send(&unknown(9_997)).await.ok();
    given(&server, "DeleteUser UserName=a").await;
    let tags = |count: usize| {
        let tag = |n| format!("&Tags.member.{n}.Key=k{n}&Tags.member.{n}.Value=");
        (1..=count).map(tag).collect::<String>()
    };
    let message = "1 validation error detected: Value at 'tags' failed to satisfy constraint: Member \
                   must have length less than or equal to 50";
    send(&tags(4_998)).await.refused_with("ValidationError", message);
    send(&format!("&{}=x", "a.".repeat(32))).await.refused("MalformedQueryString");
    send(&format!("&{}=x", "a".repeat(513))).await.refused("MalformedQueryString");
    send(&format!("&UserName={}", "a".repeat(1 << 20))).await.refused("MalformedInput");
    let huge = "a".repeat(16 * 1024 * 1024);
    send(&format!("&x={huge}")).await.refused("RequestEntityTooLarge");
}

#[tokio::test]
async fn documents_that_are_too_much() {
    let server = TestServer::start().await;
    given(&server, "CreateUser UserName=u").await;
    let put = async |document: &str| {
        let parameters = [("UserName", "u"), ("PolicyName", "p"), ("PolicyDocument", document)];
        let answer = server.call(&server.root, "PutUserPolicy", &parameters).await;
        is_orderly(&answer);
        let trust = [("RoleName", "r"), ("AssumeRolePolicyDocument", document)];
        let role = server.call(&server.root, "CreateRole", &trust).await;
        is_orderly(&role);
        assert_ne!(role.status, 200);
        answer
    };
    put(&" ".repeat(131_073)).await.refused("ValidationError");
    for document in [
        " ".repeat(131_072),
        "[".repeat(100_000),
        "{\"a\":".repeat(20_000),
        format!("{}{}", "[".repeat(60_000), "]".repeat(60_000)),
        "\"".to_owned(),
        "null".to_owned(),
        "1e999999".to_owned(),
        "{\"Version\":\"2012-10-17\",\"Statement\":1e400}".to_owned(),
        "\u{FF}".repeat(1000),
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"\ud800","Resource":"*"}}"#.to_owned(),
    ] {
        put(&document).await.refused("MalformedPolicyDocument");
    }
    let values = |count: usize| vec![r#""s3:a""#; count].join(",");
    let long = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":[{}],"Resource":"*"}}}}"#,
        values(15_000)
    );
    put(&long).await.refused("LimitExceeded");
    let stars = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::{}"}}}}"#,
        "*a".repeat(900)
    );
    put(&stars).await.ok();
}

#[tokio::test]
async fn patterns_and_variables_do_not_grow_without_end() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let resource = format!("{ME}:user/{}b", "*a".repeat(700));
    let document = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"iam:*","Resource":"{resource}"}}}}"#
    );
    server.allow("alice", "p", &document).await;
    let line = format!("GetUser UserName={}", "a".repeat(128));
    server.ask(&alice, &line).await.refused("AccessDenied");
    let line = format!(
        "TagUser UserName=alice Tags.member.1.Key=k Tags.member.1.Value={}",
        "v".repeat(256)
    );
    given(&server, &line).await;
    let document =
        document.replace(&resource, &format!("{ME}:user/{}", "${aws:PrincipalTag/k}".repeat(80)));
    server.allow("alice", "p", &document).await;
    server.ask(&alice, "GetUser").await.refused("AccessDenied");
}

#[tokio::test]
async fn what_is_echoed_is_escaped() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let name = "<a>&\"'\r\n\u{1}\u{FFFE}</Message><x/>";
    let parameters = [("RoleArn", "arn:aws:iam::111122223333:role/r"), ("RoleSessionName", name)];
    let answer =
        server.call(&alice, "sts:AssumeRole", &parameters).await.refused("ValidationError");
    is_orderly(&answer);
    assert_eq!(answer.members("Error"), ["Type", "Code", "Message"]);
    assert!(!answer.body.contains(['\u{1}', '\u{FFFE}', '\r']));
    assert!(answer.message().contains("'<a>&\"'"), "{}", answer.message());
    let answer = post(&server, &server.root, b"Action=%3Cx%3E%01&Version=2010-05-08").await;
    is_orderly(&answer);
    assert!(answer.message().contains("<x>"));
}

#[tokio::test]
async fn headers_beyond_reason() {
    let server = TestServer::start().await;
    let mut headers = TestServer::headers("iam");
    headers.extend((0..300).map(|n| (format!("x-h{n}"), "v".to_owned())));
    server.sign(&server.root, "iam", ("POST", "/"), &mut headers, GET_USER.as_bytes());
    let answer = server.handle("POST", "/", &headers, GET_USER.as_bytes()).await;
    is_orderly(&answer);
    assert_eq!(answer.status, 400, "{}", answer.body);
    let mut headers = TestServer::headers("iam");
    headers.push(("x-long".to_owned(), "v".repeat(100_000)));
    server.sign(&server.root, "iam", ("POST", "/"), &mut headers, GET_USER.as_bytes());
    is_orderly(&server.handle("POST", "/", &headers, GET_USER.as_bytes()).await);
    // Two of a kind are signed together, in their order.
    let mut headers = TestServer::headers("iam");
    headers.push(("x-two".to_owned(), "a".to_owned()));
    headers.push(("x-two".to_owned(), "b".to_owned()));
    server.sign(&server.root, "iam", ("POST", "/"), &mut headers, GET_USER.as_bytes());
    server.handle("POST", "/", &headers, GET_USER.as_bytes()).await.ok();
    headers.swap(3, 4);
    let answer = server.handle("POST", "/", &headers, GET_USER.as_bytes()).await;
    answer.refused("SignatureDoesNotMatch");
}
