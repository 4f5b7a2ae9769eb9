//! The credential report.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use iamd_testkit::TestServer;

use super::{given, root};

type Line = BTreeMap<String, String>;

async fn report(server: &TestServer) -> Vec<Line> {
    let got = root(server, "GetCredentialReport").await.ok();
    let members = ["Content", "ReportFormat", "GeneratedTime"];
    assert_eq!(got.members("GetCredentialReportResult"), members);
    assert_eq!(got.text("ReportFormat"), "text/csv");
    let text = String::from_utf8(STANDARD.decode(got.text("Content")).unwrap()).unwrap();
    let mut lines = text.lines().map(|line| line.split(','));
    let header: Vec<String> = lines.next().unwrap().map(str::to_owned).collect();
    assert_eq!(header.len(), 22);
    let named = |fields: std::str::Split<'_, char>| {
        header.iter().cloned().zip(fields.map(str::to_owned)).collect()
    };
    lines.map(named).collect()
}

#[tokio::test]
async fn a_report_is_made_and_given_for_four_hours() {
    let server = TestServer::start().await;
    let answer = root(&server, "GetCredentialReport").await;
    assert_eq!(answer.code(), "ReportNotPresent");
    assert_eq!((answer.status, answer.has("Message")), (410, false), "{}", answer.body);
    let started = root(&server, "GenerateCredentialReport").await.ok();
    assert_eq!(started.text("State"), "STARTED");
    let description = "No report exists. Starting a new report generation task";
    assert_eq!(started.text("Description"), description);
    let done = root(&server, "GenerateCredentialReport").await.ok();
    assert_eq!(done.members("GenerateCredentialReportResult"), ["State"]);
    assert_eq!(done.text("State"), "COMPLETE");
    // What happens later is in the next report.
    given(&server, "CreateUser UserName=late").await;
    server.clock.advance(4 * 3600 - 1);
    given(&server, "GenerateCredentialReport").await;
    assert_eq!(report(&server).await.len(), 1);
    server.clock.advance(1);
    root(&server, "GetCredentialReport").await.refused("ReportExpired");
    let started = root(&server, "GenerateCredentialReport").await.ok();
    assert_eq!(started.text("State"), "STARTED");
    assert_eq!(report(&server).await.len(), 2);
}

#[tokio::test]
async fn every_column_is_true() {
    let server = TestServer::start().await;
    given(&server, "CreateUser UserName=alice Path=/people/\nCreateUser UserName=bare").await;
    let key = server.key_of("alice").await;
    let second = server.key_of("alice").await.access_key_id;
    given(
        &server,
        &format!(
            "UpdateAccountPasswordPolicy MaxPasswordAge=10
CreateLoginProfile UserName=alice Password=Correct-Horse-1
UpdateAccessKey UserName=alice AccessKeyId={second} Status=Inactive"
        ),
    )
    .await;
    server.device_of(&server.root, "alice").await;
    server.ask(&key, "sts:GetCallerIdentity").await.ok();
    given(&server, "GenerateCredentialReport").await;
    let lines = report(&server).await;
    let check = |line: &Line, expected: &[(&str, &str)]| {
        for (column, value) in expected {
            assert_eq!(line[*column], *value, "{column} of {}", line["user"]);
        }
    };
    let made = "2026-02-12T09:30:00Z";
    check(
        &lines[0],
        &[
            ("user", "<root_account>"),
            ("arn", "arn:aws:iam::111122223333:root"),
            ("user_creation_time", made),
            ("password_enabled", "true"),
            ("password_last_used", "no_information"),
            ("password_last_changed", "not_supported"),
            ("password_next_rotation", "not_supported"),
            ("mfa_active", "false"),
            ("access_key_1_active", "true"),
            ("access_key_1_last_used_service", "iam"),
            ("access_key_1_last_used_region", "us-east-1"),
            ("access_key_2_active", "false"),
            ("cert_1_active", "false"),
        ],
    );
    check(
        &lines[1],
        &[
            ("user", "alice"),
            ("arn", "arn:aws:iam::111122223333:user/people/alice"),
            ("user_creation_time", made),
            ("password_enabled", "true"),
            ("password_last_used", "no_information"),
            ("password_last_changed", made),
            ("password_next_rotation", "2026-02-22T09:30:00Z"),
            ("mfa_active", "true"),
            ("access_key_1_active", "true"),
            ("access_key_1_last_rotated", made),
            ("access_key_1_last_used_date", "2026-02-12T09:30:30Z"),
            ("access_key_1_last_used_service", "sts"),
            ("access_key_2_active", "false"),
            ("access_key_2_last_rotated", made),
            ("access_key_2_last_used_date", "N/A"),
            ("cert_1_active", "false"),
            ("cert_1_last_rotated", "N/A"),
        ],
    );
    let empty: Vec<&str> = lines[2].values().map(String::as_str).collect();
    assert_eq!(lines[2]["user"], "bare");
    assert_eq!(empty.iter().filter(|value| **value == "N/A").count(), 13);
}
