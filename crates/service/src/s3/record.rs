//! The CloudTrail record of a request for S3 (CloudTrail user guide, "Amazon S3 CloudTrail events").

use std::sync::OnceLock;

use iamd_audit::{Category, EventId};
use serde_json::{Map, Value, json};

use super::Asked;
use crate::pipeline::Service;
use crate::record::{Connection, Event, Resourced};
use crate::request::Request;

impl Service {
    /// The record in the making.
    pub(super) fn s3_event(
        &self,
        request: &Request<'_>,
        request_id: EventId,
        asked: &Asked<'_>,
    ) -> Event {
        let records = self.log.keeps();
        let event = Event {
            id: EventId::new(asked.facts.now, &*self.tools.entropy),
            request_id,
            service: &iamd_api::s3::SERVICE,
            operation: asked.call.operation,
            facts: asked.facts.clone(),
            connection: request.tls.filter(|_| records).map(|tls| Connection {
                version: tls.version.to_owned(),
                cipher_suite: tls.cipher_suite.to_owned(),
                host: request.header("host").unwrap_or_default().to_owned(),
            }),
            parameters: records.then(|| parameters(request, asked)),
            shared: OnceLock::new(),
            category: match asked.call.key.is_some() || is_about_objects(asked) {
                true => Category::Data,
                false => Category::Management,
            },
            resources: if records { resources(asked) } else { Vec::new() },
            additional: records.then(|| additional(asked)),
        };
        // The owner of what a caller of another account asks for has a record too; of a copy within the
        // caller's own buckets the owner of the source.
        let caller = asked.who.signed.as_ref().map(|signed| signed.account.id());
        let mut foreign = [&asked.found, &asked.source]
            .into_iter()
            .flatten()
            .filter(|found| caller.is_some_and(|caller| found.owner.id() != caller));
        if let Some(found) = foreign.next() {
            event.shared.get_or_init(|| self.shared(&found.owner, &event));
        }
        event
    }
}

/// Listings and deletions of many are work on what is in a bucket.
fn is_about_objects(asked: &Asked<'_>) -> bool {
    matches!(
        asked.call.operation.name,
        "DeleteObjects"
            | "HeadBucket"
            | "ListObjects"
            | "ListObjectsV2"
            | "ListObjectVersions"
            | "ListMultipartUploads"
    )
}

/// `requestParameters`: S3's names for bucket and key, the host, and the query.
fn parameters(request: &Request<'_>, asked: &Asked<'_>) -> Value {
    let mut parameters = Map::new();
    if let Some(bucket) = &asked.call.bucket {
        parameters.insert("bucketName".to_owned(), json!(bucket));
    }
    if let Some(key) = &asked.call.key {
        parameters.insert("key".to_owned(), json!(key));
    }
    parameters.insert("Host".to_owned(), json!(request.header("host").unwrap_or_default()));
    for (name, value) in form_urlencoded::parse(request.query().as_bytes()) {
        // What signs a presigned URL is no parameter.
        if !name.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("x-amz-")) {
            parameters.insert(name.into_owned(), json!(value));
        }
    }
    if let Some(source) = asked.call.get("CopySource") {
        parameters.insert("x-amz-copy-source".to_owned(), json!(source));
    }
    Value::Object(parameters)
}

fn resources(asked: &Asked<'_>) -> Vec<Resourced> {
    let mut resources = Vec::new();
    for (found, key) in [
        (&asked.found, asked.call.key.as_deref()),
        (&asked.source, asked.call.source.as_ref().map(|source| source.key.as_str())),
    ] {
        let Some(found) = found else { continue };
        let arn = found.bucket.arn();
        let account = found.owner.id();
        if let Some(key) = key {
            let arn = [&arn, "/", key].concat();
            resources.push(Resourced { arn, account, resource_type: "AWS::S3::Object" });
        }
        resources.push(Resourced { arn, account, resource_type: "AWS::S3::Bucket" });
    }
    resources
}

fn additional(asked: &Asked<'_>) -> Value {
    use iamd_s3::AuthType::{Header, Post, Query};
    let method = asked.who.signing.auth_type.map(|auth_type| match auth_type {
        Header => "AuthHeader",
        Query => "QueryString",
        Post => "HtmlForm",
    });
    match method {
        Some(method) => {
            json!({ "SignatureVersion": "SigV4", "AuthenticationMethod": method })
        }
        None => json!({}),
    }
}
