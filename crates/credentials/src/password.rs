//! Passwords: argon2id, in PHC strings.
//!
//! It knows no password policy. Hashing takes some 18 ms and 19 MiB by design, so the caller runs
//! it off the request threads and bounds how many run at once.

use argon2::password_hash::phc::PasswordHash;
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Params, Version};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use iamd_types::entropy::random;
use iamd_types::{Entropy, Secret};
use zeroize::Zeroizing;

/// Memory of a new hash, in KiB (OWASP's first choice for argon2id: 19 MiB, two passes, one lane).
pub const MEMORY_KIB: u32 = 19 * 1024;
/// Passes of a new hash.
pub const PASSES: u32 = 2;
/// Lanes of a new hash.
pub const LANES: u32 = 1;

/// The most memory that a stored hash may ask for, in KiB: 64 MiB.
const MAX_MEMORY_KIB: u32 = 64 * 1024;
/// The most memory times passes: what 64 MiB and four passes cost, some 130 ms.
const MAX_WORK: u32 = 4 * MAX_MEMORY_KIB;
const MAX_LANES: u32 = 16;
/// The longest PHC string that is looked at.
const MAX_PHC_LENGTH: usize = 256;
/// The shortest hash that is believed, in bytes. A short one is matched by many passwords.
const MIN_OUTPUT: usize = 16;
const OUTPUT: usize = 32;
const SALT: usize = 16;

/// The password's hash, with a fresh salt, as a PHC string: `$argon2id$v=19$m=19456,t=2,p=1$…`.
#[expect(clippy::expect_used, reason = "parameters, salt and output length are constants in range")]
pub fn hash(password: &Secret<String>, entropy: &dyn Entropy) -> String {
    let salt = random::<SALT>(entropy);
    let params = Params::new(MEMORY_KIB, PASSES, LANES, Some(OUTPUT)).expect("in range");
    let mut output = Zeroizing::new([0; OUTPUT]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(password.expose().as_bytes(), &salt, output.as_mut_slice())
        .expect("in range");
    format!(
        "$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${}${}",
        STANDARD_NO_PAD.encode(salt),
        STANDARD_NO_PAD.encode(output.as_slice())
    )
}

/// Whether the password is the one of this PHC string. A string that is no argon2id hash, asks for
/// more than the bounds here or has parameters that are not known is nobody's password.
pub fn verify(password: &Secret<String>, phc: &str) -> bool {
    matches(password.expose().as_bytes(), phc).unwrap_or(false)
}

fn matches(password: &[u8], phc: &str) -> Option<bool> {
    if phc.len() > MAX_PHC_LENGTH {
        return None;
    }
    let stored = PasswordHash::new(phc).ok()?;
    let (salt, expected) = (stored.salt?, stored.hash?);
    let params = bounded_params(&stored)?;
    let mut output = Zeroizing::new(vec![0; expected.len()]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(password, &salt, &mut output)
        .ok()?;
    Some(verify_slices_are_equal(&output, expected.as_bytes()).is_ok())
}

fn bounded_params(stored: &PasswordHash) -> Option<Params> {
    let known = stored.algorithm == ARGON2ID_IDENT && stored.version == Some(19);
    if !known || stored.hash?.len() < MIN_OUTPUT {
        return None;
    }
    // Exactly these three: another parameter would change the hash, a missing one has a default
    // that is not the library's to choose.
    let [mut memory, mut passes, mut lanes] = [None; 3];
    for (name, value) in stored.params.iter() {
        let slot = match name.as_str() {
            "m" => &mut memory,
            "t" => &mut passes,
            "p" => &mut lanes,
            _ => return None,
        };
        *slot = Some(value.decimal().ok()?);
    }
    let (memory, passes, lanes) = (memory?, passes?, lanes?);
    let bounded =
        memory <= MAX_MEMORY_KIB && memory.checked_mul(passes)? <= MAX_WORK && lanes <= MAX_LANES;
    if !bounded {
        return None;
    }
    Params::new(memory, passes, lanes, Some(stored.hash?.len())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed;

    impl Entropy for Fixed {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(1);
        }
    }

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    #[test]
    fn only_the_same_password_is_accepted() {
        let phc = hash(&secret("correct horse"), &Fixed);
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$AQEBAQEBAQEBAQEBAQEBAQ$"), "{phc}");
        assert!(verify(&secret("correct horse"), &phc));
        assert!(!verify(&secret("correct horsf"), &phc));
        assert!(!verify(&secret(""), &phc));
    }

    /// From the reference implementation's own test file: argon2id, version 19.
    #[test]
    fn the_reference_implementation_agrees() {
        let phc = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ\
                   $nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        assert!(verify(&secret("password"), phc));
        assert!(!verify(&secret("passwore"), phc));
    }

    #[test]
    fn strings_out_of_bounds_are_nobodys_password() {
        let good = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ\
                    $nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        for (from, to) in [
            ("argon2id", "argon2i"),
            ("argon2id", "scrypt"),
            ("v=19$", ""),
            ("v=19", "v=16"),
            ("m=256", "m=65537"),
            ("m=256,t=2", "m=65536,t=5"),
            ("m=256,t=2", "m=256,t=4294967295"),
            ("p=1", "p=17"),
            ("p=1", "p=0"),
            ("m=256", "m=1"),
            ("t=2", "t=0"),
            (",p=1", ""),
            ("p=1", "p=1,data=AAAA"),
            ("$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", ""),
            ("$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", "$nf65EOgLrQMR/g"),
            (good, ""),
        ] {
            let phc = good.replace(from, to);
            assert_ne!(phc, good);
            assert!(!verify(&secret("password"), &phc), "{phc}");
        }
        assert!(!verify(&secret("password"), &format!("{good}{}", "A".repeat(1000))));
    }
}
