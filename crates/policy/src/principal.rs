//! Whom a statement names, and what that means for the caller.

use crate::{NamedPrincipal, Principal, PrincipalKind, PrincipalType, Principals, StatementEffect};

/// The way in which a statement names a caller: it decides what else may limit a grant in the same account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    /// The user, the session, the service, the provider, or everybody.
    Caller,
    /// The role of the caller's session.
    Role,
    /// The user behind the caller's federated session.
    FederatingUser,
    /// The caller's account.
    Account,
}

impl Naming {
    pub(crate) const ALL: [Self; 4] =
        [Self::Caller, Self::Role, Self::FederatingUser, Self::Account];
}

/// Every way in which a policy names a caller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Namings(u8);

impl Namings {
    /// Bit by bit, so that collecting costs nothing.
    pub(crate) fn insert(&mut self, naming: Naming) {
        self.0 |= 1 << naming as u8;
    }

    pub(crate) fn contains(self, naming: Naming) -> bool {
        self.0 & (1 << naming as u8) != 0
    }

    /// Whether anything less than the whole account is named.
    pub(crate) fn names_more_than_account(self) -> bool {
        self.0 & !Self::from(Naming::Account).0 != 0
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl From<Naming> for Namings {
    fn from(naming: Naming) -> Self {
        let mut namings = Self::default();
        namings.insert(naming);
        namings
    }
}

impl Principals {
    /// How the element covers a caller; empty when it does not. `bounded` is whether the caller has a
    /// permissions boundary.
    pub(crate) fn namings(
        &self,
        caller: &Principal<'_>,
        effect: StatementEffect,
        bounded: bool,
    ) -> Namings {
        let mut namings = Namings::default();
        match (self.negated, effect) {
            (false, effect) => {
                let named = self.names.iter().filter_map(|name| name.naming(caller, effect));
                named.for_each(|naming| namings.insert(naming));
            }
            // Refused at creation: it would grant to everybody else.
            (true, StatementEffect::Allow) => {}
            // AWS: always denies a caller with a permissions boundary, whatever it names.
            (true, StatementEffect::Deny) if bounded || !self.exempts(caller) => {
                namings.insert(Naming::Caller);
            }
            (true, StatementEffect::Deny) => {}
        }
        namings
    }

    /// Whether a Deny with `NotPrincipal` leaves a caller alone: every level of it must be named.
    fn exempts(&self, caller: &Principal<'_>) -> bool {
        let named = |naming: Naming| {
            self.names.iter().any(|it| it.naming(caller, StatementEffect::Allow) == Some(naming))
        };
        if self.names.iter().any(NamedPrincipal::is_everybody) {
            return true;
        }
        match caller.kind {
            PrincipalKind::Root => named(Naming::Account),
            PrincipalKind::User => named(Naming::Caller) && named(Naming::Account),
            PrincipalKind::RoleSession => {
                named(Naming::Caller) && named(Naming::Role) && named(Naming::Account)
            }
            PrincipalKind::FederatedUser => {
                named(Naming::Caller) && named(Naming::FederatingUser) && named(Naming::Account)
            }
            PrincipalKind::Service
            | PrincipalKind::Anonymous
            | PrincipalKind::FederatedOidc
            | PrincipalKind::FederatedSaml => named(Naming::Caller),
        }
    }
}

impl NamedPrincipal {
    /// Everybody: also services and anonymous callers.
    fn is_everybody(&self) -> bool {
        self.kind == PrincipalType::Aws && self.name.value == "*"
    }

    fn naming(&self, caller: &Principal<'_>, effect: StatementEffect) -> Option<Naming> {
        let name = self.name.value.as_str();
        let is = |other: Option<&str>| other == Some(name);
        let denies = effect == StatementEffect::Deny;
        let named = match self.kind {
            PrincipalType::Aws if name == "*" => true,
            PrincipalType::Aws => return aws_naming(name, caller),
            // A lone star is no name under these keys, but must not weaken a Deny.
            PrincipalType::Service => {
                caller.kind == PrincipalKind::Service
                    && (is(caller.service) || denies && name == "*")
            }
            PrincipalType::Federated => {
                let kinds = [PrincipalKind::FederatedOidc, PrincipalKind::FederatedSaml];
                kinds.contains(&caller.kind) && (is(caller.provider) || denies && name == "*")
            }
            // Canonical ids are unknown here: nobody is let in by one, and a Deny by one holds for all.
            PrincipalType::CanonicalUser => denies,
        };
        named.then_some(Naming::Caller)
    }
}

fn aws_naming(name: &str, caller: &Principal<'_>) -> Option<Naming> {
    let is = |other: Option<&str>| other == Some(name);
    if !caller.kind.has_account() {
        return None;
    }
    if names_account(name, caller) {
        return Some(Naming::Account);
    }
    match caller.kind {
        PrincipalKind::User => {
            (name == caller.arn || is(caller.unique_id)).then_some(Naming::Caller)
        }
        _ if name == caller.arn => Some(Naming::Caller),
        PrincipalKind::RoleSession => {
            (is(caller.role_arn) || is(caller.unique_id)).then_some(Naming::Role)
        }
        PrincipalKind::FederatedUser => {
            (is(caller.user_arn) || is(caller.unique_id)).then_some(Naming::FederatingUser)
        }
        _ => None,
    }
}

/// Whether a name is the caller's account: its twelve digits, or its root's ARN in the caller's partition.
fn names_account(name: &str, caller: &Principal<'_>) -> bool {
    if caller.account.is_empty() {
        return false;
    }
    let partition = caller.arn.split(':').nth(1).unwrap_or_default();
    let mut parts = name.split(':');
    name == caller.account
        || parts.by_ref().take(6).eq(["arn", partition, "iam", "", caller.account, "root"])
            && parts.next().is_none()
}
