//! The server.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use iamd_audit::Log;
use iamd_credentials::Keyring;
use iamd_directory::{Directory, Quotas};
use iamd_federation::{FetchSettings, Issuers};
use iamd_operation::Tools;
use iamd_service::{NewAccount, Request, RootCredentials, Service, Settings};
use iamd_sigv4::{Payload, RequestParts, Settings as Signing, sign};
use iamd_store::{Memory, Store};
use iamd_types::{Clock, Entropy};
use tempfile::{TempDir, tempdir};
use tokio::sync::mpsc;

use crate::s3::s3;
use crate::{Answer, FixedClock, Looks, Recorded, SeededEntropy};

/// What a test's client signs with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The access key id.
    pub access_key_id: String,
    /// The secret.
    pub secret_access_key: String,
    /// The session token of temporary credentials.
    pub session_token: Option<String>,
}

impl Credentials {
    /// Those in the answer of CreateAccessKey, AssumeRole or GetSessionToken.
    pub fn of(answer: &Answer) -> Self {
        Self {
            access_key_id: answer.text("AccessKeyId"),
            secret_access_key: answer.text("SecretAccessKey"),
            session_token: Some(answer.text("SessionToken")).filter(|token| !token.is_empty()),
        }
    }
}

/// A server with one account, `111122223333`.
pub struct TestServer {
    /// The service itself.
    pub service: Arc<Service>,
    /// Its clock.
    pub clock: Arc<FixedClock>,
    /// What it recorded.
    pub records: Recorded,
    /// What it seals secrets and session tokens with.
    pub keyring: Arc<Keyring>,
    /// The root user of the first account.
    pub root: Credentials,
    /// Where its objects are.
    pub objects: TempDir,
    /// The looks at objects that decisions take.
    pub looks: Arc<Looks>,
}

/// What outlives a server besides its store.
pub struct Kept {
    clock: Arc<FixedClock>,
    keyring: Arc<Keyring>,
    root: Credentials,
}

/// The API versions, by signing name.
const VERSIONS: [(&str, &str); 2] = [("iam", "2010-05-08"), ("sts", "2011-06-15")];

impl TestServer {
    /// A server on a memory store.
    pub async fn start() -> Self {
        Self::start_on(Arc::new(Memory::default())).await
    }

    /// A server on a memory store with these quotas for every account.
    pub async fn start_with_quotas(quotas: Quotas) -> Self {
        let records = Recorded::default();
        let log = Log::start(records.clone()).unwrap();
        Self::assemble(Arc::new(Memory::default()), quotas, records, log).await
    }

    /// A server on a memory store with these settings.
    pub async fn start_with_settings(settings: Settings) -> Self {
        let records = Recorded::default();
        let log = Log::start(records.clone()).unwrap();
        let store = Arc::new(Memory::default());
        let fetch = FetchSettings::default();
        Self::assemble_with(store, Quotas::default(), records, log, settings, fetch).await
    }

    /// A server on a memory store that may ask these identity providers. The first host is also the one
    /// under which it is reached itself.
    pub async fn start_with_issuers(fetch: FetchSettings, settings: Settings) -> Self {
        let records = Recorded::default();
        let log = Log::start(records.clone()).unwrap();
        let store = Arc::new(Memory::default());
        Self::assemble_with(store, Quotas::default(), records, log, settings, fetch).await
    }

    /// A server on a memory store with this audit log instead of one that tests can read.
    pub async fn start_with_log(log: Log) -> Self {
        Self::assemble(Arc::new(Memory::default()), Quotas::default(), Recorded::default(), log)
            .await
    }

    /// A server on this store, which must be empty.
    pub async fn start_on(store: Arc<dyn Store>) -> Self {
        let records = Recorded::default();
        let log = Log::start(records.clone()).unwrap();
        Self::assemble(store, Quotas::default(), records, log).await
    }

