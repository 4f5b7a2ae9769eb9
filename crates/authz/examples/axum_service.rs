//! A small service that is guarded in process: it asks nobody over the network, and decides by a replica of the
//! directory.
//!
//! Whoever runs the store's writer (here: the same process, as the embedded store belongs to one process) changes users
//! and policies; the replica follows the store's feed and is what requests are decided by. With a store that several
//! processes share, the replica would be another process. It needs the keyring too, since signatures are verified with
//! sealed secrets.
//!
//! `cargo run --package iamd-authz --example axum_service`

#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, reason = "an example")]

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, http};
use iamd_authz::{Access, AccessList, Authenticator, Caller, RequestFacts, authorize};
use iamd_credentials::Keyring;
use iamd_directory::{Directory, Follower, Quotas};
use iamd_sigv4::{Payload, RequestParts, Settings};
use iamd_store::{Memory, Store};
use iamd_testkit::{Credentials, SeededEntropy, TestServer};
use iamd_types::{AccountId, Clock, Code, Error};
use tokio::sync::mpsc;
use tower::ServiceExt;

/// The service that its callers sign for, and what its actions begin with.
const SERVICE: &str = "notes";
/// The longest body.
const MAX_BODY: usize = 64 * 1024;

/// What stands before every handler.
struct Gate {
    authenticator: Authenticator,
    clock: Arc<dyn Clock>,
    /// Who owns the notes.
    account: AccountId,
}

impl Gate {
    /// Who calls, if they may. Everything that policies say of a caller is decided here: identity policies,
    /// boundaries, session policies.
    async fn admit(&self, head: &http::request::Parts, body: &[u8]) -> Result<Arc<Caller>, Error> {
        let headers: Vec<_> =
            head.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let target = head.uri.path_and_query().map_or("", |target| target.as_str());
        let parts = RequestParts { method: head.method.as_str(), target, headers: &headers };
        let unsigned = || Error::new(Code::MissingAuthenticationToken, "the request is not signed");
        let presented = self.authenticator.present(&parts)?.ok_or_else(unsigned)?;

        let now = self.clock.now();
        let settings = Settings::query(SERVICE, None);
        let payload = Payload::Bytes(body);
        let signed = self.authenticator.verify(&presented, payload, &settings, now).await?;
        let caller = Arc::new(Caller::resolve(&signed.proof, &signed.account)?);

        let action = if head.method == http::Method::GET { "notes:Read" } else { "notes:Write" };
        let resource = format!("arn:aws:notes::{}:note{}", self.account, head.uri.path());
        let facts = RequestFacts {
            now,
            // A service that knows its callers' addresses and their TLS tells them here.
            source_ip: None,
            user_agent: None,
            referer: None,
            secure_transport: false,
            region: presented.scope().region().to_owned().into(),
        };
        let accesses = AccessList::one(Access::new(action, resource, self.account));
        authorize(action, &caller, &signed.account, &accesses, &facts)
            .map_err(|denied| denied.error)?;
        Ok(caller)
    }
}

