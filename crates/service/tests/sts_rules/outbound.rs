//! GetWebIdentityToken: the account as an issuer, and its tokens in another account.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use iamd_federation::{Jwk, Token};
use iamd_service::Settings;
use iamd_testkit::{Credentials, TestIssuer, TestServer};
use iamd_types::Clock;
use serde_json::{Value, json};

use super::{ME, given, make_role, session, trust, user};

const ASK: &str = "sts:GetWebIdentityToken Audience.member.1=app SigningAlgorithm=";

async fn server() -> (TestServer, TestIssuer) {
    let host = TestIssuer::start().await;
    let server = TestServer::start_with_issuers(host.fetch_settings(), Settings::default()).await;
    (server, host)
}

async fn document(server: &TestServer, name: &str) -> String {
    let path = format!("111122223333/.well-known/{name}");
    server.service.issuer_document(&path).await.unwrap().unwrap()
}

/// The claims of a token, verified against the keys that the server shows.
async fn claims(server: &TestServer, token: &str) -> Value {
    let keys = Jwk::read_set(document(server, "jwks.json").await.as_bytes()).unwrap();
    let claims = Token::parse(token).unwrap().verify(&keys).unwrap();
    let names = ["iss", "sub", "aud", "iat", "exp"];
    names.iter().map(|name| ((*name).to_owned(), json!(claims.scalar(name)))).collect()
}

#[tokio::test]
async fn it_is_turned_on_and_off() {
    let (server, host) = server().await;
    let disabled = "Outbound web identity federation is not enabled for this account.";
    for line in ["GetOutboundWebIdentityFederationInfo", "DisableOutboundWebIdentityFederation"] {
        server.as_root(line).await.refused_with("FeatureDisabled", disabled);
    }
    let code = "OutboundWebIdentityFederationDisabledException";
    server.as_root(&format!("{ASK}RS256")).await.refused_with(code, disabled);
    let enabled = server.as_root("EnableOutboundWebIdentityFederation").await.ok();
    let issuer = format!("https://{}/-/oidc/111122223333", host.name);
    assert_eq!(enabled.text("IssuerIdentifier"), issuer);
    server.as_root("EnableOutboundWebIdentityFederation").await.refused("FeatureEnabled");
    let told = server.as_root("GetOutboundWebIdentityFederationInfo").await.ok();
    assert_eq!(told.text("IssuerIdentifier"), issuer);
    assert_eq!(told.text("JwtVendingEnabled"), "true");
    let found: Value =
        serde_json::from_str(&document(&server, "openid-configuration").await).unwrap();
    assert_eq!(found["issuer"], issuer);
    assert_eq!(found["jwks_uri"], format!("{issuer}/.well-known/jwks.json"));
    let keys = document(&server, "jwks.json").await;
    assert_eq!(Jwk::read_set(keys.as_bytes()).unwrap().len(), 2);
    for private in [r#""d""#, r#""p""#, r#""q""#, r#""k""#] {
        assert!(!keys.contains(private));
    }
    // Tokens that are out can be verified to their end; then nothing is shown any more.
    server.as_root("DisableOutboundWebIdentityFederation").await.ok();
    server.as_root(&format!("{ASK}RS256")).await.refused(code);
    assert_eq!(document(&server, "jwks.json").await, keys);
    server.clock.advance(7200);
    for path in
        ["111122223333/.well-known/jwks.json", "999999999999/.well-known/jwks.json", "x/y", ""]
    {
        assert_eq!(server.service.issuer_document(path).await.unwrap(), None, "{path}");
    }
    server.as_root("EnableOutboundWebIdentityFederation").await.ok();
    assert_ne!(document(&server, "jwks.json").await, keys);
}

#[tokio::test]
async fn a_token_says_who_asked_for_it() {
    let (server, host) = server().await;
    given(&server, "EnableOutboundWebIdentityFederation").await;
    let now = server.clock.now().seconds();
    for (algorithm, seconds) in [("RS256", None), ("ES384", Some(900))] {
        let more = seconds.map_or(String::new(), |it: i64| format!(" DurationSeconds={it}"));
        let answer = server.as_root(&format!("{ASK}{algorithm}{more}")).await.ok();
        let token = answer.text("WebIdentityToken");
        assert_eq!(
            claims(&server, &token).await,
            json!({
                "iss": format!("https://{}/-/oidc/111122223333", host.name),
                "sub": format!("{ME}:root"), "aud": "app", "iat": now.to_string(),
                "exp": (now + seconds.unwrap_or(300)).to_string(),
            })
        );
        assert!(server.records.lines().iter().all(|line| !line.contains(&token)));
    }
    server.as_root(&format!("{ASK}HS256")).await.refused("ValidationError");
    let many: String = (1..=50)
        .map(|n| format!(" Tags.member.{n}.Key=k{n} Tags.member.{n}.Value={}", "v".repeat(200)))
        .collect();
    let answer = server.as_root(&format!("{ASK}ES384{many}")).await;
    answer.refused("JWTPayloadSizeExceededException");
}

