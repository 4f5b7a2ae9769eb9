//! References to managed policies: customer managed ones by unique id, AWS's own by their ARN.

use iamd_types::{IdKind, UniqueId};

use crate::packed::{Field, Fixed, fixed};

/// Names a managed policy in sixteen bytes. AWS's own policies are known by a hash of their ARN,
/// since not all their unique ids are published; the two forms cannot collide, for a unique id's
/// leading bits tell its kind and a hash's are zero.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PolicyRef([u8; 16]);

impl PolicyRef {
    /// A customer managed policy.
    pub fn customer(id: UniqueId) -> Self {
        Self(id.to_bytes())
    }

    /// An AWS managed policy, by the account-independent ARN `arn:aws:iam::aws:policy/…`.
    pub fn aws(arn: &str) -> Self {
        // FNV-1a. A collision within AWS's catalogue would show in the catalogue's own test.
        let hash = arn.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self(u128::from(hash).to_be_bytes())
    }

    /// The unique id, when the policy is a customer's.
    pub fn as_customer(self) -> Option<UniqueId> {
        UniqueId::from_bytes(self.0).ok().filter(|id| id.kind() == IdKind::Policy)
    }
}

fixed! {
    PolicyRef, 16, policy => policy.0, bytes => Some(PolicyRef(bytes));
}
