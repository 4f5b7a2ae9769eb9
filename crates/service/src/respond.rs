//! Answers in the protocol that the caller reads.

use iamd_api::{Operation, Protocol, Service};
use iamd_audit::EventId;
use iamd_operation::Output;
use iamd_types::Error;
use iamd_wire::{json, rest_json, xml};

use crate::request::{Reply, Request};

/// How the answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Xml,
    Json,
    RestJson,
}

impl Format {
    /// The service's protocol. STS answers JSON to those who ask for it; all else of the Query protocol is XML.
    pub(crate) fn of(service: &Service, request: &Request<'_>) -> Self {
        if let Protocol::RestJson(_) = service.protocol {
            return Self::RestJson;
        }
        if asks_for_json(service, || request.header("accept")) { Self::Json } else { Self::Xml }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Xml => xml::CONTENT_TYPE,
            Self::Json => json::CONTENT_TYPE,
            Self::RestJson => rest_json::CONTENT_TYPE,
        }
    }
}

/// Whether a service of the Query protocol answers JSON to this `Accept`.
pub(crate) fn asks_for_json<'a>(
    service: &Service,
    accept: impl FnOnce() -> Option<&'a str>,
) -> bool {
    service.name == "sts" && accept().is_some_and(json::is_asked_for)
}

/// The answer of an operation that succeeded.
pub(crate) fn success(
    format: Format,
    service: &Service,
    operation: &Operation,
    request_id: EventId,
    output: &dyn Output,
) -> Result<Reply, Error> {
    let request_id = request_id.to_string();
    let mut body = Vec::with_capacity(1024);
    match format {
        Format::Xml => output.write_xml(&mut body, service, operation, &request_id)?,
        Format::Json => output.write_json(&mut body, service, operation, &request_id)?,
        Format::RestJson => output.write_rest_json(&mut body)?,
    }
    Ok(Reply {
        status: 200,
        content_type: format.content_type(),
        request_id,
        body,
        error_code: None,
        error_type: None,
    })
}

/// The answer to a request that was refused.
pub(crate) fn failure(
    format: Format,
    service: &Service,
    request_id: String,
    error: &Error,
) -> Reply {
    let mut body = Vec::with_capacity(512);
    match format {
        Format::Xml => xml::write_error(&mut body, service.xml_namespace, error, &request_id),
        Format::Json => json::write_error(&mut body, error, &request_id),
        Format::RestJson => rest_json::write_error(&mut body, error),
    }
    let (error_type, status) = match format {
        Format::RestJson => {
            let (error_type, status) = rest_json::error_type(error.code());
            (Some(error_type), status)
        }
        Format::Xml | Format::Json => (None, error.code().http_status()),
    };
    Reply {
        status,
        content_type: format.content_type(),
        request_id,
        body,
        error_code: Some(error.code()),
        error_type,
    }
}
