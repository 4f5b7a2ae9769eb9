//! TLS: what was negotiated, and what is said of files that do not fit.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use iamd_gateway::{Limits, Listener, Tls, TlsError};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair,
    SanType,
};
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::client::{Client, get};
use crate::handler::Server;

struct Files {
    folder: TempDir,
    certificate: PathBuf,
    key: PathBuf,
    roots: RootCertStore,
}

fn files() -> Files {
    let folder = TempDir::new().unwrap();
    let certificate = folder.path().join("cert.pem");
    let key = folder.path().join("key.pem");
    let mut files = Files { folder, certificate, key, roots: RootCertStore::empty() };
    issue(&mut files);
    files
}

/// Writes a new self-signed certificate and key, and trusts it.
fn issue(files: &mut Files) {
    let issued = rcgen::generate_simple_self_signed(["iamd.test".to_owned()]).unwrap();
    fs::write(&files.certificate, issued.cert.pem()).unwrap();
    fs::write(&files.key, issued.signing_key.serialize_pem()).unwrap();
    files.roots = RootCertStore::empty();
    files.roots.add(issued.cert.der().clone()).unwrap();
}

async fn start(files: &Files) -> (Server, Arc<Tls>) {
    let tls = Arc::new(Tls::load(&files.certificate, &files.key).unwrap());
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    let listener = Listener::tls(address, Arc::clone(&tls)).await.unwrap();
    (Server::on(listener, Limits::default()), tls)
}

async fn connect(
    server: &Server,
    roots: &RootCertStore,
    protocol: &str,
) -> std::io::Result<TlsStream<TcpStream>> {
    connect_as(server, roots, protocol, None).await
}

async fn connect_as(
    server: &Server,
    roots: &RootCertStore,
    protocol: &str,
    client: Option<(CertificateDer<'static>, PrivateKeyDer<'static>)>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots.clone());
    let mut config = match client {
        Some((certificate, key)) => config.with_client_auth_cert(vec![certificate], key).unwrap(),
        None => config.with_no_client_auth(),
    };
    config.alpn_protocols = vec![protocol.into()];
    let stream = TcpStream::connect(server.address).await.unwrap();
    let name = ServerName::try_from("iamd.test").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

#[tokio::test]
async fn the_handler_sees_what_was_negotiated() {
    let files = files();
    let (server, _) = start(&files).await;
    let mut client = Client::over(connect(&server, &files.roots, "http/1.1").await.unwrap());
    let answer = client.ask(&get("/")).await;
    assert!(
        answer.body.contains("TlsInfo { version: \"TLSv1.3\", cipher_suite: \"TLS_"),
        "{answer:?}"
    );
}

/// An authority, and a certificate that it issued.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap());
        Self { issuer: issuer.unwrap() }
    }

    fn issue(&self, common_name: &str) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
        let mut parameters = CertificateParams::new(vec!["envoy.internal".to_owned()]).unwrap();
        parameters.distinguished_name = DistinguishedName::new();
        parameters.distinguished_name.push(DnType::CommonName, common_name);
        let uri = "spiffe://example.org/envoy".try_into().unwrap();
        parameters.subject_alt_names.push(SanType::URI(uri));
        let key = KeyPair::generate().unwrap();
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        (certificate.der().clone(), key)
    }
}

/// A server that takes certificates of clients.
async fn start_for_clients(files: &Files, authority: &Authority) -> Server {
    let path = files.folder.path().join("clients.pem");
    fs::write(&path, authority.issuer.pem()).unwrap();
    let tls = Tls::load_with_clients(&files.certificate, &files.key, &path).unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    let listener = Listener::tls(address, Arc::new(tls)).await.unwrap();
    Server::on(listener, Limits::default())
}

