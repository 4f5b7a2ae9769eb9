//! The record of what the server's operator did to an account, which no request of the API tells.

use iamd_audit::{Category, EventId, EventType, Record, UserIdentity, outbox};
use iamd_directory::Transaction;
use iamd_types::{AccountId, Timestamp};
use serde_json::Value;

use crate::Service;

/// Who acts: the operator, through the server's own channel.
const OPERATOR: &str = "iamd";

/// A record that goes down with a change.
#[derive(Clone)]
pub(crate) struct OperatorRecord(Option<Vec<u8>>);

impl OperatorRecord {
    /// Puts the record into the change, unless no records are kept.
    pub(crate) fn put(&self, tx: &mut Transaction) {
        self.0.iter().for_each(|value| tx.put_outbox(value.as_slice()));
    }
}

impl Service {
    /// The record of an operator's change to this account: an event of the service itself, in CloudTrail's
    /// words. `told` says what was done, without secrets.
    pub(crate) fn operator_record(
        &self,
        account: AccountId,
        event_name: &'static str,
        now: Timestamp,
        told: Value,
    ) -> OperatorRecord {
        if !self.log.keeps() {
            return OperatorRecord(None);
        }
        let entropy = &*self.tools.entropy;
        let request_id = EventId::random(entropy);
        let record = Record {
            user_identity: UserIdentity::AwsService { invoked_by: OPERATOR },
            event_time: now,
            service: "iam",
            event_name,
            aws_region: "us-east-1",
            source_ip_address: OPERATOR,
            user_agent: Some(OPERATOR),
            error_code: None,
            error_message: None,
            request_parameters: None,
            response_elements: None,
            additional_event_data: Some(told.into()),
            request_id,
            event_id: EventId::new(now, entropy),
            read_only: false,
            resources: Vec::new(),
            event_type: EventType::AwsServiceEvent,
            recipient_account_id: account,
            shared_event_id: None,
            event_category: Category::Management,
            tls_details: None,
            session_credential_from_console: false,
        };
        OperatorRecord(Some(outbox::value(&record)))
    }
}
