//! The CloudTrail record of a request for S3 (CloudTrail user guide, "Amazon S3 CloudTrail events").

use std::sync::OnceLock;

use iamd_api::Operation;
use iamd_audit::{Category, EventId};
use iamd_operation::RequestFacts;
use serde_json::{Map, Value, json};

use super::Asked;
use super::authenticate::Authenticated;
use crate::pipeline::Service;
use crate::record::{Connection, Event, Resourced};
use crate::request::Request;

/// What a request names.
pub(super) struct Named<'a> {
    pub(super) operation: &'static Operation,
    pub(super) bucket: Option<&'a str>,
    pub(super) key: Option<&'a str>,
    /// The header that names the source of a copy.
    pub(super) copied: Option<&'a str>,
}

impl Service {
    /// The record in the making.
    pub(super) fn s3_event(
        &self,
        request: &Request<'_>,
        request_id: EventId,
        asked: &Asked<'_>,
    ) -> Event {
        let named = Named {
            operation: asked.call.operation,
            bucket: asked.call.bucket.as_deref(),
            key: asked.call.key.as_deref(),
            copied: asked.call.get("CopySource"),
        };
        let by = (asked.who, asked.facts.clone());
        let event = self.event_of(request, request_id, &named, by, || resources(asked));
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

    /// The record of a request that names this, and is about these resources.
    pub(super) fn event_of(
        &self,
        request: &Request<'_>,
        request_id: EventId,
        named: &Named<'_>,
        (who, facts): (&Authenticated, RequestFacts),
        resources: impl FnOnce() -> Vec<Resourced>,
    ) -> Event {
        let records = self.log.keeps();
        Event {
            id: EventId::new(facts.now, &*self.tools.entropy),
            request_id,
            service: &iamd_api::s3::SERVICE,
            operation: named.operation,
            facts,
            connection: request.tls.filter(|_| records).map(|tls| Connection {
                version: tls.version.to_owned(),
                cipher_suite: tls.cipher_suite.to_owned(),
                host: request.header("host").unwrap_or_default().to_owned(),
            }),
            parameters: records.then(|| parameters(request, named).into()),
            shared: OnceLock::new(),
            category: match named.key.is_some() || is_about_objects(named.operation) {
                true => Category::Data,
                false => Category::Management,
            },
            resources: if records { resources() } else { Vec::new() },
            additional: records.then(|| additional(who).into()),
        }
    }
}

/// Listings and deletions of many are work on what is in a bucket.
fn is_about_objects(operation: &Operation) -> bool {
    matches!(
        operation.name,
        "DeleteObjects"
            | "HeadBucket"
            | "ListObjects"
            | "ListObjectsV2"
            | "ListObjectVersions"
            | "ListMultipartUploads"
    )
}

/// `requestParameters`: S3's names for bucket and key, the host, and the query.
fn parameters(request: &Request<'_>, named: &Named<'_>) -> Value {
    let mut parameters = Map::new();
    if let Some(bucket) = named.bucket {
        parameters.insert("bucketName".to_owned(), json!(bucket));
    }
    if let Some(key) = named.key {
        parameters.insert("key".to_owned(), json!(key));
    }
    parameters.insert("Host".to_owned(), json!(request.header("host").unwrap_or_default()));
    for (name, value) in form_urlencoded::parse(request.query().as_bytes()) {
        // What signs a presigned URL is no parameter.
        if !name.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("x-amz-")) {
            parameters.insert(name.into_owned(), json!(value));
        }
    }
    if let Some(source) = named.copied {
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

fn additional(who: &Authenticated) -> Value {
    use iamd_s3::AuthType::{Header, Post, Query};
    let method = who.signing.auth_type.map(|auth_type| match auth_type {
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
