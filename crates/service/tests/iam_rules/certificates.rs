//! Certificates, SSH public keys and service-specific credentials.

use iamd_testkit::{Pem, TestServer, in_line, ssh_key};

use super::{all_refused, given, root};

async fn with_users() -> TestServer {
    let server = TestServer::start().await;
    given(&server, "CreateUser UserName=alice\nCreateUser UserName=bob").await;
    server
}

fn ssh_line(user: &str, number: u8) -> String {
    format!("UploadSSHPublicKey UserName={user} SSHPublicKeyBody={}", in_line(&ssh_key(number)))
}

#[tokio::test]
async fn ssh_keys_have_their_life() {
    let server = with_users().await;
    let uploaded = root(&server, &ssh_line("alice", 1)).await.ok();
    let members =
        ["UserName", "SSHPublicKeyId", "Fingerprint", "SSHPublicKeyBody", "Status", "UploadDate"];
    assert_eq!(uploaded.members("SSHPublicKey"), members);
    let id = uploaded.text("SSHPublicKeyId");
    assert!(id.starts_with("APKA") && id.len() == 21, "{id}");
    assert_eq!(uploaded.text("SSHPublicKeyBody"), ssh_key(1));
    root(&server, &ssh_line("alice", 1)).await.refused("DuplicateSSHPublicKey");
    root(&server, &ssh_line("bob", 1)).await.ok();
    for number in 2..6 {
        root(&server, &ssh_line("alice", number)).await.ok();
    }
    let message = "Cannot exceed quota for SSHPublicKeysPerUser: 5";
    all_refused(&server, "LimitExceeded", message, &ssh_line("alice", 6)).await;

    let get = |encoding: &str| {
        format!("GetSSHPublicKey UserName=alice SSHPublicKeyId={id} Encoding={encoding}")
    };
    assert_eq!(root(&server, &get("SSH")).await.ok().text("SSHPublicKeyBody"), ssh_key(1));
    let pem = root(&server, &get("PEM")).await.ok().text("SSHPublicKeyBody");
    assert!(pem.starts_with("-----BEGIN PUBLIC KEY-----\n"), "{pem}");
    // The same key in its other form.
    let line = format!("UploadSSHPublicKey UserName=alice SSHPublicKeyBody={}", in_line(&pem));
    root(&server, &line).await.refused("DuplicateSSHPublicKey");

    given(
        &server,
        &format!("UpdateSSHPublicKey UserName=alice SSHPublicKeyId={id} Status=Inactive"),
    )
    .await;
    let listed = root(&server, "ListSSHPublicKeys UserName=alice").await.ok();
    assert_eq!(listed.members("member"), ["UserName", "SSHPublicKeyId", "Status", "UploadDate"]);
    assert_eq!(listed.texts("Status").iter().filter(|it| *it == "Inactive").count(), 1);
    let message = format!("The Public Key with id {id} cannot be found.");
    let of_bob = format!("DeleteSSHPublicKey UserName=bob SSHPublicKeyId={id}");
    all_refused(&server, "NoSuchEntity", &message, &of_bob).await;
    let message = "Cannot delete entity, must remove referenced objects first.";
    all_refused(&server, "DeleteConflict", message, "DeleteUser UserName=alice").await;
    given(&server, &of_bob.replace("bob", "alice")).await;

    for (body, code) in
        [("hello", "UnrecognizedPublicKeyEncoding"), ("ssh-rsa␣AAAA", "InvalidPublicKey")]
    {
        let line = format!("UploadSSHPublicKey UserName=alice SSHPublicKeyBody={body}");
        root(&server, &line).await.refused(code);
    }
}

#[tokio::test]
async fn signing_certificates_have_their_life() {
    let server = with_users().await;
    let upload = |user: &str, pem: &Pem| {
        format!(
            "UploadSigningCertificate UserName={user} CertificateBody={}",
            in_line(&pem.certificate)
        )
    };
    let pem = Pem::new();
    let uploaded = root(&server, &upload("alice", &pem)).await.ok();
    let members = ["UserName", "CertificateId", "CertificateBody", "Status", "UploadDate"];
    assert_eq!(uploaded.members("Certificate"), members);
    let id = uploaded.text("CertificateId");
    assert!(id.len() == 32 && id.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()));
    for user in ["alice", "bob"] {
        root(&server, &upload(user, &pem)).await.refused("DuplicateCertificate");
    }
    root(&server, &upload("alice", &Pem::between(2020, 2025))).await.refused("InvalidCertificate");
    let message = "Certificate hello is malformed.";
    let line = "UploadSigningCertificate UserName=alice CertificateBody=hello";
    all_refused(&server, "MalformedCertificate", message, line).await;
    root(&server, &upload("alice", &Pem::new())).await.ok();
    let message = "Cannot exceed quota for CertificatesPerUser: 2";
    all_refused(&server, "LimitExceeded", message, &upload("alice", &Pem::new())).await;

    let update =
        format!("UpdateSigningCertificate UserName=alice CertificateId={id} Status=Inactive");
    given(&server, &format!("{update}\nGenerateCredentialReport")).await;
    let listed = root(&server, "ListSigningCertificates UserName=alice").await.ok();
    assert_eq!(listed.texts("Status").iter().filter(|it| *it == "Inactive").count(), 1);
    let message = "Cannot delete entity, must delete signing certificates first.";
    all_refused(&server, "DeleteConflict", message, "DeleteUser UserName=alice").await;
    let delete = format!("DeleteSigningCertificate UserName=alice CertificateId={id}");
    given(&server, &delete).await;
    let message = format!("The Certificate with id {id} cannot be found.");
    all_refused(&server, "NoSuchEntity", &message, &delete).await;

    // The root user's own.
    let line =
        format!("UploadSigningCertificate CertificateBody={}", in_line(&Pem::new().certificate));
    root(&server, &line).await.ok();
    assert_eq!(root(&server, "ListSigningCertificates").await.ok().texts("CertificateId").len(), 1);
    let summary = root(&server, "GetAccountSummary").await.ok();
    assert!(summary.body.contains("<key>AccountSigningCertificatesPresent</key><value>1</value>"));
}

