//! Decides one request and tells why: `cargo run --example decide`.
#![expect(clippy::print_stdout, reason = "what it finds it prints")]

use std::error::Error;

use iamd_policy::{
    Action, Attached, Context, Document, Evaluator, Policies, Principal, PrincipalKind, Reference,
    Request, Resource, Source, Trace,
};

const DEVELOPERS: &str = r#"{"Version":"2012-10-17","Statement":[
  {"Sid":"Read","Effect":"Allow","Action":"s3:Get*","Resource":"arn:aws:s3:::reports/${aws:username}/*"},
  {"Sid":"Office","Effect":"Deny","Action":"*","Resource":"*",
   "Condition":{"NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}}}
]}"#;

fn main() -> Result<(), Box<dyn Error>> {
    let document = Document::parse(DEVELOPERS)?;
    let attached =
        Attached { source: Source { name: "developers", arn: None }, document: &document };
    let policies = Policies { identity: &[attached], ..Policies::default() };
    for address in ["10.1.2.3", "203.0.113.7"] {
        let mut context = Context::new();
        context.set("aws:username", "alice");
        context.set("aws:SourceIp", address);
        let request = Request {
            principal: Principal::new(
                PrincipalKind::User,
                "arn:aws:iam::111111111111:user/alice",
                "111111111111",
            ),
            action: &Action::new("s3:GetObject"),
            resource: Resource {
                arn: "arn:aws:s3:::reports/alice/may.csv",
                account: Some("111111111111"),
                management_account: false,
            },
            context: &context,
        };
        let decision = Reference.decide(&request, &policies);
        println!(
            "from {address}: {:?}{}",
            decision.effect,
            decision.denial_reason(request.action.name())
        );
        println!("{}", Trace::of(&request, &policies));
    }
    Ok(())
}
