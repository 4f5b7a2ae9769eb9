//! S3 on the API listener: bodies on their way in and out.

use futures_util::{StreamExt, stream};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use iamd_gateway::{Arriving, Broken, Payload, Response};
use iamd_s3::AnswerBody;
use iamd_service::S3Reply;
use iamd_types::{Code, Error};

/// The body of a request, as the pipeline reads it.
pub(crate) fn arriving(body: Arriving) -> iamd_service::Arriving {
    let length = body.length();
    let bytes = stream::unfold(body, |mut body| async move {
        let piece = body.next().await?;
        Some((piece.map_err(broken), body))
    });
    iamd_service::Arriving { bytes: Box::pin(bytes), length }
}

fn broken(broken: Broken) -> Error {
    Error::s3(match broken {
        Broken::Malformed => Code::IncompleteBody,
        Broken::Timeout => Code::RequestTimeout,
    })
}

/// An answer as the gateway takes it.
pub(crate) fn encode(reply: S3Reply) -> Response {
    let mut headers = HeaderMap::with_capacity(reply.headers.len());
    for (name, value) in &reply.headers {
        let name = HeaderName::from_bytes(name.as_bytes());
        // Values are UTF-8, which AWS sends as it is.
        let value = HeaderValue::from_bytes(value.as_bytes());
        match (name, value) {
            (Ok(name), Ok(value)) => drop(headers.append(name, value)),
            _ => tracing::error!(request_id = reply.request_id, "a header cannot be sent"),
        }
    }
    let body = match reply.body {
        AnswerBody::Whole(bytes) => Payload::Whole(bytes),
        AnswerBody::Head(length) => Payload::Head { length: Some(length) },
        AnswerBody::Stream(length, bytes) => {
            let bytes = bytes.map(|piece| piece.map_err(Into::into));
            Payload::Stream { length: Some(length), bytes: Box::pin(bytes) }
        }
    };
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Response { status, headers, body }
}
