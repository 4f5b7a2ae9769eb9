//! Answers as they leave.

use std::borrow::Cow;

use bytes::Bytes;
use iamd_audit::EventId;
use iamd_s3::backend::{Answer, AnswerBody};
use iamd_types::{Code, Error};
use iamd_wire::rest_xml::{self, ErrorFacts};

use crate::request::Request;

/// An answer to a request for S3.
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: Vec<(Cow<'static, str>, String)>,
    /// The body.
    pub body: AnswerBody,
    /// `x-amz-request-id`.
    pub request_id: String,
    /// The error's code, when the request was refused.
    pub error_code: Option<Code>,
}

impl Reply {
    pub(super) fn success(answer: Answer, request_id: EventId) -> Self {
        let Answer { status, headers, body } = answer;
        Self { status, headers, body, request_id: request_id.to_string(), error_code: None }
            .with_ids()
    }

    /// The answer to a request of which only the head was seen.
    pub(crate) fn refused(error: &Error, request_id: String) -> Self {
        Self::failed(error, ("", true), request_id)
    }

    pub(super) fn failure(error: &Error, request: &Request<'_>, request_id: EventId) -> Self {
        let asked = (request.path(), request.method != "HEAD");
        Self::failed(error, asked, request_id.to_string())
    }

    fn failed(error: &Error, (path, has_body): (&str, bool), request_id: String) -> Self {
        let (_, status) = rest_xml::error_type(error.code());
        let mut body = Vec::new();
        // What an answer to HEAD or one without a body says, its status says.
        if has_body && status != 304 {
            let facts =
                ErrorFacts { resource: path, request_id: &request_id, ..ErrorFacts::default() };
            rest_xml::write_error(&mut body, error, &facts);
        }
        let content_type = (!body.is_empty()).then_some("application/xml");
        let headers = content_type.map(|it| (Cow::Borrowed("content-type"), it.to_owned()));
        let own = error.headers().iter().map(|(name, value)| (Cow::Borrowed(*name), value.clone()));
        Self {
            status,
            headers: headers.into_iter().chain(own).collect(),
            body: AnswerBody::Whole(Bytes::from(body)),
            request_id,
            error_code: Some(error.code()),
        }
        .with_ids()
    }

    fn with_ids(mut self) -> Self {
        self.headers.push((Cow::Borrowed("x-amz-request-id"), self.request_id.clone()));
        self
    }
}
