//! What the pipeline costs for a GetUser that is verified and authorized: nanoseconds of processor time
//! in this process, without HTTP, audit and log lines.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a benchmark"
)]

use std::sync::Arc;
use std::time::Instant;

use iamd_audit::{Discard, Log};
use iamd_service::Request;
use iamd_testkit::TestServer;

const REQUESTS: u32 = 20_000;
const ROUNDS: u32 = 5;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let server = TestServer::start_with_log(Log::start(Discard).unwrap()).await;
    let alice = server.user("alice").await;
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:List*","iam:Get*"],"Resource":"*"}]}"#;
    server.allow("alice", "Reads", policy).await;
    let (headers, body) = server.signed(&alice, "iam", "Action=GetUser&Version=2010-05-08");
    let headers: Vec<_> =
        headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let service = Arc::clone(&server.service);
    let mut rounds = vec![];
    for _ in 0..ROUNDS {
        let started = Instant::now();
        for _ in 0..REQUESTS {
            let request = Request {
                method: "POST",
                target: "/",
                headers: &headers,
                body: body.as_bytes(),
                source_ip: None,
                secure: false,
                tls: None,
            };
            let reply = service.handle(&request).await;
            assert_eq!(reply.status, 200);
        }
        rounds.push(started.elapsed().as_nanos() as f64 / f64::from(REQUESTS));
    }
    rounds.sort_by(f64::total_cmp);
    println!(
        "GetUser through the pipeline: {:.0} ns (median of {ROUNDS} rounds)",
        rounds[rounds.len() / 2]
    );
}
