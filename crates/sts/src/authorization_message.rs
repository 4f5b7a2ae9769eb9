//! Reading what an encoded denial says.

use iamd_api::sts;
use iamd_authz::{Access, AccessList, Permit};
use iamd_operation::{Entry, Operation, Query, View};
use iamd_types::{Code, Error};

pub(crate) const OPERATIONS: &[Entry] = &[Entry::query::<DecodeAuthorizationMessage>()];

/// `sts:DecodeAuthorizationMessage`. Only messages about callers of the own account can be read; for all
/// others the answer is the same as for text that was never one. A message stays readable for as long as
/// the data key that sealed it is in the keyring: AWS documents no end.
pub(crate) struct DecodeAuthorizationMessage;

impl Operation for DecodeAuthorizationMessage {
    const NAME: &'static str = "DecodeAuthorizationMessage";
    type Input = sts::DecodeAuthorizationMessageRequest;
    type Output = sts::DecodeAuthorizationMessageResponse;

    fn access<'a>(_: &Self::Input, _: &View<'a>) -> Result<AccessList<'a>, Error> {
        Ok(AccessList::one(Access::on_all("sts:DecodeAuthorizationMessage")))
    }
}

impl Query for DecodeAuthorizationMessage {
    fn run(input: &Self::Input, _: &Permit<Self>, view: &View<'_>) -> Result<Self::Output, Error> {
        let keyring = &view.tools.keyring;
        let message = keyring.open_denial(view.account.id(), &input.encoded_message);
        // AWS's text is not recorded.
        let message = message
            .map_err(|_| Error::new(Code::InvalidAuthorizationMessage, "Message is not valid"))?;
        Ok(sts::DecodeAuthorizationMessageResponse { decoded_message: Some(message) })
    }
}
