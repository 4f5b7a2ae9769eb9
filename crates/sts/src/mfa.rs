//! The second factor in a request: `SerialNumber` and `TokenCode`.
//!
//! A code is looked at twice: before the decision, since policies may ask for it, and when the caller
//! was allowed, to be used up. A request that is refused leaves its code good.

use futures_util::future::BoxFuture;
use iamd_authz::second_factor::{RightCode, WrongFactor, check_code};
use iamd_authz::{Caller, Principal};
use iamd_directory::{Holder, Origin};
use iamd_operation::View;
use iamd_types::{Code, Error, Secret, Timestamp, entropy};

/// What a request gives.
#[derive(Clone, Copy)]
pub(crate) struct Factor<'a> {
    serial: &'a str,
    code: &'a Secret<String>,
}

impl<'a> Factor<'a> {
    /// The second factor that a request gives, if any.
    ///
    /// # Errors
    /// `AccessDenied` when it gives half of one: it is never taken as if it gave none.
    pub(crate) fn of(
        serial_number: Option<&'a str>,
        token_code: Option<&'a Secret<String>>,
    ) -> Result<Option<Self>, Error> {
        match (serial_number, token_code) {
            (None, None) => Ok(None),
            (Some(serial), Some(code)) => Ok(Some(Self { serial, code })),
            _ => Err(Error::new(
                Code::AccessDenied,
                "MultiFactorAuthentication failed, must provide both MFA serial number and one time \
                 pass code.",
            )),
        }
    }

    /// Checks that it is right for the caller.
    ///
    /// # Errors
    /// `AccessDenied` in AWS's words; `Throttling` after several wrong codes.
    pub(crate) fn check(self, view: &View<'_>) -> Result<RightCode, Error> {
        let serial = self.serial;
        let Some(holder) = holder(view.caller) else {
            return Err(WrongFactor::Device.refusal());
        };
        let (keyring, now) = (&view.tools.keyring, view.facts.now);
        check_code(view.account, holder, serial, self.code.expose(), keyring, now)
            .map_err(WrongFactor::refusal)
    }

    /// Checks it and uses the code up; when that was.
    pub(crate) fn use_up(self, view: &View<'a>) -> BoxFuture<'a, Result<Timestamp, Error>> {
        let view = *view;
        Box::pin(async move {
            let right = self.check(&view)?;
            let seed = entropy::random(&*view.tools.entropy);
            let origin = Origin { now: view.facts.now, seed };
            match right.use_up(&view.tools.directory, origin).await? {
                Ok(()) => Ok(view.facts.now.whole_seconds()),
                Err(wrong) => Err(wrong.refusal()),
            }
        })
    }
}

/// Whose device it must be. Sessions of roles and federated users have none.
fn holder(caller: &Caller) -> Option<Holder> {
    match &caller.principal {
        Principal::Root => Some(Holder::Root),
        Principal::User(user) => Some(Holder::User(user.id())),
        Principal::Role { .. } | Principal::Federated { .. } | Principal::Bearer(_) => None,
    }
}
