//! The bytes of a session inside its token: fixed fields in order, texts with their length in
//! front, no names.
//!
//! It knows no encryption; what it reads was authenticated before, and yet nothing it could read
//! makes it panic or reserve more than the input is long.

use iamd_types::{AccountId, Secret, Tag, Timestamp, UniqueId};
use zeroize::Zeroizing;

use crate::session::{Issuer, Session, SessionKind, SessionPrincipal};

const HAS_POLICY: u8 = 1;
const HAS_SOURCE_IDENTITY: u8 = 2;
const HAS_MFA: u8 = 4;
const HAS_PROVIDER: u8 = 8;
const ALL_FLAGS: u8 = 15;

const ROOT: u8 = 0;
const USER: u8 = 1;
const ROLE: u8 = 2;
const FEDERATED_BY_ROOT: u8 = 3;
const FEDERATED_BY_USER: u8 = 4;

/// More than a session has beside its policies and tags, so that packing rarely grows its buffer
/// (what it leaves behind when it grows holds the secret).
const ROOM: usize = 512;

/// The session's bytes, followed by zeros up to the minimal length.
pub(crate) fn pack(session: &Session, minimum: usize) -> Zeroizing<Vec<u8>> {
    let capacity = (ROOM + limits_len(session)).max(minimum);
    let mut out = Zeroizing::new(Vec::with_capacity(capacity));
    out.push(kind_code(session.kind));
    put_number(&mut out, session.account.number());
    put_principal(&mut out, &session.principal);
    put_text(&mut out, session.secret_access_key.expose());
    put_time(&mut out, session.issued);
    put_time(&mut out, session.expires);
    out.push(flags(session));
    if let Some(source_identity) = &session.source_identity {
        put_text(&mut out, source_identity);
    }
    if let Some(at) = session.mfa_authenticated_at {
        put_time(&mut out, at);
    }
    if let Some(provider) = &session.federated_provider {
        put_text(&mut out, provider);
    }
    put_limits(&mut out, session);
    if out.len() < minimum {
        out.resize(minimum, 0);
    }
    out
}

/// How many bytes the session's policies and tags take; 0 without any.
pub(crate) fn limits_len(session: &Session) -> usize {
    let none = session.policy.is_none()
        && session.policy_arns.is_empty()
        && session.tags.is_empty()
        && session.transitive_tag_keys.is_empty();
    if none {
        return 0;
    }
    let mut out = Vec::new();
    put_limits(&mut out, session);
    out.len()
}

/// Reads what [`pack`] gave, zero bytes behind it included.
pub(crate) fn unpack(bytes: &[u8]) -> Option<Session> {
    let mut reader = Reader::new(bytes);
    let kind = kind_of(reader.byte()?)?;
    let account = AccountId::from_number(reader.number()?).ok()?;
    let principal = read_principal(&mut reader)?;
    let secret_access_key = Secret::new(reader.text()?);
    let issued = reader.time()?;
    let expires = reader.time()?;
    let flags = reader.byte()?;
    if flags & !ALL_FLAGS != 0 {
        return None;
    }
    let source_identity = reader.optional(flags & HAS_SOURCE_IDENTITY, Reader::text)?;
    let mfa_authenticated_at = reader.optional(flags & HAS_MFA, Reader::time)?;
    let federated_provider = reader.optional(flags & HAS_PROVIDER, Reader::text)?;
    let policy = reader.optional(flags & HAS_POLICY, Reader::text)?;
    let policy_arns = reader.list(Reader::text)?;
    let tags = reader.list(|reader| Some(Tag { key: reader.text()?, value: reader.text()? }))?;
    let transitive_tag_keys = reader.list(|reader| read_tag_key(reader, &tags))?;
    if reader.rest().iter().any(|padding| *padding != 0) {
        return None;
    }
    Some(Session {
        kind,
        account,
        secret_access_key,
        principal,
        issued,
        expires,
        policy,
        policy_arns,
        tags,
        transitive_tag_keys,
        source_identity,
        mfa_authenticated_at,
        federated_provider,
    })
}

fn put_limits(out: &mut Vec<u8>, session: &Session) {
    if let Some(policy) = &session.policy {
        put_text(out, policy);
    }
    put_count(out, session.policy_arns.len());
    for arn in &session.policy_arns {
        put_text(out, arn);
    }
    put_count(out, session.tags.len());
    for tag in &session.tags {
        put_text(out, &tag.key);
        put_text(out, &tag.value);
    }
    put_count(out, session.transitive_tag_keys.len());
    for key in &session.transitive_tag_keys {
        put_tag_key(out, key, &session.tags);
    }
}

