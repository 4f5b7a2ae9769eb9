//! Requests in short, for tables of cases, and requests signed part by part, for hostile ones.

use std::borrow::Cow;

use iamd_sigv4::{Payload, RequestParts, Settings, sign};
use iamd_types::Clock;

use crate::server::unsigned;
use crate::{Answer, Credentials, TestServer};

impl TestServer {
    /// Calls what a line says: the operation, then `Name=value` pairs, with blanks between them, so
    /// that no value holds one (tabs may be in them): `␣` stands for a blank and `⏎` for the end of a
    /// line. `CreateUser UserName=alice Path=/people/`
    pub async fn ask(&self, credentials: &Credentials, line: &str) -> Answer {
        let (operation, parameters) = parse(line);
        self.call(credentials, operation, &borrowed(&parameters)).await
    }

    /// As [`Self::ask`], by the root user of the first account.
    pub async fn as_root(&self, line: &str) -> Answer {
        self.ask(&self.root, line).await
    }

    /// As [`Self::ask`], without a signature.
    pub async fn ask_unsigned(&self, line: &str) -> Answer {
        let (operation, parameters) = parse(line);
        self.call_unsigned(operation, &borrowed(&parameters)).await
    }

    /// The headers that a client sends with a form, before it signs.
    pub fn headers(service: &str) -> Vec<(String, String)> {
        unsigned(service)
    }

    /// Signs a request, given as method and target, headers and body, for a service in `us-east-1`:
    /// adds the headers of the signature. All headers are signed.
    pub fn sign(
        &self,
        credentials: &Credentials,
        service: &str,
        (method, target): (&str, &str),
        headers: &mut Vec<(String, String)>,
        body: &[u8],
    ) {
        let borrowed: Vec<_> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let parts = RequestParts { method, target, headers: &borrowed };
        let signer = iamd_sigv4::Credentials {
            access_key_id: &credentials.access_key_id,
            secret_access_key: &credentials.secret_access_key,
            session_token: credentials.session_token.as_deref(),
        };
        let settings = Settings::query(service, Some("us-east-1"));
        let now = self.clock.now().seconds();
        let added = sign(&parts, Payload::Bytes(body), &signer, now, &settings).unwrap();
        headers.extend(added.into_iter().map(|(name, value)| (name.to_owned(), value)));
    }
}

type Parameter<'a> = (&'a str, Cow<'a, str>);

fn parse(line: &str) -> (&str, Vec<Parameter<'_>>) {
    let mut words = line.split(' ').filter(|word| !word.is_empty());
    let operation = words.next().unwrap();
    let parameters = words.map(|word| {
        let (name, value) = word.split_once('=').expect(word);
        if value.contains(['␣', '⏎']) {
            (name, Cow::Owned(value.replace('␣', " ").replace('⏎', "\n")))
        } else {
            (name, Cow::Borrowed(value))
        }
    });
    (operation, parameters.collect())
}

fn borrowed<'a>(parameters: &'a [Parameter<'a>]) -> Vec<(&'a str, &'a str)> {
    parameters.iter().map(|(name, value)| (*name, &**value)).collect()
}

/// A text as a value of a line: its blanks and ends of lines written out.
pub fn in_line(text: &str) -> String {
    text.replace(' ', "␣").replace("\r\n", "\n").replace('\n', "⏎")
}
