//! Any bytes as the form of a request: nothing panics, and audit parameters are always JSON.
//!
//! `cargo +nightly fuzz run form` in `crates/wire`.

#![no_main]

use iamd_api::{iam, sts};
use iamd_wire::cloudtrail;
use iamd_wire::query::{self, Parameters};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|form: &[u8]| {
    let Ok(parameters) = Parameters::parse(form) else { return };
    let Some(action) = parameters.action() else { return };
    for service in [&iam::SERVICE, &sts::SERVICE] {
        let Some(operation) = service.operation(action) else { continue };
        let _ = query::check(&parameters, service, operation);
        let mut record = Vec::new();
        cloudtrail::write_request_parameters(&mut record, &parameters, operation);
        serde_json::from_slice::<serde_json::Value>(&record).unwrap();
    }
    let _ = query::from_parameters::<iam::SimulateCustomPolicyRequest>(&parameters);
    let _ = query::from_parameters::<iam::PutAccountPropertiesRequest>(&parameters);
    let _ = query::from_parameters::<sts::AssumeRoleRequest>(&parameters);
});
