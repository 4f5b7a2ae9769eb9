//! Which requests are S3's: it shares its listener with services that are asked otherwise.

use memchr::memchr2;

use super::S3;
use crate::dialect::HeadLine;
use crate::pipeline::Service;
use iamd_s3::place::is_bucket_host;

/// What S3's signatures are for.
const SCOPE: &str = "s3";

impl Service {
    /// Whether a request is for S3: its credential scope says so, as for AWS's own front ends; of an
    /// unsigned one its host or path.
    pub(crate) fn is_s3(
        &self,
        head: &HeadLine<'_>,
        (path, query): (&str, &str),
        scope: Option<&str>,
    ) -> bool {
        let Some(s3) = &self.s3 else { return false };
        let host = || (head.header)("host").unwrap_or_default();
        match (scope, head.authorization) {
            (Some(scope), _) => scope == SCOPE,
            // Forms for other services go to `/`; they refuse such a signature in their own words.
            (None, Some(header)) => {
                let is_form = head.method == "POST" && path == "/";
                is_old(header) && (!is_form || is_bucket_host(host(), &s3.domains))
            }
            (None, None) => {
                is_old_query(query) || self.is_s3_unsigned(s3, head.method, path, host())
            }
        }
    }

    /// Of those who sign nothing, whoever names a bucket by host or path. Forms for other services go to
    /// `/`, and REST-JSON has paths of its own.
    fn is_s3_unsigned(&self, s3: &S3, method: &str, path: &str, host: &str) -> bool {
        is_bucket_host(host, &s3.domains)
            || (path != "/" && self.table.service_of_route(method, path).is_none())
    }
}

/// The service that a request is signed for; of two signatures the header's.
pub(crate) fn scope<'h>(authorization: Option<&'h [u8]>, query: &'h str) -> Option<&'h str> {
    match authorization {
        Some(header) => scope_of_header(header),
        None => scope_of_query(query),
    }
}

/// The service in `Credential=KEY/DATE/REGION/SERVICE/aws4_request`.
fn scope_of_header(mut header: &[u8]) -> Option<&str> {
    let credential = loop {
        let (piece, rest) = match memchr2(b' ', b',', header) {
            Some(end) => header.split_at_checked(end)?,
            None => (header, &[][..]),
        };
        if let Some(credential) = piece.strip_prefix(b"Credential=") {
            break credential;
        }
        header = rest.get(1..)?;
    };
    str::from_utf8(credential.rsplit(|byte| *byte == b'/').nth(1)?).ok()
}

/// The same in a presigned URL, where slashes may be encoded.
fn scope_of_query(query: &str) -> Option<&str> {
    let parameter = query.split('&').find_map(|pair| pair.strip_prefix("X-Amz-Credential="))?;
    ["%2F", "%2f", "/"].into_iter().find_map(|slash| parameter.rsplit(slash).nth(1))
}

/// Signature Version 2, which S3 refuses in its own words.
fn is_old(header: &[u8]) -> bool {
    header.starts_with(b"AWS ")
}

fn is_old_query(query: &str) -> bool {
    query.split('&').any(|pair| pair.starts_with("AWSAccessKeyId="))
}
