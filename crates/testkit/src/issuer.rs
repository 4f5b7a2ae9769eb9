//! An OIDC issuer over HTTPS on this machine, with a certificate authority of its own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use iamd_federation::{Algorithm, FetchSettings, MintedKey, mint, sign};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

/// What is answered under each path: status and body.
type Documents = Arc<Mutex<HashMap<String, (u16, String)>>>;

/// A running issuer. It stops with the test's runtime.
pub struct TestIssuer {
    /// Its URL, `https://localhost:PORT`.
    pub url: String,
    /// Its URL without the scheme.
    pub name: String,
    /// The certificate of its authority.
    pub authority: CertificateDer<'static>,
    key: MintedKey,
    documents: Documents,
    asked: Arc<Mutex<Vec<String>>>,
}

impl TestIssuer {
    /// An issuer with one ES384 key.
    pub async fn start() -> Self {
        let authority_key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = params.self_signed(&authority_key).unwrap().der().clone();
        let signer = Issuer::new(params, authority_key);
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &signer).unwrap().der().clone();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate, authority.clone()], key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let name = format!("localhost:{}", listener.local_addr().unwrap().port());
        let issuer = Self {
            url: format!("https://{name}"),
            name,
            authority,
            key: mint(Algorithm::Es384).unwrap(),
            documents: Documents::default(),
            asked: Arc::default(),
        };
        issuer.show_discovery(&issuer.url);
        issuer.show_keys(&format!("[{}]", issuer.key.public));
        let (documents, asked) = (Arc::clone(&issuer.documents), Arc::clone(&issuer.asked));
        tokio::spawn(serve(listener, TlsAcceptor::from(Arc::new(config)), documents, asked));
        issuer
    }

    /// Settings with which a server may ask this issuer.
    pub fn fetch_settings(&self) -> FetchSettings {
        FetchSettings {
            hosts: vec![self.name.parse().unwrap()],
            internal_networks: vec!["127.0.0.0/8".parse().unwrap()],
            authorities: vec![self.authority.clone()],
            system_authorities: false,
        }
    }

    /// Answers this under a path.
    pub fn show(&self, path: &str, status: u16, body: &str) {
        let answer = (status, body.to_owned());
        self.documents.lock().unwrap().insert(path.to_owned(), answer);
    }

    /// Shows a discovery document that names this issuer.
    pub fn show_discovery(&self, issuer: &str) {
        let document = json!({"issuer": issuer, "jwks_uri": format!("{}/keys", self.url)});
        self.show("/.well-known/openid-configuration", 200, &document.to_string());
    }

    /// Shows these keys, a list of JSON Web Keys.
    pub fn show_keys(&self, keys: &str) {
        self.show("/keys", 200, &format!(r#"{{"keys":{keys}}}"#));
    }

    /// The paths that were asked for.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// A token with these claims, signed with the issuer's key.
    pub fn token(&self, claims: &Value) -> String {
        sign(Algorithm::Es384, &self.key.id, &self.key.private, claims).unwrap()
    }

    /// A token that names the issuer's key and is signed with another.
    pub fn forged(&self, claims: &Value) -> String {
        let other = mint(Algorithm::Es384).unwrap();
        sign(Algorithm::Es384, &self.key.id, &other.private, claims).unwrap()
    }

    /// Gives the issuer another key, which it does not show yet; the key as JSON.
    pub fn rotate(&mut self) -> String {
        self.key = mint(Algorithm::Es384).unwrap();
        self.key.public.clone()
    }
}

async fn serve(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    documents: Documents,
    asked: Arc<Mutex<Vec<String>>>,
) {
    while let Ok((stream, _)) = listener.accept().await {
        let Ok(mut stream) = acceptor.accept(stream).await else { continue };
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => break,
            }
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let known = documents.lock().unwrap().get(&path).cloned();
        asked.lock().unwrap().push(path);
        let (status, body) = known.unwrap_or((404, String::new()));
        let location = if (300..400).contains(&status) {
            format!("location: {body}\r\n")
        } else {
            String::new()
        };
        let answer = format!(
            "HTTP/1.1 {status} X\r\ncontent-length: {}\r\n{location}connection: close\r\n\r\n{body}",
            body.len()
        );
        let _ = stream.write_all(answer.as_bytes()).await;
        let _ = stream.shutdown().await;
    }
}