/// What the token tells in AWS's own claim.
fn told(token: &str) -> Value {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    let payload: Value = serde_json::from_slice(&payload).unwrap();
    payload["https://sts.amazonaws.com/"].clone()
}

#[tokio::test]
async fn a_token_tells_the_tags_of_its_principal() {
    let (server, _host) = server().await;
    let alice = server.user("alice").await;
    given(&server, "EnableOutboundWebIdentityFederation").await;
    given(&server, "TagUser UserName=alice Tags.member.1.Key=Desk Tags.member.1.Value=7").await;
    server.allow("alice", "all", &super::policy("Allow", "*")).await;
    let ask = async |who: &Credentials, more: &str| {
        let answer = server.ask(who, &format!("{ASK}ES384{more}")).await.ok();
        told(&answer.text("WebIdentityToken"))
    };
    let tags = " Tags.member.1.Key=Job Tags.member.1.Value=nightly";
    let claim = ask(&alice, tags).await;
    assert_eq!(claim["principal_tags"], json!({"Desk": "7"}));
    assert_eq!(claim["request_tags"], json!({"Job": "nightly"}));

    make_role(&server, "r", &trust(&user("alice"), r#""sts:*""#, "{}")).await;
    let tags = "Tags.member.1.Key=Team Tags.member.1.Value=blue Tags.member.2.Key=Cost Tags.member.2.Value=1";
    given(&server, &format!("TagRole RoleName=r {tags}")).await;
    let assume = "sts:AssumeRole RoleArn={ME}:role/r RoleSessionName=s1";
    let role = session(&server, &alice, assume).await;
    assert_eq!(ask(&role, "").await["principal_tags"], json!({"Team": "blue", "Cost": "1"}));
    // The session's tag takes the place of the role's, whatever its case.
    let tagged = format!("{assume} Tags.member.1.Key=team Tags.member.1.Value=red");
    let role = session(&server, &alice, &tagged).await;
    let claim = ask(&role, "").await;
    assert_eq!(claim["principal_tags"], json!({"team": "red", "Cost": "1"}));
    assert!(claim.get("request_tags").is_none());
}

#[tokio::test]
async fn a_token_does_not_outlast_its_session() {
    let (server, _host) = server().await;
    let alice = server.user("alice").await;
    make_role(&server, "r", &trust(&user("alice"), r#""sts:*""#, "{}")).await;
    given(&server, "EnableOutboundWebIdentityFederation").await;
    let line = "sts:AssumeRole RoleArn={ME}:role/r RoleSessionName=s1 DurationSeconds=900";
    let role = session(&server, &alice, line).await;
    let answer = server.ask(&role, &format!("{ASK}ES384 DurationSeconds=900")).await.ok();
    let claims = claims(&server, &answer.text("WebIdentityToken")).await;
    assert_eq!(claims["sub"], format!("{ME}:role/r"));
    let answer = server.ask(&role, &format!("{ASK}ES384 DurationSeconds=901")).await;
    answer.refused("SessionDurationEscalationException");
}

/// One account's token lets its bearer into another account.
#[tokio::test]
async fn round_trip() {
    let (server, host) = server().await;
    given(&server, "EnableOutboundWebIdentityFederation").await;
    for name in ["openid-configuration", "jwks.json"] {
        let path = format!("/-/oidc/111122223333/.well-known/{name}");
        host.show(&path, 200, &document(&server, name).await);
    }
    let other = server.new_account("444455556666").await;
    let issuer = format!("{}/-/oidc/111122223333", host.name);
    let line =
        format!("CreateOpenIDConnectProvider Url=https://{issuer} ClientIDList.member.1=app");
    server.ask(&other, &line).await.ok();
    let document = trust(
        &format!(r#"{{"Federated":"arn:aws:iam::444455556666:oidc-provider/{issuer}"}}"#),
        r#""sts:AssumeRoleWithWebIdentity""#,
        &format!(r#"{{"StringEquals":{{"{issuer}:sub":"{ME}:root"}}}}"#),
    );
    let line = format!("CreateRole RoleName=guest AssumeRolePolicyDocument={document}");
    server.ask(&other, &line).await.ok();
    for algorithm in ["RS256", "ES384"] {
        let token = server.as_root(&format!("{ASK}{algorithm}")).await.ok();
        let parameters = [
            ("RoleArn", "arn:aws:iam::444455556666:role/guest"),
            ("RoleSessionName", "visit"),
            ("WebIdentityToken", &*token.text("WebIdentityToken")),
        ];
        let answer = server.call_unsigned("sts:AssumeRoleWithWebIdentity", &parameters).await.ok();
        let caller = server.ask(&Credentials::of(&answer), "sts:GetCallerIdentity").await.ok();
        assert_eq!(caller.text("Arn"), "arn:aws:sts::444455556666:assumed-role/guest/visit");
    }
}
