//! How an answer is written to a request of which only the head is known: what the gateway refuses never gets
//! to the pipeline.

use iamd_api::{Protocol, accessanalyzer, iam};
use iamd_types::Error;

use crate::request::Reply;
use crate::respond::{self, Format};
use crate::{S3Reply, Service};

/// The protocol that a head speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Dialect {
    /// XML of the Query protocol, also for heads that tell nothing.
    #[default]
    Query,
    /// The same in JSON, for those who ask STS for it.
    Json,
    /// JSON, with the kind of an error in a header.
    RestJson,
    /// S3's XML.
    S3,
}

/// What of a head tells the protocol.
#[derive(Clone, Copy)]
pub struct HeadLine<'a> {
    /// The method.
    pub method: &'a str,
    /// Path and query.
    pub target: &'a str,
    /// `Authorization`.
    pub authorization: Option<&'a [u8]>,
    /// `Host` and `Accept`, by these names: of most heads the others tell enough.
    pub header: &'a dyn Fn(&str) -> Option<&'a str>,
}

/// A refusal in somebody's protocol.
pub enum Refused {
    /// Of all services but one.
    Plain(Reply),
    /// Of S3.
    S3(S3Reply),
}

impl Service {
    /// The protocol of a request with this head. Requests of [`Dialect::S3`] are for [`Service::handle_s3`].
    pub fn dialect(&self, head: &HeadLine<'_>) -> Dialect {
        let (path, query) = head.target.split_once('?').unwrap_or((head.target, ""));
        let scope = crate::s3::scope(head.authorization, query);
        if self.is_s3(head, (path, query), scope) {
            return Dialect::S3;
        }
        let served = match scope.and_then(|scope| self.table.service(scope)) {
            Some(served) => Some(served),
            None => self.table.service_of_route(head.method, path),
        };
        match served.map(|served| served.api) {
            Some(service) if matches!(service.protocol, Protocol::RestJson(_)) => Dialect::RestJson,
            Some(service) if respond::asks_for_json(service, || (head.header)("accept")) => {
                Dialect::Json
            }
            _ => Dialect::Query,
        }
    }
}

impl Dialect {
    /// The answer to a request that goes no further, and its HTTP status.
    pub fn refuse(self, error: &Error, request_id: String) -> (u16, Refused) {
        let (format, service) = match self {
            Self::Query => (Format::Xml, &iam::SERVICE),
            Self::Json => (Format::Json, &iam::SERVICE),
            Self::RestJson => (Format::RestJson, &accessanalyzer::SERVICE),
            Self::S3 => {
                let reply = S3Reply::refused(error, request_id);
                return (reply.status, Refused::S3(reply));
            }
        };
        let reply = respond::failure(format, service, request_id, error);
        (reply.status, Refused::Plain(reply))
    }
}
