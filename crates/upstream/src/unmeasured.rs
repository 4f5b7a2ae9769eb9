//! Objects whose length is not known before they have come: the files of forms.
//!
//! A store wants to know a length first. So the beginning is kept until it has ended, and then put at once, or until it
//! is as long as a part may be; from then on it goes in parts of an upload. Only its completion makes an object, and
//! that is asked for when the whole body was good. An upload that is not completed is aborted, also when whoever waited
//! for it is gone.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, TryStreamExt, stream};
use iamd_api::s3::SERVICE;
use iamd_objects::{Algorithm, Checksum, Hasher};
use iamd_s3::Call;
use iamd_s3::backend::{Allowed, Answer, Body};
use iamd_types::{Code, Error};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::answer;
use crate::document::escaped;
use crate::exchange::Exchange;
use crate::failure::{Failure, refusal, refusal_after_success};
use crate::request::{Outgoing, not_implemented};
use crate::reshape;
use crate::sending::Source;
use crate::store::MAX_BODY;

/// The size of a part.
const PART: usize = 8 << 20;
/// What goes to the connection at a time, which may copy it.
const PIECE: usize = 64 << 10;
/// What is kept of an object without a turn.
const SMALL: usize = 1 << 20;
/// How many longer beginnings and parts are kept at once.
const LARGE: usize = 16;

/// What bounds the memory of all that is kept.
pub(crate) struct Turns(Semaphore);

impl Default for Turns {
    fn default() -> Self {
        Self(Semaphore::new(LARGE))
    }
}

/// As much of a body as was kept, and the turn that it took.
struct Kept<'t> {
    bytes: Bytes,
    ended: bool,
    _turn: Option<SemaphorePermit<'t>>,
}

impl Source {
    /// All of a body that is here.
    fn whole(bytes: Bytes) -> Self {
        let length = bytes.len() as u64;
        let pieces = stream::unfold(bytes, |mut rest| async {
            let piece = rest.split_to(rest.len().min(PIECE));
            (!piece.is_empty()).then_some((Ok(piece), rest))
        });
        let body = pieces.boxed();
        Self { body, length, sha256: None, trailer: None }
    }
}

/// The next part of a body, or the rest of it. What came beyond a part waits in `over`.
async fn keep<'t>(
    turns: &'t Turns,
    body: &mut Body,
    over: &mut BytesMut,
) -> Result<Kept<'t>, Error> {
    let mut bytes = std::mem::take(over);
    let mut turn = None;
    let mut ended = false;
    while bytes.len() < PART && !ended {
        let Some(mut piece) = body.try_next().await? else {
            ended = true;
            continue;
        };
        if bytes.len() + piece.len() > SMALL && turn.is_none() {
            turn = Some(turns.0.acquire().await.map_err(Error::internal)?);
            // At once, so that no growing leaves copies behind.
            bytes.reserve(PART - bytes.len());
        }
        let fits = piece.split_to(piece.len().min(PART - bytes.len()));
        bytes.extend_from_slice(&fits);
        over.extend_from_slice(&piece);
    }
    Ok(Kept { bytes: bytes.freeze(), ended, _turn: turn })
}

/// Puts an object of unknown length.
pub(crate) async fn put(
    exchange: &Arc<Exchange>,
    turns: &Turns,
    allowed: &Allowed<'_>,
    mut body: Body,
) -> Result<Answer, Error> {
    let mut over = BytesMut::new();
    let first = keep(turns, &mut body, &mut over).await?;
    if first.ended && over.is_empty() {
        let outgoing = Outgoing::of(&exchange.settings, allowed)?;
        let reply = exchange.ask("PutObject", &outgoing, Some(Source::whole(first.bytes))).await?;
        return answer::of(&exchange.url, allowed, reply).await;
    }
    let upload = Unfinished::begin(exchange, allowed).await?;
    let mut declared = declared(allowed.call)?;
    let mut parts = String::new();
    let (mut kept, mut number, mut length) = (first, 1, 0u64);
    loop {
        length += kept.bytes.len() as u64;
        if length > MAX_BODY {
            return Err(Error::s3(Code::EntityTooLarge));
        }
        if let Some((hasher, _)) = &mut declared {
            hasher.update(&kept.bytes);
        }
        let ended = kept.ended && over.is_empty();
        if !kept.bytes.is_empty() {
            let etag = upload.part(number, kept.bytes.clone()).await?;
            parts.push_str(&format!(
                "<Part><PartNumber>{number}</PartNumber><ETag>{}</ETag></Part>",
                escaped(&etag)
            ));
        }
        if ended {
            break;
        }
        // The turn ends before the next one is waited for.
        drop(kept);
        kept = keep(turns, &mut body, &mut over).await?;
        number += 1;
    }
    if let Some((hasher, told)) = declared
        && hasher.finish() != told
    {
        return Err(Error::s3(Code::BadDigest));
    }
    upload.complete(allowed, &parts).await
}

/// The checksum that the caller declares of the object. A store knows those of parts alone.
fn declared(call: &Call) -> Result<Option<(Hasher, Checksum)>, Error> {
    for algorithm in Algorithm::ALL {
        let Some(text) = call.get(&format!("Checksum{}", algorithm.as_str())) else { continue };
        let told = Checksum::parse(algorithm, text).ok_or_else(|| {
            let header = algorithm.header();
            Error::invalid_request(format!("Value for {header} header is invalid."))
        })?;
        return Ok(Some((Hasher::new(algorithm), told)));
    }
    Ok(None)
}

