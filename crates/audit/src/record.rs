//! One CloudTrail record: an event with who, what, when, from where and with which outcome.
//!
//! It holds no secrets: `requestParameters` and `responseElements` come without them. Member names,
//! their order and the limits of their sizes are CloudTrail's. Building one borrows; only the line
//! is allocated.

use std::borrow::Cow;

use iamd_types::{AccountId, Timestamp};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::EventId;
use crate::identity::UserIdentity;
use crate::object::Object;

/// The longest line, in bytes (AWS: 256 KB an event).
pub const LINE_LIMIT: usize = 256 * 1024;
/// `userAgent`, `errorCode`, `errorMessage`, in bytes (AWS: 1 KB).
const TEXT_LIMIT: usize = 1024;
/// `requestParameters` and `responseElements`, in bytes of JSON (AWS: 100 KB).
const PART_LIMIT: usize = 100 * 1024;
/// `additionalEventData`, in bytes of JSON (AWS: 28 KB).
const ADDITIONAL_LIMIT: usize = 28 * 1024;
/// A usual line is shorter than this.
const USUAL_LENGTH: usize = 1536;

/// A record. Members that are `None` or empty are left out, except the two that CloudTrail always
/// writes, then as `null`.
#[derive(Debug, Clone)]
pub struct Record<'a> {
    /// Who called.
    pub user_identity: UserIdentity<'a>,
    /// When.
    pub event_time: Timestamp,
    /// The service's name, such as `iam`: `eventSource` and `eventVersion` follow from it.
    pub service: &'a str,
    /// The operation.
    pub event_name: &'a str,
    /// The region of the signature.
    pub aws_region: &'a str,
    /// The caller's address, or a service's name.
    pub source_ip_address: &'a str,
    /// `User-Agent`, cut at 1 KB.
    pub user_agent: Option<&'a str>,
    /// The exception's name, when the request was refused; cut at 1 KB.
    pub error_code: Option<&'a str>,
    /// The caller's message, when the request was refused; cut at 1 KB.
    pub error_message: Option<&'a str>,
    /// The input, without secrets; cut at 100 KB.
    pub request_parameters: Option<Part<'a>>,
    /// The output of a change, without secrets; cut at 100 KB.
    pub response_elements: Option<Part<'a>>,
    /// What else there is to say; cut at 28 KB.
    pub additional_event_data: Option<Part<'a>>,
    /// `x-amzn-RequestId`
    pub request_id: EventId,
    /// This record's own id.
    pub event_id: EventId,
    /// Whether the operation only reads.
    pub read_only: bool,
    /// What it was done to; IAM's operations name nothing.
    pub resources: Vec<Resource<'a>>,
    /// What kind of event.
    pub event_type: EventType,
    /// The account whose record this is.
    pub recipient_account_id: AccountId,
    /// One id in the records of both accounts, when a call concerns two.
    pub shared_event_id: Option<EventId>,
    /// Management or data.
    pub event_category: Category,
    /// The connection, when it was encrypted.
    pub tls_details: Option<TlsDetails<'a>>,
    /// Whether the credentials are those of a console session.
    pub session_credential_from_console: bool,
}

/// What a service says of a request: a tree, or JSON as it stands in the line.
#[derive(Debug, Clone)]
pub enum Part<'a> {
    /// A tree.
    Tree(Cow<'a, Value>),
    /// JSON without line ends.
    Written(Cow<'a, RawValue>),
}

impl Part<'_> {
    /// What was written; `None` is `null`.
    pub fn written(json: &[u8]) -> Result<Option<Self>, serde_json::Error> {
        let json: Box<RawValue> = serde_json::from_slice(json)?;
        Ok((json.get() != "null").then_some(Self::Written(Cow::Owned(json))))
    }

    /// The same part, without a copy.
    pub fn borrowed(&self) -> Part<'_> {
        match self {
            Self::Tree(tree) => Part::Tree(Cow::Borrowed(tree)),
            Self::Written(json) => Part::Written(Cow::Borrowed(json)),
        }
    }

    /// The tree; `None` when what was written is too deep for one.
    pub fn tree(&self) -> Option<Cow<'_, Value>> {
        match self {
            Self::Tree(tree) => Some(Cow::Borrowed(tree)),
            Self::Written(json) => serde_json::from_str(json.get()).ok().map(Cow::Owned),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            // Writing to memory does not fail, and all keys are texts.
            Self::Tree(tree) => drop(serde_json::to_writer(out, tree)),
            Self::Written(json) => out.extend_from_slice(json.get().as_bytes()),
        }
    }
}

impl From<Value> for Part<'_> {
    fn from(tree: Value) -> Self {
        Self::Tree(Cow::Owned(tree))
    }
}

/// An element of `resources`.
#[derive(Debug, Clone)]
pub struct Resource<'a> {
    /// Its ARN.
    pub arn: &'a str,
    /// Its account.
    pub account: AccountId,
    /// `AWS::IAM::Role`
    pub resource_type: &'a str,
}

/// `eventType`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventType {
    /// A call of an API.
    AwsApiCall,
    /// Something that the service did by itself.
    AwsServiceEvent,
    /// An action in the console that is no API call.
    AwsConsoleAction,
    /// A sign-in.
    AwsConsoleSignIn,
}

/// `eventCategory`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Category {
    /// Control of resources.
    Management,
    /// Work on what is in a resource.
    Data,
}

/// `tlsDetails`
#[derive(Debug, Clone)]
pub struct TlsDetails<'a> {
    /// `TLSv1.3`
    pub tls_version: &'a str,
    /// `TLS_AES_128_GCM_SHA256`
    pub cipher_suite: &'a str,
    /// The `Host` header.
    pub client_provided_host_header: &'a str,
}

