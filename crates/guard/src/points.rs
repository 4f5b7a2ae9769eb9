//! Enforcement points: who may ask, and how they prove that it is they.

use std::collections::HashSet;
use std::sync::Arc;

use iamd_types::AccountId;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use crate::exchange::Incoming;
use crate::settings::{self, Files, GuardSettings, Kind, SettingsError};

/// Where a point shows its token when `Authorization` is the client's.
pub(crate) const TOKEN_HEADER: &str = "x-iamd-guard-token";

/// The shortest token: 32 random bytes in base64 have 43 characters.
const MIN_TOKEN: usize = 32;
/// The longest header value that is looked at as a token.
const MAX_TOKEN: usize = 1024;

/// An enforcement point.
pub(crate) struct Point {
    pub(crate) name: String,
    pub(crate) kinds: Vec<Kind>,
    pub(crate) apis: HashSet<String>,
    pub(crate) account: Option<AccountId>,
    pub(crate) hands_over_bodies: bool,
    pub(crate) sets_forwarded_headers: bool,
    shows: Shows,
}

/// What a point shows.
enum Shows {
    /// A token of this hash.
    Token([u8; 32]),
    Certificate(String),
}

/// All points.
#[derive(Default)]
pub(crate) struct Points(Vec<Arc<Point>>);

impl Points {
    pub(crate) fn read(settings: &GuardSettings, files: &dyn Files) -> Result<Self, SettingsError> {
        let mut points: Vec<Arc<Point>> = Vec::with_capacity(settings.points.len());
        for point in &settings.points {
            let wrong = |reason: String| SettingsError::Point { name: point.name.clone(), reason };
            let read = read(point, settings, files).map_err(wrong)?;
            if points.iter().any(|other| other.name == read.name) {
                return Err(wrong("is configured twice".to_owned()));
            }
            if let Some(other) = points.iter().find(|other| other.shows_the_same_as(&read)) {
                return Err(wrong(format!("shows the same as `{}`", other.name)));
            }
            points.push(Arc::new(read));
        }
        Ok(Self(points))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Point> {
        self.0.iter().map(|point| &**point)
    }

    /// The point that asks, if it may ask in this way. `bearer` is whether `Authorization` is the asker's own.
    pub(crate) fn authenticate(
        &self,
        incoming: &Incoming,
        kind: Kind,
        bearer: bool,
    ) -> Option<Arc<Point>> {
        let point = match token(incoming, bearer) {
            Token::Shown(token) => self.with_token(token)?,
            Token::None => self.with_certificate(incoming.certificate.as_deref()?)?,
            Token::Unclear => return None,
        };
        point.kinds.contains(&kind).then(|| Arc::clone(point))
    }

    /// Looks at all of them, so that the time says nothing about which was nearly right.
    fn with_token(&self, token: &str) -> Option<&Arc<Point>> {
        let hash: [u8; 32] = Sha256::digest(token).into();
        let mut found = u32::MAX;
        for (place, point) in (0_u32..).zip(&self.0) {
            let same = match &point.shows {
                Shows::Token(expected) => expected.ct_eq(&hash),
                Shows::Certificate(_) => Choice::from(0),
            };
            found.conditional_assign(&place, same);
        }
        self.0.get(usize::try_from(found).ok()?)
    }

    fn with_certificate(&self, names: &[String]) -> Option<&Arc<Point>> {
        self.0
            .iter()
            .find(|point| matches!(&point.shows, Shows::Certificate(name) if names.contains(name)))
    }
}

impl Point {
    /// Tells the request log why a question of this point was not answered.
    pub(crate) fn note_refusal(&self, code: &str, reason: &dyn std::fmt::Display) {
        tracing::info!(
            target: "iamd::request",
            asker = self.name,
            decision = "refused",
            error = code,
            %reason,
        );
    }

    fn shows_the_same_as(&self, other: &Self) -> bool {
        match (&self.shows, &other.shows) {
            (Shows::Token(one), Shows::Token(two)) => one.ct_eq(two).into(),
            (Shows::Certificate(one), Shows::Certificate(two)) => one == two,
            _ => false,
        }
    }
}

enum Token<'a> {
    Shown(&'a str),
    None,
    /// Two of them, or one that is none.
    Unclear,
}

fn token(incoming: &Incoming, bearer: bool) -> Token<'_> {
    let own = incoming.headers.contains_key(TOKEN_HEADER);
    let authorization = bearer && incoming.headers.contains_key("authorization");
    let value = match (own, authorization) {
        (false, false) => return Token::None,
        (true, true) => return Token::Unclear,
        (true, false) => incoming.single(TOKEN_HEADER),
        // MinIO sends what it is given, with or without the scheme.
        (false, true) => incoming.single("authorization").map(|value| {
            value
                .split_once(' ')
                .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
                .map_or(value, |(_, token)| token)
        }),
    };
    match value.map(str::trim) {
        Some(token) if (1..=MAX_TOKEN).contains(&token.len()) => Token::Shown(token),
        _ => Token::Unclear,
    }
}

fn read(
    point: &settings::Point,
    settings: &GuardSettings,
    files: &dyn Files,
) -> Result<Point, String> {
    let well_formed = (1..=64).contains(&point.name.len())
        && point.name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if !well_formed {
        return Err("must have a name of letters, digits, `-`, `_` and `.`".to_owned());
    }
    let shows = match (&point.token_file, &point.client_certificate) {
        (Some(file), None) => {
            let token = files.secret(file)?;
            let token = token.expose().trim();
            if !(MIN_TOKEN..=MAX_TOKEN).contains(&token.len()) {
                return Err(format!("needs a token of at least {MIN_TOKEN} characters"));
            }
            if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err("needs a token that a header can carry".to_owned());
            }
            Shows::Token(Sha256::digest(token).into())
        }
        (None, Some(name)) => {
            if settings.client_ca.is_none() {
                return Err("shows a certificate, and no `client_ca` is configured".to_owned());
            }
            if !["dns:", "uri:", "subject:"].iter().any(|start| name.starts_with(start)) {
                return Err("needs `dns:…`, `uri:…` or `subject:…` as its certificate".to_owned());
            }
            Shows::Certificate(name.clone())
        }
        _ => return Err("needs either `token_file` or `client_certificate`".to_owned()),
    };
    if point.kinds.is_empty() {
        return Err("has no `kinds`: it could ask nothing".to_owned());
    }
    for id in &point.apis {
        if !settings.apis.iter().any(|api| api.id == *id) {
            return Err(format!("names the API `{id}`, which is not configured"));
        }
    }
    if point.apis.is_empty() && point.kinds.iter().any(|kind| kind.tells_requests()) {
        return Err("has no `apis`: it could ask nothing".to_owned());
    }
    if point.account.is_none() && !point.kinds.iter().all(|kind| kind.tells_requests()) {
        return Err("needs the `account` whose principals it asks about".to_owned());
    }
    Ok(Point {
        name: point.name.clone(),
        kinds: point.kinds.clone(),
        apis: point.apis.iter().cloned().collect(),
        account: point.account,
        hands_over_bodies: point.hands_over_bodies,
        sets_forwarded_headers: point.sets_forwarded_headers,
        shows,
    })
}