    async fn assemble(store: Arc<dyn Store>, quotas: Quotas, records: Recorded, log: Log) -> Self {
        let fetch = FetchSettings::default();
        Self::assemble_with(store, quotas, records, log, Settings::default(), fetch).await
    }

    async fn assemble_with(
        store: Arc<dyn Store>,
        quotas: Quotas,
        records: Recorded,
        log: Log,
        settings: Settings,
        fetch: FetchSettings,
    ) -> Self {
        let clock = Arc::new(FixedClock::new());
        let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(1));
        let keyring = Arc::new(Keyring::generate(&*entropy, clock.now()));
        let objects = tempdir().unwrap();
        let looks = Arc::default();
        let kept = (&clock, &keyring, &objects, &looks);
        let service = serve(store, quotas, entropy, kept, log, settings, fetch).await;
        let root = new_account(&service, "111122223333").await;
        Self { service, clock, records, keyring, root, objects, looks }
    }

    /// What is there after the server has ended, besides its store.
    pub fn kept(&self) -> Kept {
        let (clock, keyring) = (Arc::clone(&self.clock), Arc::clone(&self.keyring));
        Kept { clock, keyring, root: self.root.clone() }
    }

    /// A server on the store of one that has ended.
    pub async fn reopen(kept: Kept, store: Arc<dyn Store>) -> Self {
        let Kept { clock, keyring, root } = kept;
        let records = Recorded::default();
        let log = Log::start(records.clone()).unwrap();
        let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(2));
        let objects = tempdir().unwrap();
        let looks = Arc::default();
        let kept = (&clock, &keyring, &objects, &looks);
        let settings = Settings::default();
        let (quotas, fetch) = (Quotas::default(), FetchSettings::default());
        let service = serve(store, quotas, entropy, kept, log, settings, fetch).await;
        Self { service, clock, records, keyring, root, objects, looks }
    }

    /// Another account with this id; its root user's credentials.
    pub async fn new_account(&self, id: &str) -> Credentials {
        new_account(&self.service, id).await
    }

    /// Calls an operation of IAM, or of STS when the name says so (`sts:AssumeRole`).
    pub async fn call(
        &self,
        credentials: &Credentials,
        operation: &str,
        parameters: &[(&str, &str)],
    ) -> Answer {
        self.send(Some(credentials), operation, parameters).await
    }

    /// Calls an operation without a signature.
    pub async fn call_unsigned(&self, operation: &str, parameters: &[(&str, &str)]) -> Answer {
        self.send(None, operation, parameters).await
    }

    async fn send(
        &self,
        credentials: Option<&Credentials>,
        operation: &str,
        parameters: &[(&str, &str)],
    ) -> Answer {
        let (service, action) = operation.split_once(':').unwrap_or(("iam", operation));
        let version = VERSIONS.iter().find(|(name, _)| *name == service).unwrap().1;
        let body = form(action, version, parameters);
        let headers = match credentials {
            Some(credentials) => self.signed(credentials, service, &body).0,
            None => unsigned(service),
        };
        self.handle("POST", "/", &headers, body.as_bytes()).await
    }

    /// The headers of a signed request with this form, and the form.
    pub fn signed(
        &self,
        credentials: &Credentials,
        service: &str,
        form: &str,
    ) -> (Vec<(String, String)>, String) {
        let mut headers = unsigned(service);
        let added = self.signature(credentials, service, &headers, form.as_bytes());
        headers.extend(added.into_iter().map(|(name, value)| (name.to_owned(), value)));
        (headers, form.to_owned())
    }

    fn signature(
        &self,
        credentials: &Credentials,
        service: &str,
        headers: &[(String, String)],
        body: &[u8],
    ) -> Vec<(&'static str, String)> {
        let headers = borrowed(headers);
        let parts = RequestParts { method: "POST", target: "/", headers: &headers };
        let signer = iamd_sigv4::Credentials {
            access_key_id: &credentials.access_key_id,
            secret_access_key: &credentials.secret_access_key,
            session_token: credentials.session_token.as_deref(),
        };
        let settings = Signing::query(service, Some("us-east-1"));
        let now = self.clock.now().seconds();
        sign(&parts, Payload::Bytes(body), &signer, now, &settings).unwrap()
    }

    /// Sends a request as it is.
    pub async fn handle(
        &self,
        method: &str,
        target: &str,
        headers: &[(String, String)],
        body: &[u8],
    ) -> Answer {
        let request = Request {
            method,
            target,
            headers: &borrowed(headers),
            body,
            source_ip: Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7))),
            secure: false,
            tls: None,
        };
        let reply = self.service.handle(&request).await;
        Answer {
            status: reply.status,
            content_type: reply.content_type,
            request_id: reply.request_id,
            body: String::from_utf8(reply.body).unwrap(),
        }
    }

    /// A user with an access key, made by the root user.
    pub async fn user(&self, name: &str) -> Credentials {
        self.call(&self.root, "CreateUser", &[("UserName", name)]).await.ok();
        self.key_of(name).await
    }

    /// An access key for a user, made by the root user.
    pub async fn key_of(&self, name: &str) -> Credentials {
        let key = self.call(&self.root, "CreateAccessKey", &[("UserName", name)]).await.ok();
        Credentials::of(&key)
    }

    /// Embeds a policy in a user.
    pub async fn allow(&self, user: &str, policy: &str, document: &str) {
        let parameters = [("UserName", user), ("PolicyName", policy), ("PolicyDocument", document)];
        self.call(&self.root, "PutUserPolicy", &parameters).await.ok();
    }
}

