//! OIDC and SAML providers.

use iamd_directory::Quotas;
use iamd_testkit::{TestServer, saml_metadata};

use super::{all_refused, given};

const THUMBPRINT: &str = "0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F";
const OIDC: &str = "arn:aws:iam::111122223333:oidc-provider/login.example.com/team";
const SAML: &str = "arn:aws:iam::111122223333:saml-provider/Staff";

fn line(text: &str) -> String {
    text.replace("{OIDC}", OIDC)
        .replace("{SAML}", SAML)
        .replace("{URL}", "https://login.example.com/team")
        .replace("{T}", THUMBPRINT)
        .replace("{METADATA}", &saml_metadata())
}

async fn server() -> TestServer {
    let server = TestServer::start().await;
    given(
        &server,
        &line(
            "CreateOpenIDConnectProvider Url={URL} ClientIDList.member.1=app ClientIDList.member.2=app ThumbprintList.member.1={T}
CreateSAMLProvider Name=Staff SAMLMetadataDocument={METADATA}",
        ),
    )
    .await;
    server
}

#[tokio::test]
async fn an_oidc_provider_is_shown_with_its_members() {
    let server = server().await;
    let get = line("GetOpenIDConnectProvider OpenIDConnectProviderArn={OIDC}");
    let shown = server.as_root(&get);
    let shown = shown.await.ok();
    assert_eq!(
        shown.members("GetOpenIDConnectProviderResult"),
        ["Url", "ClientIDList", "ThumbprintList", "CreateDate", "Tags"]
    );
    assert_eq!(shown.text("Url"), "login.example.com/team");
    assert_eq!(shown.texts("member"), ["app", &THUMBPRINT.to_lowercase()]);
    let listed = server.as_root("ListOpenIDConnectProviders").await.ok();
    assert_eq!(listed.texts("Arn"), [OIDC]);
    let summary = server.as_root("GetAccountSummary").await.ok();
    assert!(summary.body.contains("<key>Providers</key><value>2</value>"), "{}", summary.body);
}

#[tokio::test]
async fn client_ids_and_thumbprints_change() {
    let server = server().await;
    given(
        &server,
        &line(
            "AddClientIDToOpenIDConnectProvider OpenIDConnectProviderArn={OIDC} ClientID=web
AddClientIDToOpenIDConnectProvider OpenIDConnectProviderArn={OIDC} ClientID=web
RemoveClientIDFromOpenIDConnectProvider OpenIDConnectProviderArn={OIDC} ClientID=app
RemoveClientIDFromOpenIDConnectProvider OpenIDConnectProviderArn={OIDC} ClientID=never
UpdateOpenIDConnectProviderThumbprint OpenIDConnectProviderArn={OIDC} ThumbprintList.member.1=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        ),
    )
    .await;
    let get = line("GetOpenIDConnectProvider OpenIDConnectProviderArn={OIDC}");
    let shown = server.as_root(&get);
    assert_eq!(shown.await.ok().texts("member"), ["web", &"a".repeat(40)]);
}

#[tokio::test]
async fn refusals_of_oidc_providers() {
    let server = server().await;
    let urls = ["http://a.example", "https://a.example?x=1", "https://a.example:444", "ftp"];
    for url in urls {
        let text = format!("CreateOpenIDConnectProvider Url={url} ThumbprintList.member.1={{T}}");
        let message = "Invalid Open ID Connect Provider URL";
        all_refused(&server, "ValidationError", message, &line(&text)).await;
    }
    let message = "Provider with url https://login.example.com/team already exists.";
    let text = "CreateOpenIDConnectProvider Url={URL} ThumbprintList.member.1={T}";
    all_refused(&server, "EntityAlreadyExists", message, &line(text)).await;
    let six: String = (1..=6).map(|n| format!(" ThumbprintList.member.{n}={{T}}")).collect();
    let text = format!(
        "CreateOpenIDConnectProvider Url=https://b.example{six}
UpdateOpenIDConnectProviderThumbprint OpenIDConnectProviderArn={{OIDC}}{six}"
    );
    let message = "Thumbprint list must contain fewer than 5 entries.";
    all_refused(&server, "InvalidInput", message, &line(&text)).await;
    // The one host that is asked is not reachable from here: nothing may be asked.
    let answer = server.as_root("CreateOpenIDConnectProvider Url=https://127.0.0.1").await;
    answer.refused("OpenIdIdpCommunicationError");
    let missing = format!("{OIDC}/other");
    let message = format!("OpenIDConnect Provider not found for arn {missing}");
    let text = format!(
        "GetOpenIDConnectProvider OpenIDConnectProviderArn={missing}
AddClientIDToOpenIDConnectProvider OpenIDConnectProviderArn={missing} ClientID=x
TagOpenIDConnectProvider OpenIDConnectProviderArn={missing} Tags.member.1.Key=k Tags.member.1.Value=v"
    );
    all_refused(&server, "NoSuchEntity", &message, &text).await;
    let text = line("DeleteOpenIDConnectProvider OpenIDConnectProviderArn={OIDC}");
    given(&server, &text).await;
    let message = "OpenId connect Provider ARN cannot be found.";
    all_refused(&server, "NoSuchEntity", message, &text).await;
}