/// A transitive key is the place of its tag, counted from 1; 0 and the text when no tag has it.
fn put_tag_key(out: &mut Vec<u8>, key: &str, tags: &[Tag]) {
    match tags.iter().position(|tag| tag.key == key) {
        Some(at) => put_count(out, at + 1),
        None => {
            out.push(0);
            put_text(out, key);
        }
    }
}

fn read_tag_key(reader: &mut Reader<'_>, tags: &[Tag]) -> Option<String> {
    match reader.number()?.checked_sub(1) {
        Some(at) => tags.get(usize::try_from(at).ok()?).map(|tag| tag.key.clone()),
        None => reader.text(),
    }
}

fn put_principal(out: &mut Vec<u8>, principal: &SessionPrincipal) {
    match principal {
        SessionPrincipal::Root => out.push(ROOT),
        SessionPrincipal::User { id } => {
            out.push(USER);
            out.extend_from_slice(&id.to_bytes());
        }
        SessionPrincipal::Role { id, session_name } => {
            out.push(ROLE);
            out.extend_from_slice(&id.to_bytes());
            put_text(out, session_name);
        }
        SessionPrincipal::Federated { issuer: Issuer::Root, name } => {
            out.push(FEDERATED_BY_ROOT);
            put_text(out, name);
        }
        SessionPrincipal::Federated { issuer: Issuer::User { id }, name } => {
            out.push(FEDERATED_BY_USER);
            out.extend_from_slice(&id.to_bytes());
            put_text(out, name);
        }
    }
}

fn read_principal(reader: &mut Reader<'_>) -> Option<SessionPrincipal> {
    Some(match reader.byte()? {
        ROOT => SessionPrincipal::Root,
        USER => SessionPrincipal::User { id: reader.unique_id()? },
        ROLE => SessionPrincipal::Role { id: reader.unique_id()?, session_name: reader.text()? },
        FEDERATED_BY_ROOT => {
            SessionPrincipal::Federated { issuer: Issuer::Root, name: reader.text()? }
        }
        FEDERATED_BY_USER => {
            let issuer = Issuer::User { id: reader.unique_id()? };
            SessionPrincipal::Federated { issuer, name: reader.text()? }
        }
        _ => return None,
    })
}

const fn kind_code(kind: SessionKind) -> u8 {
    match kind {
        SessionKind::Role => 1,
        SessionKind::SessionToken => 2,
        SessionKind::Federation => 3,
        SessionKind::Console => 4,
    }
}

const fn kind_of(code: u8) -> Option<SessionKind> {
    match code {
        1 => Some(SessionKind::Role),
        2 => Some(SessionKind::SessionToken),
        3 => Some(SessionKind::Federation),
        4 => Some(SessionKind::Console),
        _ => None,
    }
}

fn flags(session: &Session) -> u8 {
    let flag = |present: bool, bit: u8| if present { bit } else { 0 };
    flag(session.policy.is_some(), HAS_POLICY)
        | flag(session.source_identity.is_some(), HAS_SOURCE_IDENTITY)
        | flag(session.mfa_authenticated_at.is_some(), HAS_MFA)
        | flag(session.federated_provider.is_some(), HAS_PROVIDER)
}

/// Seven bits a byte, lowest first; the top bit says that more follow.
fn put_number(out: &mut Vec<u8>, mut number: u64) {
    loop {
        let low = u8::try_from(number & 0x7f).unwrap_or_default();
        number >>= 7;
        if number == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}

fn put_count(out: &mut Vec<u8>, count: usize) {
    put_number(out, count as u64);
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put_count(out, text.len());
    out.extend_from_slice(text.as_bytes());
}

fn put_time(out: &mut Vec<u8>, time: Timestamp) {
    out.extend_from_slice(&time.millis().to_be_bytes());
}

/// Takes values off the front of bytes; `None` when they are not there.
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// What was not taken yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.0
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..63).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    /// A number of things that still follow, so at most as many as there are bytes.
    fn count(&mut self) -> Option<usize> {
        let count = usize::try_from(self.number()?).ok()?;
        (count <= self.0.len()).then_some(count)
    }

    fn text(&mut self) -> Option<String> {
        let length = self.count()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(text).ok().map(str::to_owned)
    }

    fn time(&mut self) -> Option<Timestamp> {
        self.array().map(|bytes| Timestamp::from_millis(i64::from_be_bytes(bytes)))
    }

    fn unique_id(&mut self) -> Option<UniqueId> {
        UniqueId::from_bytes(self.array()?).ok()
    }

    /// `Some(None)` when the flag is not set.
    fn optional<T>(
        &mut self,
        flag: u8,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<Option<T>> {
        if flag == 0 { Some(None) } else { read(self).map(Some) }
    }

    fn list<T>(&mut self, mut read: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = self.count()?;
        (0..count).map(|_| read(self)).collect()
    }
}