async fn gate(State(gate): State<Arc<Gate>>, request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    match gate.admit(&head, &body).await {
        Ok(caller) => {
            let mut request = Request::from_parts(head, Body::from(body));
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(error) => {
            let status = StatusCode::from_u16(error.code().http_status());
            let status = status.unwrap_or(StatusCode::FORBIDDEN);
            (status, error.message().to_owned()).into_response()
        }
    }
}

/// The service: one note, which says who reads or writes it.
fn notes(authenticator: Authenticator, clock: Arc<dyn Clock>, account: AccountId) -> Router {
    let read =
        async |Extension(caller): Extension<Arc<Caller>>| format!("read by {}\n", caller.arn);
    let write =
        async |Extension(caller): Extension<Arc<Caller>>| format!("written by {}\n", caller.arn);
    let gated = Arc::new(Gate { authenticator, clock, account });
    Router::new().route("/{*note}", get(read).put(write)).layer(from_fn_with_state(gated, gate))
}

/// A replica of what is in the store, and what keeps it up to date.
async fn replica(store: Arc<dyn Store>) -> (Arc<Directory>, Follower) {
    // A replica commits nothing, so nothing is sent here.
    let (outbox, _) = mpsc::unbounded_channel();
    let entropy = Arc::new(SeededEntropy::new(7));
    let directory = Directory::open(store, Quotas::default(), entropy, outbox).await.unwrap();
    let directory = Arc::new(directory);
    (Arc::clone(&directory), Follower::new(directory))
}

/// iamd itself and the guarded service, in one process.
struct World {
    iamd: TestServer,
    notes: Router,
    replica: Arc<Directory>,
    follower: Follower,
}

const ACCOUNT: &str = "111122223333";

impl World {
    async fn new() -> Self {
        let store: Arc<dyn Store> = Arc::new(Memory::default());
        let iamd = TestServer::start_on(Arc::clone(&store)).await;
        let (replica, follower) = replica(store).await;
        let keyring: Arc<Keyring> = Arc::clone(&iamd.keyring);
        let authenticator = Authenticator::new(Arc::clone(&replica), keyring);
        let clock: Arc<dyn Clock> = Arc::<iamd_testkit::FixedClock>::clone(&iamd.clock);
        let notes = notes(authenticator, clock, ACCOUNT.parse().unwrap());
        Self { iamd, notes, replica, follower }
    }

    /// Lets the replica catch up with what iamd has answered so far.
    async fn catch_up(&mut self) {
        let id = ACCOUNT.parse().unwrap();
        let newest = self.iamd.service.directory().account(id).await.unwrap().unwrap();
        while self
            .replica
            .account(id)
            .await
            .unwrap()
            .is_none_or(|it| it.revision() < newest.revision())
        {
            self.follower.next().await;
        }
    }

    /// Status and text of the answer to a signed request.
    async fn ask(&self, who: Option<&Credentials>, method: &str, path: &str) -> (u16, String) {
        let mut headers = vec![("host".to_owned(), "notes.example.com".to_owned())];
        if let Some(who) = who {
            self.iamd.sign(who, SERVICE, (method, path), &mut headers, b"");
        }
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in &headers {
            request = request.header(name, value);
        }
        let request = request.body(Body::empty()).unwrap();
        let answer = self.notes.clone().oneshot(request).await.unwrap();
        let status = answer.status().as_u16();
        let text = to_bytes(answer.into_body(), MAX_BODY).await.unwrap();
        (status, String::from_utf8(text.to_vec()).unwrap())
    }
}

const READS: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"notes:Read","Resource":"arn:aws:notes::111122223333:note/shared/*"}]}"#;

#[tokio::main]
async fn main() {
    let mut world = World::new().await;
    let alice = world.iamd.user("alice").await;
    world.iamd.allow("alice", "reads", READS).await;
    world.catch_up().await;
    for (who, method, path) in [
        (Some(&alice), "GET", "/shared/a"),
        (Some(&alice), "PUT", "/shared/a"),
        (Some(&alice), "GET", "/private/a"),
        (None, "GET", "/shared/a"),
    ] {
        let (status, text) = world.ask(who, method, path).await;
        println!("{method} {path}: {status} {}", text.trim());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn policies_decide_by_the_replica() {
        let mut world = World::new().await;
        let alice = world.iamd.user("alice").await;
        // The replica knows nothing of her yet.
        assert_eq!(world.ask(Some(&alice), "GET", "/shared/a").await.0, 403);
        world.iamd.allow("alice", "reads", READS).await;
        world.catch_up().await;
        let (status, text) = world.ask(Some(&alice), "GET", "/shared/a").await;
        assert_eq!(
            (status, text.as_str()),
            (200, "read by arn:aws:iam::111122223333:user/alice\n")
        );
        let (status, text) = world.ask(Some(&alice), "PUT", "/shared/a").await;
        assert_eq!(status, 403);
        assert!(text.contains("is not authorized to perform: notes:Write"), "{text}");
        assert_eq!(world.ask(Some(&alice), "GET", "/private/a").await.0, 403);
        assert_eq!(world.ask(None, "GET", "/shared/a").await.0, 403);
    }

    #[tokio::test]
    async fn what_is_taken_away_is_gone_once_the_replica_has_caught_up() {
        let mut world = World::new().await;
        let alice = world.iamd.user("alice").await;
        world.iamd.allow("alice", "reads", READS).await;
        world.catch_up().await;
        assert_eq!(world.ask(Some(&alice), "GET", "/shared/a").await.0, 200);
        world.iamd.as_root("DeleteUserPolicy UserName=alice PolicyName=reads").await.ok();
        world.catch_up().await;
        assert_eq!(world.ask(Some(&alice), "GET", "/shared/a").await.0, 403);
    }
}