#[tokio::test]
async fn quotas_of_providers() {
    let quotas = Quotas {
        oidc_providers: 1,
        client_ids_per_oidc_provider: 2,
        saml_providers: 1,
        ..Quotas::default()
    };
    let server = TestServer::start_with_quotas(quotas).await;
    given(
        &server,
        &line(
            "CreateOpenIDConnectProvider Url={URL} ClientIDList.member.1=a ClientIDList.member.2=b ThumbprintList.member.1={T}
CreateSAMLProvider Name=Staff SAMLMetadataDocument={METADATA}",
        ),
    )
    .await;
    let message = "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 2";
    let text = "AddClientIDToOpenIDConnectProvider OpenIDConnectProviderArn={OIDC} ClientID=c";
    all_refused(&server, "LimitExceeded", message, &line(text)).await;
    for text in [
        "CreateOpenIDConnectProvider Url=https://b.example ThumbprintList.member.1={T}",
        "CreateSAMLProvider Name=Other SAMLMetadataDocument={METADATA}",
    ] {
        server.as_root(&line(text)).await.refused("LimitExceeded");
    }
}

#[tokio::test]
async fn a_saml_provider_is_shown_with_its_members() {
    let server = server().await;
    let shown = server.as_root(&line("GetSAMLProvider SAMLProviderArn={SAML}")).await.ok();
    assert_eq!(
        shown.members("GetSAMLProviderResult"),
        [
            "SAMLProviderUUID",
            "SAMLMetadataDocument",
            "CreateDate",
            "ValidUntil",
            "Tags",
            "AssertionEncryptionMode",
            "PrivateKeyList"
        ]
    );
    assert_eq!(shown.text("AssertionEncryptionMode"), "Allowed");
    assert_eq!(shown.text("SAMLProviderUUID").len(), 26);
    let listed = server.as_root("ListSAMLProviders").await.ok();
    assert_eq!(listed.members("member"), ["Arn", "ValidUntil", "CreateDate"]);
    assert_eq!(listed.texts("Arn"), [SAML]);
}

/// An RSA key of 2048 bits, for tests alone.
const KEY: &str = include_str!("saml-private-key.pem");

async fn update(server: &TestServer, more: &[(&str, &str)]) -> iamd_testkit::Answer {
    let parameters = [&[("SAMLProviderArn", SAML)], more].concat();
    server.call(&server.root, "UpdateSAMLProvider", &parameters).await
}

#[tokio::test]
async fn private_keys_come_and_go_and_are_never_shown() {
    let server = server().await;
    for _ in 0..2 {
        update(&server, &[("AddPrivateKey", KEY), ("AssertionEncryptionMode", "Required")])
            .await
            .ok();
    }
    update(&server, &[("AddPrivateKey", KEY)]).await.refused("LimitExceeded");
    update(&server, &[("AddPrivateKey", "nonsense")]).await.refused("InvalidInput");
    let shown = server.as_root(&line("GetSAMLProvider SAMLProviderArn={SAML}")).await.ok();
    let ids = shown.texts("KeyId");
    assert_eq!((ids.len(), shown.text("AssertionEncryptionMode")), (2, "Required".to_owned()));
    let secret = KEY.lines().nth(3).unwrap();
    assert!(!shown.body.contains(secret));
    assert!(server.records.lines().iter().all(|record| !record.contains(secret)));
    // One is changed for another at once.
    update(&server, &[("AddPrivateKey", KEY), ("RemovePrivateKey", &ids[0])]).await.ok();
    update(&server, &[("RemovePrivateKey", &ids[0])]).await.refused("NoSuchEntity");
}

#[tokio::test]
async fn refusals_of_saml_providers() {
    let server = server().await;
    let message = "Provider with name STAFF already exists.";
    let text = "CreateSAMLProvider Name=STAFF SAMLMetadataDocument={METADATA}";
    all_refused(&server, "EntityAlreadyExists", message, &line(text)).await;
    let over =
        saml_metadata().replace("entityID=", "validUntil=\"2001-01-01T00:00:00Z\"\tentityID=");
    let message = "The metadata document is no longer valid.";
    for text in ["CreateSAMLProvider Name=x", "UpdateSAMLProvider SAMLProviderArn={SAML}"] {
        let text = line(&format!("{text} SAMLMetadataDocument={over}"));
        all_refused(&server, "InvalidInput", message, &text).await;
        let text = text.replace("entityID=", "id=");
        let message = "Could not parse metadata: there is no entityID, or it is too long";
        all_refused(&server, "InvalidInput", message, &text).await;
    }
    let text = "DeleteSAMLProvider SAMLProviderArn={SAML}";
    given(&server, &line(text)).await;
    let message = format!("Manifest not found for arn {SAML}");
    all_refused(&server, "NoSuchEntity", &message, &line(text)).await;
}
