//! AssumeRoot and GetDelegatedAccessToken: checked, and then refused by rule.

use iamd_testkit::TestServer;

#[tokio::test]
async fn nobody_has_member_accounts() {
    let server = TestServer::start().await;
    let task = "TaskPolicyArn.arn=arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy";
    for target in ["444455556666", "arn:aws:iam::444455556666:root"] {
        let line = format!("sts:AssumeRoot TargetPrincipal={target} {task}");
        server.as_root(&line).await.refused("AccessDenied");
    }
    for wrong in [
        format!("sts:AssumeRoot TargetPrincipal=arn:aws:iam::444455556666:user/x {task}"),
        format!("sts:AssumeRoot TargetPrincipal=nonsense-account {task}"),
        format!("sts:AssumeRoot TargetPrincipal=444455556666 {task} DurationSeconds=901"),
        "sts:AssumeRoot TargetPrincipal=444455556666 TaskPolicyArn.arn=arn:aws:iam::aws:policy/AdministratorAccess".to_owned(),
        "sts:AssumeRoot TargetPrincipal=444455556666".to_owned(),
    ] {
        server.as_root(&wrong).await.refused("ValidationError");
    }
}

#[tokio::test]
async fn nobody_has_trade_in_tokens() {
    let server = TestServer::start().await;
    let answer = server.as_root("sts:GetDelegatedAccessToken TradeInToken=abc").await;
    answer.refused("ExpiredTradeInTokenException");
}