fn server_line(name: &str, certificate: &str, key: &str, more: &str) -> String {
    format!(
        "UploadServerCertificate ServerCertificateName={name} CertificateBody={} PrivateKey={} {more}",
        in_line(certificate),
        in_line(key)
    )
}

#[tokio::test]
async fn server_certificates_have_their_life() {
    let server = TestServer::start().await;
    let pem = Pem::new();
    let with_chain = format!("CertificateChain={} Path=/web/", in_line(&pem.issuer));
    let line = server_line("www", &pem.certificate, &pem.key, &with_chain);
    let uploaded = root(&server, &line).await.ok();
    let members =
        ["Path", "ServerCertificateName", "ServerCertificateId", "Arn", "UploadDate", "Expiration"];
    assert_eq!(uploaded.members("ServerCertificateMetadata"), members);
    assert_eq!(uploaded.text("Arn"), "arn:aws:iam::111122223333:server-certificate/web/www");
    assert_eq!(uploaded.text("Expiration"), "2030-01-01T00:00:00Z");
    let record = server.records.wait_for(&["UploadServerCertificate"]).await;
    assert!(!record.contains("PRIVATE KEY"), "{record}");
    let message = "The Server Certificate with name www already exists.";
    let again = server_line("WWW", &pem.certificate, &pem.key, "");
    all_refused(&server, "EntityAlreadyExists", &message.replace("www", "WWW"), &again).await;

    let got = root(&server, "GetServerCertificate ServerCertificateName=www").await.ok();
    let members = ["ServerCertificateMetadata", "CertificateBody", "CertificateChain", "Tags"];
    assert_eq!(got.members("ServerCertificate"), members);
    assert!(!got.body.contains("PRIVATE KEY"));
    given(
        &server,
        "UpdateServerCertificate ServerCertificateName=www NewServerCertificateName=api NewPath=/",
    )
    .await;
    let listed = root(&server, "ListServerCertificates PathPrefix=/").await.ok();
    assert_eq!(listed.texts("ServerCertificateName"), ["api"]);
    assert_eq!(listed.texts("ServerCertificateId"), [uploaded.text("ServerCertificateId")]);
    let listed = root(&server, "ListServerCertificates PathPrefix=/web/").await.ok();
    assert!(listed.texts("ServerCertificateName").is_empty());
    given(&server, "DeleteServerCertificate ServerCertificateName=api").await;
    let message = "The Server Certificate with name api cannot be found.";
    let lines = "GetServerCertificate ServerCertificateName=api\nDeleteServerCertificate ServerCertificateName=api";
    all_refused(&server, "NoSuchEntity", message, lines).await;
}

#[tokio::test]
async fn a_private_key_in_the_wrong_place_is_repeated_nowhere() {
    let server = with_users().await;
    let pem = Pem::new();
    let secret = pem.key.lines().nth(1).unwrap();
    for body in [&pem.key, &(pem.certificate.clone() + &pem.key)] {
        let line =
            format!("UploadSigningCertificate UserName=alice CertificateBody={}", in_line(body));
        let refused = root(&server, &line).await;
        assert!(!refused.body.contains(secret), "{}", refused.body);
        refused.refused_with("MalformedCertificate", "Certificate is malformed.");
    }
    root(&server, "GetUser UserName=alice").await.ok();
    server.records.wait_for(&["GetUser"]).await;
    assert!(server.records.lines().iter().all(|line| !line.contains(secret)));
}

