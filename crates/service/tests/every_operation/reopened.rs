//! An account with a record of every kind, before and after its server was ended and started again on
//! what stands on disk: the answers are the same, and what was sealed opens.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use iamd_store::{At, Embedded, History, KeyRange, PageLimit, Partition, Store};
use iamd_testkit::{Credentials, Device, Kept, TestServer};
use iamd_types::Secret;
use tokio::runtime::Runtime;

use crate::fixture::Fixture;

const ACCOUNT: u64 = 444_455_556_666;
const TOKEN: &str = "GAHT12345678";
/// The first letters of the keys in `directory/src/keys.rs`. Not `c`: the pieces of large values have
/// tests of their own, and not `x`: records leave the outbox.
const LETTERS: &str = "abeghijklmnoprstuvwyz";

fn open(path: &Path) -> Arc<dyn Store> {
    Arc::new(Embedded::open(path, History::default()).unwrap())
}

/// What the first server told, and what its clients hold.
struct Before {
    kept: Kept,
    account: String,
    root: Credentials,
    probe: Credentials,
    alice: Credentials,
    /// A session of the role `shared`.
    session: Credentials,
    phone: Device,
    answers: Vec<(String, String)>,
    keys: Option<String>,
}

async fn answers(
    server: &TestServer,
    account: &str,
    root: &Credentials,
    lines: Vec<String>,
) -> Vec<(String, String)> {
    let subject = format!("arn:aws:iam::{account}:user/people/alice");
    let line = format!("GenerateServiceLastAccessedDetails Arn={subject}");
    let job = server.ask(root, &line).await.ok().text("JobId");
    let report = format!("GetServiceLastAccessedDetails JobId={job}");
    let mut answers = vec![(String::new(), body(server, root, &report).await)];
    for line in lines {
        let body = body(server, root, &line).await;
        answers.push((line, body));
    }
    answers
}

async fn body(server: &TestServer, root: &Credentials, line: &str) -> String {
    let answer = server.ask(root, line).await;
    answer.body.replace(&answer.request_id, "")
}

async fn keys(server: &TestServer, account: &str) -> Option<String> {
    let path = format!("{account}/.well-known/jwks.json");
    server.service.issuer_document(&path).await.unwrap()
}

async fn fill(store: &Arc<dyn Store>) -> Before {
    let server = TestServer::start_on(Arc::clone(store)).await;
    let fixture = Fixture::new(&server, ACCOUNT).await;
    let (account, root) = (fixture.account.clone(), fixture.root.clone());
    fixture.allow(r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#).await;
    let seed = Secret::new("GEZDGNBVGY3TQOJQ".repeat(2));
    server.service.add_hardware_token(account.parse().unwrap(), TOKEN, &seed).await.unwrap();
    let lines = [
        "EnableOutboundWebIdentityFederation",
        "SetSecurityTokenServicePreferences GlobalEndpointTokenVersion=v2Token",
        "CreateServiceLinkedRole AWSServiceName=autoscaling.amazonaws.com",
    ];
    for line in lines {
        server.ask(&root, line).await.ok();
    }
    let line = "DeleteServiceLinkedRole RoleName=AWSServiceRoleForAutoScaling";
    let task = server.ask(&root, line).await.ok().text("DeletionTaskId");
    let alice = Credentials::of(&server.ask(&root, "CreateAccessKey UserName=alice").await.ok());
    server.ask(&alice, "sts:GetCallerIdentity").await.ok();
    let line = format!(
        "sts:AssumeRole RoleArn=arn:aws:iam::{account}:role/app/shared RoleSessionName=work"
    );
    let session = Credentials::of(&server.ask(&fixture.probe, &line).await.ok());
    server.ask(&session, "sts:GetCallerIdentity").await.ok();

    let reads = fixture.rows().into_iter().filter(|row| {
        let (service, operation) = row.operation();
        let reads = operation.starts_with("Get") || operation.starts_with("List");
        service == "iam" && reads && !row.refuses
    });
    let mut lines: Vec<String> = reads.map(|row| row.request).collect();
    assert!(lines.len() > 70, "{}", lines.len());
    lines.push(format!("GetServiceLinkedRoleDeletionStatus DeletionTaskId={task}"));
    lines.push(format!("GetAccessKeyLastUsed AccessKeyId={}", alice.access_key_id));
    let answers = answers(&server, &account, &root, lines).await;
    server.service.directory().flush_usage().await.unwrap();
    Before {
        kept: server.kept(),
        root,
        probe: fixture.probe.clone(),
        alice,
        session,
        phone: fixture.phone.clone(),
        answers,
        keys: keys(&server, &account).await,
        account,
    }
}

async fn letters(store: &Arc<dyn Store>, account: &str) -> String {
    let partition = Partition::new(account).unwrap();
    let limit = PageLimit { entries: 1000, ..PageLimit::default() };
    let page = store.range(&partition, KeyRange::all(), limit, At::Latest).await.unwrap();
    assert!(page.next.is_none());
    let letters: BTreeSet<char> = page
        .entries
        .iter()
        .filter_map(|entry| entry.key.first().copied().map(char::from))
        .collect();
    letters.into_iter().filter(|letter| !['c', 'x'].contains(letter)).collect()
}

#[test]
fn an_account_with_everything_is_the_same_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let first = Runtime::new().unwrap();
    let before = first.block_on(async {
        let store = open(&path);
        let before = fill(&store).await;
        assert_eq!(letters(&store, &before.account).await, LETTERS);
        before
    });
    // With it end the tasks that hold the store.
    drop(first);
    Runtime::new().unwrap().block_on(compare(before, open(&path)));
}

async fn compare(before: Before, store: Arc<dyn Store>) {
    let server = TestServer::reopen(before.kept, store).await;
    let lines = before.answers.iter().skip(1).map(|(line, _)| line.clone()).collect();
    let after = answers(&server, &before.account, &before.root, lines).await;
    assert_eq!(after.len(), before.answers.len());
    for (after, before) in after.iter().zip(&before.answers) {
        assert_eq!(after, before);
    }
    assert!(before.keys.is_some());
    assert_eq!(keys(&server, &before.account).await, before.keys);
    let code = before.phone.code(&server, 0);
    let serial = &before.phone.serial;
    let requests = [
        (&before.session, "sts:GetCallerIdentity".to_owned()),
        (&before.alice, format!("sts:GetSessionToken SerialNumber={serial} TokenCode={code}")),
        (
            &before.probe,
            "sts:GetWebIdentityToken Audience.member.1=app SigningAlgorithm=ES384".to_owned(),
        ),
        (
            &before.probe,
            "ChangePassword OldPassword=Correct-Horse-1 NewPassword=Correct-Horse-2".to_owned(),
        ),
    ];
    for (credentials, line) in requests {
        server.ask(credentials, &line).await.ok();
    }
    let device = Device::with_seed(TOKEN, &"GEZDGNBVGY3TQOJQ".repeat(2));
    let (first, second) = (device.code(&server, -1), device.code(&server, 0));
    let line = format!(
        "EnableMFADevice UserName=bob SerialNumber={TOKEN} AuthenticationCode1={first} AuthenticationCode2={second}"
    );
    server.ask(&before.root, &line).await.ok();
}