/// An upload in parts that is aborted unless it is completed.
struct Unfinished {
    exchange: Arc<Exchange>,
    bucket: String,
    key: String,
    /// Absent once it is completed.
    id: Option<String>,
}

impl Unfinished {
    async fn begin(exchange: &Arc<Exchange>, allowed: &Allowed<'_>) -> Result<Self, Error> {
        let put = allowed.call;
        let operation = SERVICE.operation("CreateMultipartUpload").ok_or_else(not_implemented)?;
        // What a put says of its object, the creation of an upload says by the same members.
        let create = Call {
            operation,
            bucket: put.bucket.clone(),
            key: put.key.clone(),
            parameters: put.parameters.clone(),
            source: None,
        };
        let mut outgoing = Outgoing::of(&exchange.settings, &allowed.beginning(&create))?;
        // It would want checksums of the parts.
        outgoing.headers.retain(|(name, _)| !name.starts_with("x-amz-checksum-"));
        let reply = exchange.ask(operation.name, &outgoing, None).await?;
        let (status, _, body) = reply.document().await?;
        if !(200..300).contains(&status) {
            return Err(refusal(&exchange.url, status, &body, Code::NoSuchBucket));
        }
        let id = text_of(exchange, &body, "UploadId")?;
        Ok(Self {
            exchange: Arc::clone(exchange),
            bucket: put.bucket.clone().unwrap_or_default(),
            key: put.key.clone().unwrap_or_default(),
            id: Some(id),
        })
    }

    fn outgoing(&self, method: &'static str, number: Option<&str>) -> Outgoing {
        let mut query: Vec<(&str, &str)> = Vec::new();
        query.extend(number.map(|number| ("partNumber", number)));
        query.extend(self.id.as_deref().map(|id| ("uploadId", id)));
        Outgoing::plain(&self.exchange.settings, method, &self.bucket, Some(&self.key), &query)
    }

    /// Sends a part; its ETag.
    async fn part(&self, number: u32, bytes: Bytes) -> Result<String, Error> {
        let outgoing = self.outgoing("PUT", Some(&number.to_string()));
        let reply = self.exchange.ask("UploadPart", &outgoing, Some(Source::whole(bytes))).await?;
        let etag = reply.header("etag").map(str::to_owned);
        let (status, _, body) = reply.document().await?;
        if !(200..300).contains(&status) {
            return Err(refusal(&self.exchange.url, status, &body, Code::NoSuchUpload));
        }
        etag.ok_or_else(|| unexpected(&self.exchange, "a part without its ETag"))
    }

    async fn complete(mut self, allowed: &Allowed<'_>, parts: &str) -> Result<Answer, Error> {
        let mut outgoing = self.outgoing("POST", None);
        let (root, namespace) = ("CompleteMultipartUpload", SERVICE.xml_namespace);
        let document = format!("<{root} xmlns=\"{namespace}\">{parts}</{root}>");
        outgoing.document = document.into();
        outgoing.headers.push((Cow::Borrowed("content-type"), "application/xml".to_owned()));
        let exchange = &self.exchange;
        let reply = exchange.ask(root, &outgoing, None).await?;
        let (status, headers, body) = reply.document().await?;
        if !(200..300).contains(&status) {
            return Err(refusal(&exchange.url, status, &body, Code::NoSuchUpload));
        }
        let etag = text_of(exchange, &body, "ETag");
        let etag = etag.map_err(|_| refusal_after_success(&exchange.url, &body))?;
        self.id = None;
        let mut answer = Answer::empty(200);
        answer.headers = answer::headers(allowed, &headers);
        answer.headers.retain(|(name, _)| name != "etag");
        answer.headers.push((Cow::Borrowed("etag"), etag));
        Ok(answer)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if self.id.is_none() {
            return;
        }
        let outgoing = self.outgoing("DELETE", None);
        let exchange = Arc::clone(&self.exchange);
        let abort = async move {
            let done = match exchange.ask("AbortMultipartUpload", &outgoing, None).await {
                Ok(reply) => reply.document().await.map(|(status, _, _)| status),
                Err(error) => Err(error),
            };
            if !matches!(done, Ok(200..300 | 404)) {
                let target = &outgoing.target;
                tracing::warn!(target: "iamd::upstream", "store {}: {target} is left over", exchange.url);
            }
        };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(abort);
        }
    }
}

/// The text of an element of the store's document.
fn text_of(exchange: &Exchange, body: &[u8], name: &str) -> Result<String, Error> {
    let found = std::str::from_utf8(body).ok().and_then(|body| {
        let document = reshape::parse(body.trim_start()).ok()?;
        let root = document.root_element();
        // Stores do not agree on what else the root is called.
        let text = reshape::text(root, name).filter(|_| root.tag_name().name() != "Error");
        text.map(str::to_owned)
    });
    found.ok_or_else(|| unexpected(exchange, "an answer without what it should tell"))
}

fn unexpected(exchange: &Exchange, what: &str) -> Error {
    Failure::Answer { url: exchange.url.clone(), what: what.to_owned() }.into_error()
}
