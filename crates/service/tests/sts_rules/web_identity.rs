//! AssumeRoleWithWebIdentity against a real issuer over HTTPS: whose tokens are taken, what becomes of
//! their claims, and what nobody gets the server to do.

use iamd_federation::{Algorithm, FetchSettings, mint, sign};
use iamd_service::Settings;
use iamd_testkit::{Answer, Credentials, TestIssuer, TestServer};
use iamd_types::Clock;
use serde_json::{Value, json};

use super::{ME, given, make_role};

const KEYS: &str = "Couldn't retrieve verification key from your identity provider,  please reference \
                    AssumeRoleWithWebIdentity documentation for requirements";
const DENIED: &str = "Not authorized to perform sts:AssumeRoleWithWebIdentity";
const NO_JWT: &str = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)";

/// A server whose role `r` trusts `sub` `pod-1` of a running issuer, with this statement's actions.
struct Scene {
    server: TestServer,
    issuer: TestIssuer,
}

const ALL: &str = r#"["sts:AssumeRoleWithWebIdentity","sts:TagSession","sts:SetSourceIdentity"]"#;

impl Scene {
    async fn new() -> Self {
        let issuer = TestIssuer::start().await;
        let settings = issuer.fetch_settings();
        Self::with(issuer, settings).await
    }

    async fn with(issuer: TestIssuer, settings: FetchSettings) -> Self {
        let server = TestServer::start_with_issuers(settings, Settings::default()).await;
        let scene = Self { server, issuer };
        scene.provider(&"a".repeat(40)).await;
        let condition = scene.condition("sub", "pod-1");
        make_role(&scene.server, "r", &scene.trust(ALL, &condition)).await;
        scene
    }

    async fn provider(&self, thumbprint: &str) {
        let (url, line) = (&self.issuer.url, "ClientIDList.member.1=app ClientIDList.member.2=web");
        let line = format!(
            "CreateOpenIDConnectProvider Url={url} {line} ThumbprintList.member.1={thumbprint}"
        );
        given(&self.server, &line).await;
    }

    fn provider_arn(&self) -> String {
        format!("{ME}:oidc-provider/{}", self.issuer.name)
    }