#[tokio::test]
async fn a_client_is_named_by_a_certificate_of_the_right_authority_alone() {
    let (files, authority) = (files(), Authority::new());
    let server = start_for_clients(&files, &authority).await;
    let named = async |client| {
        let stream = connect_as(&server, &files.roots, "http/1.1", client).await?;
        let mut client = Client::over(stream);
        let asked = client.try_send(get("/client")).await;
        std::io::Result::Ok(asked.then_some(client))
    };
    let mut client = named(Some(authority.issue("envoy"))).await.unwrap().unwrap();
    let answer = client.answer().await.unwrap();
    let names = "subject:CN=envoy|dns:envoy.internal|uri:spiffe://example.org/envoy";
    assert_eq!(answer.body, names);

    // A text that reads like several attributes names nobody.
    let mut client = named(Some(authority.issue("x, O=y"))).await.unwrap().unwrap();
    let answer = client.answer().await.unwrap();
    assert_eq!(answer.body, "dns:envoy.internal|uri:spiffe://example.org/envoy");

    let mut client = named(None).await.unwrap().unwrap();
    assert_eq!(client.answer().await.unwrap().body, "");

    let seen = server.seen();
    let stranger = Authority::new().issue("envoy");
    if let Ok(Some(mut client)) = named(Some(stranger)).await {
        client.everything().await;
    }
    assert_eq!(server.seen(), seen);
}

#[tokio::test]
async fn http2_is_offered() {
    let files = files();
    let (server, _) = start(&files).await;
    let stream = connect(&server, &files.roots, "h2").await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
}

#[tokio::test]
async fn peers_that_do_not_speak_tls_are_dropped_without_harm() {
    let files = files();
    let (server, _) = start(&files).await;
    let mut plain = Client::connect(server.address).await;
    plain.send(get("/")).await;
    plain.closed().await;
    let mut client = Client::over(connect(&server, &files.roots, "http/1.1").await.unwrap());
    assert_eq!(client.ask(&get("/")).await.status, 200);
    assert_eq!(server.seen(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_stalls_is_cut() {
    let files = files();
    let (server, _) = start(&files).await;
    let start = tokio::time::Instant::now();
    let mut silent = Client::connect(server.address).await;
    silent.closed().await;
    assert!(start.elapsed().as_secs() <= 11);
}

#[tokio::test]
async fn a_new_certificate_is_taken_up_and_a_bad_one_is_not() {
    let mut files = files();
    let (server, tls) = start(&files).await;
    let old = files.roots.clone();
    issue(&mut files);
    tls.reload().unwrap();
    assert!(connect(&server, &old, "http/1.1").await.is_err());
    assert!(connect(&server, &files.roots, "http/1.1").await.is_ok());

    fs::write(&files.key, "").unwrap();
    assert!(tls.reload().is_err());
    assert!(connect(&server, &files.roots, "http/1.1").await.is_ok());
}

fn refusal(certificate: &Path, key: &Path) -> TlsError {
    match Tls::load(certificate, key) {
        Ok(_) => panic!("accepted"),
        Err(error) => error,
    }
}

#[tokio::test]
async fn files_that_do_not_fit_are_named() {
    let (one, other) = (files(), files());
    assert!(matches!(refusal(&one.certificate, &other.key), TlsError::Mismatch { .. }));
    assert!(matches!(refusal(&one.key, &one.key), TlsError::NoCertificate { .. }));
    assert!(matches!(refusal(&one.certificate, &one.certificate), TlsError::NoKey { .. }));

    let missing = one.folder.path().join("missing.pem");
    let error = refusal(&missing, &one.key);
    assert!(matches!(error, TlsError::Unreadable { .. }));
    assert_eq!(error.to_string(), format!("cannot read `{}`", missing.display()));
    assert!(matches!(refusal(&one.certificate, &missing), TlsError::Unreadable { .. }));

    let garbage = one.folder.path().join("garbage.pem");
    fs::write(&garbage, "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n").unwrap();
    assert!(matches!(refusal(&garbage, &one.key), TlsError::NotPem { .. }));
}
