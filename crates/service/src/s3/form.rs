//! Uploads by a browser's form: `POST` on a bucket (S3 API reference, "POST Object").

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use iamd_api::s3::SERVICE;
use iamd_s3::backend::{Answer, AnswerBody, Body};
use iamd_s3::{AuthType, Call, Signing};
use iamd_sigv4::{PostForm, PostLimits, Settings, present_post};
use iamd_types::{Code, Error, Timestamp};
use iamd_wire::rest_xml;
use multer::{Constraints, Field, Multipart, SizeLimit};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::Arriving;
use super::authenticate::{Authenticated, age_ms, tls_version};
use super::errors::{of_post, unverified_form};
use crate::pipeline::Service;
use crate::request::Request;

/// The most bytes of the fields before the file, names and values together ("20 KB").
const MAX_FIELDS: u64 = 20 << 10;
/// The most fields before the file.
const MAX_COUNT: usize = 200;
/// The most bytes of a body before the piece in which the file begins: the fields and the heads of parts.
const MAX_BEFORE_FILE: usize = 128 << 10;

/// How long the fields before the file may take.
const FIELDS_TIMEOUT: Duration = Duration::from_secs(30);

/// A form that was taken: an upload, and how its success is told.
pub(super) struct Form {
    pub(super) who: Authenticated,
    pub(super) call: Arc<Call>,
    pub(super) file: Body,
    pub(super) told: Told,
}

/// How the form wants its success told.
pub(super) struct Told {
    status: u16,
    redirect: Option<String>,
    /// Where the object is then.
    location: String,
    bucket: String,
    key: String,
}

/// The fields before the file, with `${filename}` filled in, and the file.
struct Fields {
    fields: Vec<(String, String)>,
    file: Field<'static>,
}

impl Service {
    /// Takes the form apart, verifies its policy, and makes an upload of it.
    pub(super) async fn take_form(
        &self,
        request: &Request<'_>,
        bucket: String,
        body: Arriving,
        now: Timestamp,
    ) -> Result<Form, Error> {
        let reading = tokio::time::timeout(FIELDS_TIMEOUT, fields(request, body));
        let read = reading.await.unwrap_or_else(|_| Err(Error::s3(Code::RequestTimeout)));
        let Fields { fields, file } = read?;
        let borrowed: Vec<(&str, &str)> =
            fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let form = PostForm { bucket: &bucket, fields: &borrowed };
        let presented = present_post(&form).map_err(|error| of_post(&error))?;
        let (signed, limits) = match &presented {
            None => (None, PostLimits::NONE),
            Some(presented) => {
                self.ensure_region(presented.scope().region())?;
                let settings = Settings::s3(None);
                let verified = self.authenticator.verify_form(presented, &settings, now).await;
                let has_token = presented.session_token().is_some();
                let (signed, limits) =
                    verified.map_err(|error| unverified_form(error, has_token))?;
                (Some(signed), limits)
            }
        };
        let signing = Signing {
            auth_type: signed.is_some().then_some(AuthType::Post),
            age_ms: presented.as_ref().map(|it| age_ms(it.signed_at(), now)),
            tls_version: tls_version(request),
            ..Signing::default()
        };
        let scope = presented.as_ref().map(|it| it.scope());
        let scope = scope.map(|it| (it.region().to_owned(), it.service().to_owned()));
        let key = form.value("key").unwrap_or_default().to_owned();
        if key.is_empty() {
            return Err(Error::s3(Code::UserKeyMustBeSpecified));
        }
        let told = Told::of(&form, request, &key);
        let headers = headers(&form)?;
        let headers: Vec<(&str, &[u8])> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let query = rest_xml::query("")?;
        let line = rest_xml::Request {
            method: "PUT",
            bucket: Some(&bucket),
            key: Some(&key),
            query: &query,
            headers: &headers,
        };
        let operation =
            SERVICE.operation("PutObject").ok_or_else(|| Error::s3(Code::InternalError))?;
        let parameters = rest_xml::read(&SERVICE, operation, &line, &[])?;
        let call = Call::new(operation, Some(bucket.clone()), Some(key), parameters)?;
        let who = Authenticated::by_form(signed, signing, scope);
        Ok(Form { who, call: Arc::new(call), file: limited(file, limits), told })
    }
}