#[tokio::test]
async fn logins_of_services_are_nobody_elses() {
    let server = with_users().await;
    given(&server, "CreateUser UserName=bob+1").await;
    let create = async |user: &str| {
        let line = format!(
            "CreateServiceSpecificCredential UserName={user} ServiceName=codecommit.amazonaws.com"
        );
        root(&server, &line).await.ok().text("ServiceUserName")
    };
    assert_eq!(create("bob").await, "bob-at-111122223333");
    assert_eq!(create("bob").await, "bob+1-at-111122223333");
    assert_eq!(create("bob+1").await, "bob+1+1-at-111122223333");
}

#[tokio::test]
async fn a_server_certificate_must_be_whole() {
    let server = TestServer::start().await;
    let (pem, other, old) = (Pem::new(), Pem::new(), Pem::between(2020, 2025));
    let chain = |text: &str| format!("CertificateChain={}", in_line(text));
    let broken = format!("{}{}", pem.issuer, other.issuer);
    for (certificate, key, more, code) in [
        (&pem.certificate, &other.key, String::new(), "KeyPairMismatch"),
        (&pem.certificate, &"no␣key".to_owned(), String::new(), "MalformedCertificate"),
        (&pem.key, &pem.key, String::new(), "MalformedCertificate"),
        (&old.certificate, &old.key, String::new(), "MalformedCertificate"),
        (&pem.certificate, &pem.key, chain(&other.issuer), "MalformedCertificate"),
        (&pem.certificate, &pem.key, chain(&broken), "MalformedCertificate"),
        (&pem.certificate, &pem.key, chain("hello"), "MalformedCertificate"),
    ] {
        root(&server, &server_line("www", certificate, key, &more)).await.refused(code);
    }
    for at in 0..20 {
        root(&server, &server_line(&format!("n{at}"), &pem.certificate, &pem.key, "")).await.ok();
    }
    let message = "Cannot exceed quota for ServerCertificatesPerAccount: 20";
    let line = server_line("one-more", &pem.certificate, &pem.key, "");
    all_refused(&server, "LimitExceeded", message, &line).await;
}

#[tokio::test]
async fn service_credentials_have_their_life() {
    let server = with_users().await;
    let create = |service: &str| {
        format!(
            "CreateServiceSpecificCredential UserName=alice ServiceName={service}.amazonaws.com"
        )
    };
    let made = root(&server, &create("codecommit")).await.ok();
    let members = [
        "CreateDate",
        "ServiceName",
        "ServiceUserName",
        "ServicePassword",
        "ServiceSpecificCredentialId",
        "UserName",
        "Status",
    ];
    assert_eq!(made.members("ServiceSpecificCredential"), members);
    assert_eq!(made.text("ServiceUserName"), "alice-at-111122223333");
    let (id, first) = (made.text("ServiceSpecificCredentialId"), made.text("ServicePassword"));
    let record = server.records.wait_for(&["CreateServiceSpecificCredential"]).await;
    assert!(!record.contains(&first), "{record}");
    let second = root(&server, &create("codecommit")).await.ok();
    assert_eq!(second.text("ServiceUserName"), "alice+1-at-111122223333");
    root(&server, &create("codecommit")).await.refused("LimitExceeded");
    let message = "No such service s3.amazonaws.com is supported for Service Specific Credentials";
    all_refused(&server, "NoSuchEntity", message, &create("s3")).await;

    let key = format!("{} CredentialAgeDays=1", create("bedrock"));
    let made = root(&server, &key).await.ok();
    assert_eq!(made.text("ExpirationDate"), "2026-02-13T09:30:00Z");
    assert!(made.has("ServiceCredentialSecret") && !made.has("ServicePassword"));
    root(&server, &key.replace("bedrock", "cassandra")).await.refused("ValidationError");

    let of = |action: &str, more: &str| {
        format!(
            "{action}ServiceSpecificCredential UserName=alice ServiceSpecificCredentialId={id} {more}"
        )
    };
    let reset = root(&server, &of("Reset", "")).await.ok();
    assert_ne!(reset.text("ServicePassword"), first);
    given(&server, &of("Update", "Status=Inactive")).await;
    server.clock.advance(86_400);
    let listed = root(&server, "ListServiceSpecificCredentials UserName=alice").await.ok();
    let mut states = listed.texts("Status");
    states.sort();
    assert_eq!(states, ["Active", "Expired", "Inactive"]);
    assert!(!listed.has("ServicePassword") && !listed.has("ServiceCredentialSecret"));
    let listed =
        root(&server, "ListServiceSpecificCredentials AllUsers=true MaxItems=2").await.ok();
    assert_eq!(listed.text("IsTruncated"), "true");
    let message = "No such credential ID exists";
    let of_bob = of("Delete", "").replace("alice", "bob");
    all_refused(&server, "NoSuchEntity", message, &of_bob).await;
    given(&server, &of("Delete", "")).await;
    all_refused(&server, "NoSuchEntity", message, &of("Delete", "")).await;
    let message = "Cannot delete entity, must remove referenced objects first.";
    all_refused(&server, "DeleteConflict", message, "DeleteUser UserName=alice").await;
}