impl Record<'_> {
    /// The record as one line of JSON without a line end, at most [`LINE_LIMIT`] long.
    pub fn to_line(&self) -> Vec<u8> {
        self.line_within(LINE_LIMIT)
    }

    /// The line, at most `limit` bytes long. Beyond a limit, the long texts within
    /// `requestParameters`, `responseElements` and `additionalEventData` lose their ends, which
    /// `…` marks; what is still too long becomes `null`. (AWS only says that it cuts.)
    pub(crate) fn line_within(&self, limit: usize) -> Vec<u8> {
        let line = self.whole_line();
        // Below this no part can be too long.
        if line.len() <= ADDITIONAL_LIMIT.min(limit) {
            return line;
        }
        let mut record = self.clone();
        record.cut_parts(PART_LIMIT, ADDITIONAL_LIMIT);
        let mut line = record.whole_line();
        let mut part = PART_LIMIT;
        while line.len() > limit && part > 0 {
            part /= 2;
            record.cut_parts(part, part);
            line = record.whole_line();
        }
        line
    }

    fn whole_line(&self) -> Vec<u8> {
        let mut line = Vec::with_capacity(USUAL_LENGTH);
        Object::write(&mut line, |record| self.write_members(record));
        line
    }

    fn write_members(&self, record: &mut Object<'_>) {
        record.text("eventVersion", self.event_version());
        record.object("userIdentity", |identity| self.user_identity.write_members(identity));
        record.shown("eventTime", self.event_time);
        record.shown("eventSource", format_args!("{}.amazonaws.com", self.service));
        record.text("eventName", self.event_name);
        record.text("awsRegion", self.aws_region);
        record.text("sourceIPAddress", self.source_ip_address);
        record.optional("userAgent", self.user_agent.map(short));
        record.optional("errorCode", self.error_code.map(short));
        record.optional("errorMessage", self.error_message.map(short));
        for (name, part) in [
            ("requestParameters", &self.request_parameters),
            ("responseElements", &self.response_elements),
        ] {
            match part {
                Some(part) => part.write(record.member(name)),
                None => record.member(name).extend_from_slice(b"null"),
            }
        }
        if let Some(additional) = &self.additional_event_data {
            additional.write(record.member("additionalEventData"));
        }
        record.shown("requestID", self.request_id);
        record.shown("eventID", self.event_id);
        record.boolean("readOnly", self.read_only);
        if !self.resources.is_empty() {
            self.write_resources(record.member("resources"));
        }
        record.text("eventType", self.event_type.as_str());
        let management = self.event_category == Category::Management;
        record.boolean("managementEvent", management);
        record.shown("recipientAccountId", self.recipient_account_id);
        if let Some(id) = self.shared_event_id {
            record.shown("sharedEventID", id);
        }
        record.text("eventCategory", if management { "Management" } else { "Data" });
        if let Some(details) = &self.tls_details {
            record.object("tlsDetails", |tls| {
                tls.text("tlsVersion", details.tls_version);
                tls.text("cipherSuite", details.cipher_suite);
                tls.text("clientProvidedHostHeader", details.client_provided_host_header);
            });
        }
        if self.session_credential_from_console {
            record.text("sessionCredentialFromConsole", "true");
        }
    }

    fn write_resources(&self, out: &mut Vec<u8>) {
        out.push(b'[');
        for (at, resource) in self.resources.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            Object::write(out, |members| {
                members.text("ARN", resource.arn);
                members.shown("accountId", resource.account);
                members.text("type", resource.resource_type);
            });
        }
        out.push(b']');
    }

    fn cut_parts(&mut self, limit: usize, additional: usize) {
        cut_part(&mut self.request_parameters, limit);
        cut_part(&mut self.response_elements, limit);
        cut_part(&mut self.additional_event_data, additional);
    }

    /// As recorded in 2024: it differs by service.
    fn event_version(&self) -> &'static str {
        match self.service {
            "sts" | "signin" => "1.08",
            "iam" => "1.09",
            _ => "1.10",
        }
    }
}

/// Shortens the longest texts within a part until its JSON is short enough.
fn cut_part(part: &mut Option<Part<'_>>, limit: usize) {
    let whole = part.take();
    let Some(mut tree) = whole.as_ref().and_then(Part::tree).map(Cow::into_owned) else { return };
    let mut text_limit = limit;
    while tree.to_string().len() > limit {
        if text_limit < 64 {
            return;
        }
        text_limit /= 2;
        cut_texts(&mut tree, text_limit);
    }
    *part = Some(tree.into());
}

/// Cuts the texts within a value. The depth is that of a parsed request, which is limited.
fn cut_texts(value: &mut Value, limit: usize) {
    match value {
        Value::String(text) => {
            if text.len() > limit {
                text.truncate(text.floor_char_boundary(limit));
                text.push('…');
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| cut_texts(item, limit)),
        Value::Object(members) => members.values_mut().for_each(|item| cut_texts(item, limit)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn short(text: &str) -> &str {
    text.get(..text.floor_char_boundary(TEXT_LIMIT)).unwrap_or_default()
}

impl EventType {
    const fn as_str(self) -> &'static str {
        match self {
            Self::AwsApiCall => "AwsApiCall",
            Self::AwsServiceEvent => "AwsServiceEvent",
            Self::AwsConsoleAction => "AwsConsoleAction",
            Self::AwsConsoleSignIn => "AwsConsoleSignIn",
        }
    }
}