    fn trust(&self, actions: &str, condition: &str) -> String {
        let principal = format!(r#"{{"Federated":"{}"}}"#, self.provider_arn());
        super::trust(&principal, actions, condition)
    }

    fn condition(&self, claim: &str, value: &str) -> String {
        format!(r#"{{"StringEquals":{{"{}:{claim}":"{value}"}}}}"#, self.issuer.name)
    }

    async fn trusts(&self, actions: &str, condition: &str) {
        let document = self.trust(actions, condition);
        given(
            &self.server,
            &format!("UpdateAssumeRolePolicy RoleName=r PolicyDocument={document}"),
        )
        .await;
    }

    /// Claims that are taken, with these in their place.
    fn claims(&self, changed: &Value) -> Value {
        let now = self.server.clock.now().seconds();
        let mut claims = json!({
            "iss": self.issuer.url, "sub": "pod-1", "aud": "app", "iat": now, "exp": now + 600,
        });
        for (name, value) in changed.as_object().unwrap() {
            match value {
                Value::Null => claims.as_object_mut().unwrap().remove(name),
                value => claims.as_object_mut().unwrap().insert(name.clone(), value.clone()),
            };
        }
        claims
    }

    #[expect(clippy::needless_pass_by_value, reason = "written where it is used")]
    fn token(&self, changed: Value) -> String {
        self.issuer.token(&self.claims(&changed))
    }

    async fn show(&self, token: &str) -> Answer {
        self.show_with(token, &[]).await
    }

    async fn show_with(&self, token: &str, more: &[(&str, &str)]) -> Answer {
        let role = format!("{ME}:role/r");
        let own: [(&str, &str); 3] =
            [("RoleArn", &role), ("RoleSessionName", "s1"), ("WebIdentityToken", token)];
        let parameters = [&own[..], more].concat();
        self.server.call_unsigned("sts:AssumeRoleWithWebIdentity", &parameters).await
    }

    async fn refused(&self, token: &str, code: &str, message: &str) {
        let answer = self.show(token).await;
        assert_eq!((answer.code().as_str(), answer.message().as_str()), (code, message));
    }

    async fn invalid(&self, token: &str, message: &str) {
        self.refused(token, "InvalidIdentityToken", message).await;
    }
}

#[tokio::test]
async fn a_token_becomes_a_session_of_the_role() {
    let scene = Scene::new().await;
    let answer = scene.show(&scene.token(json!({}))).await.ok();
    assert_eq!(
        answer.members("AssumeRoleWithWebIdentityResult"),
        ["Credentials", "SubjectFromWebIdentityToken", "AssumedRoleUser", "Provider", "Audience"]
    );
    assert_eq!(answer.text("SubjectFromWebIdentityToken"), "pod-1");
    assert_eq!(answer.text("Audience"), "app");
    assert_eq!(answer.text("Provider"), scene.provider_arn());
    let arn = "arn:aws:sts::111122223333:assumed-role/r/s1";
    assert_eq!(answer.text("Arn"), arn);
    let session = Credentials::of(&answer);
    let caller = scene.server.ask(&session, "sts:GetCallerIdentity").await.ok();
    assert_eq!(caller.text("Arn"), arn);
    let record = scene.server.records.wait_for(&["AssumeRoleWithWebIdentity"]).await;
    let record: Value = serde_json::from_str(&record).unwrap();
    let provider = scene.provider_arn();
    assert_eq!(
        record["userIdentity"],
        json!({
            "type": "WebIdentityUser", "principalId": format!("{provider}:app:pod-1"),
            "userName": "pod-1", "identityProvider": provider,
        })
    );
    assert_eq!(record["recipientAccountId"], "111122223333");
    assert!(record["requestParameters"].get("webIdentityToken").is_none());
}

#[tokio::test]
async fn the_trust_policy_decides_on_claims() {
    let scene = Scene::new().await;
    let denied =
        |claims| async { scene.refused(&scene.token(claims), "AccessDenied", DENIED).await };
    denied(json!({"sub": "pod-2"})).await;
    scene.trusts(ALL, &scene.condition("aud", "web")).await;
    denied(json!({})).await;
    let token = scene.token(json!({"aud": ["x", "app"], "azp": "web"}));
    scene.show(&token).await.ok();
    scene.trusts(ALL, &scene.condition("oaud", "x")).await;
    scene.show(&token).await.ok();
    let amr = format!(r#"{{"ForAnyValue:StringEquals":{{"{}:amr":"mfa"}}}}"#, scene.issuer.name);
    scene.trusts(ALL, &amr).await;
    denied(json!({"amr": ["pwd"]})).await;
    scene.show(&scene.token(json!({"amr": ["pwd", "mfa"]}))).await.ok();
    // Another action, another kind of principal, and a claim that is no condition key.
    scene.trusts(r#""sts:AssumeRole""#, "{}").await;
    denied(json!({})).await;
    scene.trusts(ALL, &scene.condition("groups", "admins")).await;
    denied(json!({"groups": "admins"})).await;
    // A role that is not there is refused alike.
    let (role, token) = (format!("{ME}:role/none"), scene.token(json!({})));
    let parameters = [("RoleArn", &*role), ("RoleSessionName", "s1"), ("WebIdentityToken", &token)];
    let answer = scene.server.call_unsigned("sts:AssumeRoleWithWebIdentity", &parameters);
    answer.await.refused_with("AccessDenied", DENIED);
}

/// Whoever shows anything learns the same of an account that is not here as of one without providers.
#[tokio::test]
async fn strangers_do_not_learn_which_accounts_there_are() {
    let scene = Scene::new().await;
    scene.server.new_account("444455556666").await;
    let issuer = &scene.issuer.url;
    let no_provider = format!("No OpenIDConnect provider found in your account for {issuer}");
    let (good, expired) = (scene.token(json!({})), scene.token(json!({"exp": 1})));
    for (token, message) in
        [(&*good, &*no_provider), (&*expired, &*no_provider), ("a.b.c", NO_JWT), ("junk", NO_JWT)]
    {
        for account in ["444455556666", "999999999999"] {
            let role = format!("arn:aws:iam::{account}:role/r");
            let parameters =
                [("RoleArn", &*role), ("RoleSessionName", "s1"), ("WebIdentityToken", token)];
            let answer = scene.server.call_unsigned("sts:AssumeRoleWithWebIdentity", &parameters);
            answer.await.refused_with("InvalidIdentityToken", message);
        }
    }
    // So do the records, which the operator reads.
    scene.server.records.wait_for(&["InvalidIdentityToken", "999999999999"]).await;
    for (account, provider) in [("444455556666", "x"), ("999999999999", "x")] {
        let role = format!("arn:aws:iam::{account}:role/r");
        let provider = format!("arn:aws:iam::{account}:saml-provider/{provider}");
        let parameters =
            [("RoleArn", &*role), ("PrincipalArn", &*provider), ("SAMLAssertion", "AAAA")];
        let answer = scene.server.call_unsigned("sts:AssumeRoleWithSAML", &parameters);
        let message = "Specified provider doesn't exist.";
        answer.await.refused_with("InvalidIdentityToken", message);
    }
}

/// Junk is answered and recorded so many times, then only answered; good tokens come through all the while.
#[tokio::test]
async fn junk_does_not_fill_the_audit_log() {
    let scene = Scene::new().await;
    for _ in 0..100 {
        scene.show(&scene.token(json!({}))).await.ok();
    }
    for _ in 0..60 {
        scene.invalid("junk", NO_JWT).await;
    }
    for _ in 0..100 {
        scene.refused("junk", "Throttling", "Rate exceeded").await;
    }
    scene.refused(&scene.token(json!({"sub": "pod-2"})), "Throttling", "Rate exceeded").await;
    scene.show(&scene.token(json!({}))).await.ok();
    scene.server.clock.advance(6);
    scene.invalid("junk", NO_JWT).await;
    scene.refused("junk", "Throttling", "Rate exceeded").await;
    scene.server.service.log().flush().await.unwrap();
    let lines = scene.server.records.lines();
    let failed = lines.iter().filter(|line| line.contains("InvalidIdentityToken"));
    assert_eq!(failed.count(), 61);
    assert!(!lines.iter().any(|line| line.contains("Throttling")));
}

#[tokio::test]
async fn tags_and_source_identity_come_from_the_token() {
    let scene = Scene::new().await;
    let claims = json!({
        "https://aws.amazon.com/tags": {
            "principal_tags": {"Team": ["blue"], "Cost": "7"}, "transitive_tag_keys": ["Team"],
        },
        "https://aws.amazon.com/source_identity": "ann",
    });
    let answer = scene.show(&scene.token(claims.clone())).await.ok();
    assert_eq!(answer.text("SourceIdentity"), "ann");
    assert!(answer.has("PackedPolicySize"));
    let tagged = format!(
        r#"{{"StringEquals":{{"aws:RequestTag/Team":"blue","sts:SourceIdentity":"ann","sts:RoleSessionName":"s1","{}:sub":"pod-1"}},"ForAnyValue:StringEquals":{{"sts:TransitiveTagKeys":"Team"}}}}"#,
        scene.issuer.name
    );
    scene.trusts(ALL, &tagged).await;
    scene.show(&scene.token(claims.clone())).await.ok();
    let flat = json!({
        "https://aws.amazon.com/tags/principal_tags/Team": ["blue"],
        "https://aws.amazon.com/tags/transitive_tag_keys": ["Team"],
        "https://aws.amazon.com/source_identity": "ann",
    });
    scene.show(&scene.token(flat)).await.ok();
    scene.trusts(r#"["sts:AssumeRoleWithWebIdentity","sts:TagSession"]"#, "{}").await;
    let message = "Not authorized to perform sts:SetSourceIdentity";
    scene.refused(&scene.token(claims.clone()), "AccessDenied", message).await;
    scene.trusts(r#""sts:AssumeRoleWithWebIdentity""#, "{}").await;
    let message = "Not authorized to perform sts:TagSession";
    scene.refused(&scene.token(claims), "AccessDenied", message).await;
    for (claim, value) in [
        ("https://aws.amazon.com/source_identity", json!("aws:x")),
        ("https://aws.amazon.com/source_identity", json!(["ann"])),
        ("https://aws.amazon.com/tags", json!("x")),
        ("https://aws.amazon.com/tags", json!({"principal_tags": {"k": ["a", "b"]}})),
        ("https://aws.amazon.com/tags", json!({"principal_tags": {"k<": "v"}})),
    ] {
        let answer = scene.show(&scene.token(json!({claim: value}))).await;
        answer.refused("InvalidIdentityToken");
    }
}

#[tokio::test]
async fn times_and_audiences_are_checked() {
    let scene = Scene::new().await;
    let now = scene.server.clock.now().seconds();
    let message = format!(
        "Token expired: current date/time {now} must be before the expiration date/time {now}"
    );
    scene.refused(&scene.token(json!({"exp": now})), "ExpiredTokenException", &message).await;
    for claims in [
        json!({"aud": "other"}),
        json!({"aud": ["app", "web"]}),
        json!({"azp": "other"}),
        json!({"aud": []}),
    ] {
        scene.invalid(&scene.token(claims), "Incorrect token audience").await;
    }
    for claims in [json!({"nbf": now + 301}), json!({"iat": now + 301})] {
        scene.invalid(&scene.token(claims), "The ID Token is not valid yet.").await;
    }
    for name in ["exp", "iat", "sub", "aud"] {
        let message = format!("Missing a required claim: {name}");
        for value in [Value::Null, json!({}), json!(true)] {
            scene.invalid(&scene.token(json!({name: value})), &message).await;
        }
    }
    scene.show(&scene.token(json!({"exp": now as f64 + 0.5 + 600.0, "nbf": now}))).await.ok();
}

#[tokio::test]
async fn known_attacks_on_tokens() {
    let scene = Scene::new().await;
    let message = "The signature of the ID Token is not valid.";
    scene.invalid(&scene.issuer.forged(&scene.claims(&json!({}))), message).await;
    // A payload of another token, and a signature of none.
    let (good, other) = (scene.token(json!({})), scene.token(json!({"sub": "pod-2"})));
    let parts = |token: &str| token.split('.').map(str::to_owned).collect::<Vec<_>>();
    let (good, other) = (parts(&good), parts(&other));
    scene.invalid(&format!("{}.{}.{}", good[0], good[1], other[2]), message).await;
    scene.invalid(&format!("{}.{}.", good[0], good[1]), message).await;
    use base64::Engine;
    let encode = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
    for header in [
        r#"{"alg":"none"}"#,
        r#"{"alg":"None"}"#,
        r#"{"alg":"HS256"}"#,
        r#"{"alg":"PS256"}"#,
        r#"{"alg":"ES384","alg":"none"}"#,
        r#"{"alg":"ES384","crit":["exp"]}"#,
        r#"{"alg":"ES384","typ":"at+jwt"}"#,
        "{}",
        "[]",
        "x",
    ] {
        scene.invalid(&format!("{}.{}.{}", encode(header), good[1], good[2]), NO_JWT).await;
    }
    let twice = encode(r#"{"iss":"https://a.example","iss":"https://b.example"}"#);
    scene.invalid(&format!("{}.{twice}.{}", good[0], good[2]), NO_JWT).await;
    for token in ["....", "a.b.c", "none", &".".repeat(20_000), &"A".repeat(20_000)] {
        scene.invalid(token, NO_JWT).await;
    }
    // An algorithm that the key is not for.
    let minted = mint(Algorithm::Rs256).unwrap();
    let rsa =
        sign(Algorithm::Rs256, &minted.id, &minted.private, &scene.claims(&json!({}))).unwrap();
    scene.invalid(&rsa, KEYS).await;
}

#[tokio::test]
async fn only_the_accounts_own_providers_count() {
    let scene = Scene::new().await;
    let token = scene.token(json!({"iss": "https://other.example"}));
    let message = "No OpenIDConnect provider found in your account for https://other.example";
    scene.invalid(&token, message).await;
    for issuer in ["http://a.example", "file:///etc/passwd", "https://u@localhost", ""] {
        scene.invalid(&scene.token(json!({"iss": issuer})), NO_JWT).await;
    }
    assert!(scene.issuer.asked().is_empty(), "{:?}", scene.issuer.asked());
}

#[tokio::test]
async fn keys_are_kept_and_fetched_again_when_they_rotate() {
    let mut scene = Scene::new().await;
    let fetches = |scene: &Scene| scene.issuer.asked().iter().filter(|it| *it == "/keys").count();
    let token = scene.token(json!({}));
    let (first, second) = tokio::join!(scene.show(&token), scene.show(&token));
    first.ok();
    second.ok();
    assert_eq!(fetches(&scene), 1);
    let old = scene.token(json!({}));
    let key = scene.issuer.rotate();
    let new = scene.token(json!({}));
    // An unknown key does not make a fetch each time.
    for _ in 0..3 {
        scene.invalid(&new, KEYS).await;
    }
    assert_eq!(fetches(&scene), 1);
    scene.issuer.show_keys(&format!("[{key}]"));
    scene.server.clock.advance(10);
    scene.show(&new).await.ok();
    assert_eq!(fetches(&scene), 2);
    scene.invalid(&old, KEYS).await;
    // Good keys outlive a fetch that fails, whatever key a token names to make one happen.
    let good = scene.token(json!({}));
    scene.issuer.show("/keys", 500, "");
    scene.issuer.rotate();
    scene.server.clock.advance(10);
    for _ in 0..2 {
        scene.invalid(&scene.token(json!({})), KEYS).await;
        scene.show(&good).await.ok();
    }
    assert_eq!(fetches(&scene), 3);
    // After an hour keys are not trusted unseen.
    scene.server.clock.advance(3600);
    scene.invalid(&scene.token(json!({})), KEYS).await;
    assert_eq!(fetches(&scene), 4);
    // A failure is remembered for a while.
    scene.invalid(&scene.token(json!({})), KEYS).await;
    assert_eq!(fetches(&scene), 4);
}

#[tokio::test]
async fn documents_of_an_issuer_are_checked() {
    let large = "x".repeat(300 << 10);
    let redirect = "https://localhost:1/keys";
    for (path, status, body) in [
        ("/.well-known/openid-configuration", 200, "{}"),
        ("/.well-known/openid-configuration", 200, "not JSON"),
        ("/.well-known/openid-configuration", 404, "{}"),
        ("/.well-known/openid-configuration", 302, redirect),
        ("/keys", 200, "[]"),
        ("/keys", 200, large.as_str()),
        ("/keys", 200, r#"{"keys":[{"kty":"oct","k":"AAAA"},{"kty":"RSA","n":"!","e":"AQAB"},7]}"#),
    ] {
        let scene = Scene::new().await;
        scene.issuer.show(path, status, body);
        scene.invalid(&scene.token(json!({})), KEYS).await;
    }
    let scene = Scene::new().await;
    scene.issuer.show_discovery("https://another.example");
    scene.invalid(&scene.token(json!({})), KEYS).await;
    // The keys stand where nobody may be asked.
    for uri in ["https://127.0.0.1/keys", "https://169.254.169.254/", "http://localhost/keys"] {
        let scene = Scene::new().await;
        let document = json!({"issuer": scene.issuer.url, "jwks_uri": uri}).to_string();
        scene.issuer.show("/.well-known/openid-configuration", 200, &document);
        scene.invalid(&scene.token(json!({})), KEYS).await;
    }
}

#[tokio::test]
async fn nothing_internal_is_asked_unless_configured() {
    let issuer = TestIssuer::start().await;
    let settings = FetchSettings { internal_networks: vec![], ..issuer.fetch_settings() };
    let scene = Scene::with(issuer, settings).await;
    scene.invalid(&scene.token(json!({})), KEYS).await;
    assert!(scene.issuer.asked().is_empty());
}

#[tokio::test]
async fn a_thumbprint_vouches_where_no_authority_does() {
    let issuer = TestIssuer::start().await;
    let settings = FetchSettings { authorities: vec![], ..issuer.fetch_settings() };
    let scene = Scene::with(issuer, settings).await;
    let message = "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint";
    scene.invalid(&scene.token(json!({})), message).await;
    assert!(scene.issuer.asked().is_empty());
    // The one that a server with the authority is told when nobody gives any.
    let settings = scene.issuer.fetch_settings();
    let other = TestServer::start_with_issuers(settings, Settings::default()).await;
    let line = format!("CreateOpenIDConnectProvider Url={}", scene.issuer.url);
    given(&other, &line).await;
    let line =
        format!("GetOpenIDConnectProvider OpenIDConnectProviderArn={}", scene.provider_arn());
    let thumbprint = other.as_root(&line).await.ok().texts("member").pop().unwrap();
    let arn = scene.provider_arn();
    let line = format!(
        "UpdateOpenIDConnectProviderThumbprint OpenIDConnectProviderArn={arn} ThumbprintList.member.1={thumbprint}"
    );
    given(&scene.server, &line).await;
    scene.show(&scene.token(json!({}))).await.ok();
}

#[tokio::test]
async fn parameters_besides_the_token() {
    let scene = Scene::new().await;
    let token = scene.token(json!({}));
    let narrowed = scene.show_with(&token, &[("DurationSeconds", "7200"), ("Policy", DENY)]).await;
    let session = Credentials::of(&narrowed.ok());
    scene.server.ask(&session, "ListUsers").await.refused("AccessDenied");
    let answer = scene.show_with(&token, &[("DurationSeconds", "7201")]).await;
    answer.refused_with(
        "ValidationError",
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
    );
    let answer = scene.show_with(&token, &[("ProviderId", "www.amazon.com")]).await;
    let message = "Provided Token is not a Login With Amazon token";
    answer.refused_with("InvalidIdentityToken", message);
    scene.show_with(&token, &[("Policy", "{}")]).await.refused("MalformedPolicyDocument");
    // A signature that is sent all the same counts for nothing, good or bad.
    let role = format!("{ME}:role/r");
    let parameters =
        [("RoleArn", &*role), ("RoleSessionName", "s1"), ("WebIdentityToken", &*token)];
    let root = &scene.server.root;
    scene.server.call(root, "sts:AssumeRoleWithWebIdentity", &parameters).await.ok();
    let parameters = [parameters[0], parameters[1], ("WebIdentityToken", "none")];
    let answer = scene.server.call(root, "sts:AssumeRoleWithWebIdentity", &parameters).await;
    answer.refused("InvalidIdentityToken");
}

const DENY: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}"#;

#[tokio::test]
async fn saml_assertions_are_refused_by_rule() {
    let server = TestServer::start().await;
    let role = format!("{ME}:role/r");
    let provider = format!("{ME}:saml-provider/staff");
    let ask = async |assertion: &str| {
        let parameters =
            [("RoleArn", &*role), ("PrincipalArn", &*provider), ("SAMLAssertion", assertion)];
        server.call_unsigned("sts:AssumeRoleWithSAML", &parameters).await
    };
    let check = async |assertion, message| {
        ask(assertion).await.refused_with("InvalidIdentityToken", message);
    };
    check("!!!!", "Invalid base64 SAMLResponse").await;
    check("PGE+PC9hPg==", "Specified provider doesn't exist.").await;
    let metadata = iamd_testkit::saml_metadata();
    given(&server, &format!("CreateSAMLProvider Name=staff SAMLMetadataDocument={metadata}")).await;
    check("PGE+PC9hPg==", "This server does not verify SAML assertions.").await;
    ask("x").await.refused("ValidationError");
}