/// Reads the fields up to the file; what comes after it is passed over, as S3 does.
async fn fields(request: &Request<'_>, body: Arriving) -> Result<Fields, Error> {
    let malformed = || Error::s3(Code::MalformedPostRequest);
    let content_type = request.header("content-type").unwrap_or_default();
    let boundary = multer::parse_boundary(content_type).map_err(|_| malformed())?;
    let limits = SizeLimit::new().per_field(MAX_FIELDS).for_field("file", u64::MAX);
    let constraints = Constraints::new().size_limit(limits);
    let in_file = Arc::new(AtomicBool::new(false));
    let bytes = before_file(body.bytes, Arc::clone(&in_file));
    let mut form = Multipart::with_constraints(bytes, boundary, constraints);
    let mut fields: Vec<(String, String)> = Vec::new();
    let mut size = 0;
    while let Some(field) = form.next_field().await.map_err(|error| of_multipart(&error))? {
        let name = field.name().ok_or_else(malformed)?.to_owned();
        if name.eq_ignore_ascii_case("file") {
            in_file.store(true, Relaxed);
            let path = field.file_name().unwrap_or_default();
            let filename = path.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
            fill_in(&mut fields, &filename, size)?;
            return Ok(Fields { fields, file: field });
        }
        let value = field.text().await.map_err(|error| of_multipart(&error))?;
        size += name.len() + value.len();
        if fields.len() >= MAX_COUNT || size as u64 > MAX_FIELDS {
            return Err(Error::s3(Code::MaxPostPreDataLengthExceeded));
        }
        fields.push((name, value));
    }
    Err(Error::invalid_argument("POST requires exactly one file upload per request."))
}

/// Puts the file's name in the place of `${filename}`, unless that makes the fields too large.
fn fill_in(fields: &mut [(String, String)], filename: &str, size: usize) -> Result<(), Error> {
    const PLACE: &str = "${filename}";
    let fillable = |name: &str| !name.eq_ignore_ascii_case("policy");
    let places: usize = fields
        .iter()
        .filter(|(name, _)| fillable(name))
        .map(|(_, value)| value.matches(PLACE).count())
        .sum();
    let filled = size.saturating_add(places.saturating_mul(filename.len()));
    if filled as u64 > MAX_FIELDS {
        return Err(Error::s3(Code::MaxPostPreDataLengthExceeded));
    }
    for (name, value) in fields {
        if fillable(name) && value.contains(PLACE) {
            *value = value.replace(PLACE, filename);
        }
    }
    Ok(())
}

/// The body, refused when too much of it comes before the file: what reads it keeps all of that, and has
/// no bound of its own for the heads of parts.
fn before_file(bytes: Body, in_file: Arc<AtomicBool>) -> Body {
    let mut before = 0;
    Box::pin(bytes.map(move |piece| {
        let piece = piece?;
        if !in_file.load(Relaxed) {
            before += piece.len();
            if before > MAX_BEFORE_FILE + piece.len() {
                return Err(Error::s3(Code::MaxPostPreDataLengthExceeded));
            }
        }
        Ok(piece)
    }))
}

fn of_multipart(error: &multer::Error) -> Error {
    if let multer::Error::StreamReadFailed(inner) = error
        && let Some(inner) = inner.downcast_ref::<Error>()
    {
        return inner.clone();
    }
    Error::s3(match error {
        multer::Error::FieldSizeExceeded { .. } => Code::MaxPostPreDataLengthExceeded,
        multer::Error::IncompleteFieldData { .. } | multer::Error::IncompleteStream => {
            Code::IncompleteBody
        }
        _ => Code::MalformedPostRequest,
    })
}

/// The file, ended by an error when it is not of the size that the policy allows.
fn limited(file: Field<'static>, limits: PostLimits) -> Body {
    let state = (Some(file), 0u64);
    Box::pin(futures_util::stream::unfold(state, move |(file, read)| async move {
        let mut file = file?;
        match file.next().await {
            Some(Ok(piece)) => {
                let read = read.saturating_add(piece.len() as u64);
                if read > limits.most() {
                    return Some((Err(Error::s3(Code::EntityTooLarge)), (None, read)));
                }
                Some((Ok(piece), (Some(file), read)))
            }
            Some(Err(error)) => Some((Err(of_multipart(&error)), (None, read))),
            None => match limits.check(read) {
                Ok(()) => None,
                Err(error) => Some((Err(of_post(&error)), (None, read))),
            },
        }
    }))
}

