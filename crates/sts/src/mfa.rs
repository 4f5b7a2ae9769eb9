//! The second factor in a request: `SerialNumber` and `TokenCode`.

use iamd_types::{Code, Error, Secret};

/// Checks the second factor that a request gives, if any.
///
/// # Errors
/// `AccessDenied` in AWS's words. There are no MFA devices in the directory yet, so a serial number is
/// never one of the caller's: a request that gives one is refused, and never taken as if it gave
/// none.
pub(crate) fn check(
    serial_number: Option<&str>,
    token_code: Option<&Secret<String>>,
) -> Result<(), Error> {
    let message = match (serial_number, token_code) {
        (None, None) => return Ok(()),
        (Some(_), Some(_)) => {
            "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA \
             serial number is valid and associated with this user."
        }
        _ => {
            "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass \
             code."
        }
    };
    Err(Error::new(Code::AccessDenied, message))
}