async fn serve(
    store: Arc<dyn Store>,
    quotas: Quotas,
    entropy: Arc<dyn Entropy>,
    (clock, keyring, objects, looks): (&Arc<FixedClock>, &Arc<Keyring>, &TempDir, &Arc<Looks>),
    log: Log,
    settings: Settings,
    fetch: FetchSettings,
) -> Arc<Service> {
    let (outbox, entries) = mpsc::unbounded_channel();
    let directory = Directory::open(store, quotas, Arc::clone(&entropy), outbox).await.unwrap();
    let tools = Tools {
        directory: Arc::new(directory),
        keyring: Arc::clone(keyring),
        public_url: fetch.hosts.first().map_or_else(String::new, |it| format!("https://{it}")),
        issuers: Arc::new(Issuers::new(fetch).unwrap()),
        entropy: Arc::clone(&entropy),
    };
    let clock = Arc::<FixedClock>::clone(clock);
    let s3 = s3(
        objects.path(),
        Arc::<FixedClock>::clone(&clock),
        entropy,
        Arc::clone(keyring),
        Arc::clone(looks),
    );
    let service = Arc::new(Service::new(tools, clock, log, settings).with_s3(s3));
    tokio::spawn(Arc::clone(&service).drain_outbox(entries));
    service
}

/// Apart from its caller, so that the caller's future can go to another thread.
fn form(action: &str, version: &str, parameters: &[(&str, &str)]) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("Action", action).append_pair("Version", version);
    form.extend_pairs(parameters).finish()
}

pub(crate) fn unsigned(service: &str) -> Vec<(String, String)> {
    vec![
        ("host".to_owned(), format!("{service}.amazonaws.com")),
        ("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned()),
        ("user-agent".to_owned(), "testkit".to_owned()),
    ]
}

async fn new_account(service: &Service, id: &str) -> Credentials {
    let credentials: RootCredentials = service.draw_account(NewAccount {
        id: Some(id.parse().unwrap()),
        name: format!("account {id}"),
        email: format!("root@{id}.example"),
        root_key: None,
    });
    service.create_account(&credentials).await.unwrap();
    Credentials {
        access_key_id: credentials.key.id.to_string(),
        secret_access_key: credentials.key.secret.expose().clone(),
        session_token: None,
    }
}

fn borrowed(headers: &[(String, String)]) -> Vec<(&str, &[u8])> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect()
}