/// The fields as the headers of a PutObject.
fn headers(form: &PostForm<'_>) -> Result<Vec<(String, String)>, Error> {
    const PLAIN: [&str; 5] =
        ["cache-control", "content-type", "content-disposition", "content-encoding", "expires"];
    const NOT_HEADERS: [&str; 6] = [
        "x-amz-algorithm",
        "x-amz-credential",
        "x-amz-date",
        "x-amz-security-token",
        "x-amz-signature",
        "x-amz-copy-source",
    ];
    let mut headers = Vec::new();
    for (name, value) in form.fields {
        let name = name.to_ascii_lowercase();
        match name.as_str() {
            "acl" => headers.push(("x-amz-acl".to_owned(), (*value).to_owned())),
            "tagging" => headers.push(("x-amz-tagging".to_owned(), tagging(value)?)),
            _ if PLAIN.contains(&name.as_str()) => headers.push((name, (*value).to_owned())),
            _ if name.starts_with("x-amz-") && !NOT_HEADERS.contains(&name.as_str()) => {
                headers.push((name, (*value).to_owned()));
            }
            _ => {}
        }
    }
    Ok(headers)
}

/// The tags of the form, an XML document, as the header that PutObject has for them.
fn tagging(document: &str) -> Result<String, Error> {
    let query = rest_xml::query("tagging")?;
    let line = rest_xml::Request {
        method: "PUT",
        bucket: Some("b"),
        key: Some("k"),
        query: &query,
        headers: &[],
    };
    let operation =
        SERVICE.operation("PutObjectTagging").ok_or_else(|| Error::s3(Code::InternalError))?;
    let parameters = rest_xml::read(&SERVICE, operation, &line, document.as_bytes())?;
    let mut header = form_urlencoded::Serializer::new(String::new());
    for number in 1.. {
        let tag = format!("Tagging.TagSet.member.{number}");
        let Some(key) = parameters.get(&format!("{tag}.Key")) else { break };
        let value = parameters.get(&format!("{tag}.Value")).unwrap_or_default();
        header.append_pair(key, value);
    }
    Ok(header.finish())
}

impl Told {
    fn of(form: &PostForm<'_>, request: &Request<'_>, key: &str) -> Self {
        let scheme = if request.secure { "https" } else { "http" };
        let host = request.header("host").unwrap_or_default();
        let path = request.path().trim_end_matches('/');
        let shown = utf8_percent_encode(key, NON_ALPHANUMERIC);
        let redirect = form.value("success_action_redirect").or_else(|| form.value("redirect"));
        let status = match form.value("success_action_status") {
            Some("200") => 200,
            Some("201") => 201,
            _ => 204,
        };
        Self {
            status,
            redirect: redirect.filter(|url| is_web(url)).map(str::to_owned),
            location: format!("{scheme}://{host}{path}/{shown}"),
            bucket: form.bucket.to_owned(),
            key: key.to_owned(),
        }
    }

    /// The answer to the form, from that of PutObject.
    pub(super) fn answer(self, stored: Answer) -> Answer {
        let Self { status, redirect, location, bucket, key } = self;
        let mut headers = stored.headers;
        let etag = headers.iter().find(|(name, _)| name == "etag");
        let etag = etag.map(|(_, value)| value.clone()).unwrap_or_default();
        headers.push((Cow::Borrowed("location"), location.clone()));
        if let Some(url) = redirect {
            let joint = if url.contains('?') { '&' } else { '?' };
            let mut query = form_urlencoded::Serializer::new(String::new());
            query.append_pair("bucket", &bucket).append_pair("key", &key);
            let query = query.append_pair("etag", &etag).finish();
            headers.retain(|(name, _)| name != "location");
            headers.push((Cow::Borrowed("location"), format!("{url}{joint}{query}")));
            return Answer { status: 303, headers, body: AnswerBody::Whole(Bytes::new()) };
        }
        let mut body = Vec::new();
        if status == 201 {
            let members =
                [("Location", &location), ("Bucket", &bucket), ("Key", &key), ("ETag", &etag)];
            rest_xml::write_texts(&mut body, "PostResponse", &members);
            headers.push((Cow::Borrowed("content-type"), rest_xml::CONTENT_TYPE.to_owned()));
        }
        Answer { status, headers, body: AnswerBody::Whole(body.into()) }
    }
}

fn is_web(url: &str) -> bool {
    (url.starts_with("https://") || url.starts_with("http://"))
        && url.bytes().all(|byte| byte.is_ascii_graphic())
}
