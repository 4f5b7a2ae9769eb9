//! An answer, without its type.

use iamd_api::{Operation, Service};
use iamd_types::Error;
use iamd_wire::{cloudtrail, json, rest_json, xml};
use serde::Serialize;

/// What an operation answered. Each wire format writes it in its own way.
pub trait Output: Send {
    /// Appends the answer as XML of the Query protocol.
    fn write_xml(
        &self,
        out: &mut Vec<u8>,
        service: &Service,
        operation: &Operation,
        request_id: &str,
    ) -> Result<(), Error>;

    /// Appends the answer as JSON of the Query protocol.
    fn write_json(
        &self,
        out: &mut Vec<u8>,
        service: &Service,
        operation: &Operation,
        request_id: &str,
    ) -> Result<(), Error>;

    /// Appends the answer as JSON of the REST-JSON protocol.
    fn write_rest_json(&self, out: &mut Vec<u8>) -> Result<(), Error>;

    /// Appends the answer as `responseElements` of a CloudTrail record, without secrets.
    fn write_response_elements(
        &self,
        out: &mut Vec<u8>,
        service: &Service,
        operation: &Operation,
    ) -> Result<(), Error>;
}

/// The output of one operation.
pub(crate) struct Typed<T>(pub(crate) T);

impl<T: Serialize + Send> Output for Typed<T> {
    fn write_xml(
        &self,
        out: &mut Vec<u8>,
        service: &Service,
        operation: &Operation,
        request_id: &str,
    ) -> Result<(), Error> {
        match operation.output {
            Some(_) => xml::write_response(out, service, operation, request_id, &self.0)
                .map_err(Error::internal),
            None => {
                xml::write_empty_response(out, service, operation, request_id);
                Ok(())
            }
        }
    }

    fn write_json(
        &self,
        out: &mut Vec<u8>,
        _: &Service,
        operation: &Operation,
        request_id: &str,
    ) -> Result<(), Error> {
        match operation.output {
            Some(_) => {
                json::write_response(out, operation, request_id, &self.0).map_err(Error::internal)
            }
            None => {
                json::write_empty_response(out, operation, request_id);
                Ok(())
            }
        }
    }

    fn write_rest_json(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        rest_json::write_response(out, &self.0).map_err(Error::internal)
    }

    fn write_response_elements(
        &self,
        out: &mut Vec<u8>,
        service: &Service,
        operation: &Operation,
    ) -> Result<(), Error> {
        cloudtrail::write_response_elements(out, service, operation, &self.0)
            .map_err(Error::internal)
    }
}
