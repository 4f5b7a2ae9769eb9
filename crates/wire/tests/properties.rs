//! What holds for every request and answer.

#![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]

use iamd_api::{Kind, Operation, Service, Shape, iam, sts};
use iamd_wire::query::{self, Parameters};
use iamd_wire::{cloudtrail, xml};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use quick_xml::events::Event;
use serde::de::DeserializeOwned;

const SERVICES: [&Service; 2] = [&iam::SERVICE, &sts::SERVICE];

fn encode(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// Names of all parameters that an input can have, lists and maps with their first two elements.
fn names(shape: &Shape, prefix: &str, found: &mut Vec<String>) {
    if !prefix.is_empty() {
        found.push(prefix.to_owned());
    }
    match shape.kind {
        Kind::Structure(members) => {
            for member in members {
                let dot = if prefix.is_empty() { "" } else { "." };
                names(member.shape, &format!("{prefix}{dot}{}", member.name), found);
            }
        }
        Kind::List { member, .. } => {
            for number in [1, 2] {
                names(member, &format!("{prefix}.member.{number}"), found);
            }
        }
        Kind::Map { value, .. } => {
            found.push(format!("{prefix}.entry.1.key"));
            names(value, &format!("{prefix}.entry.1.value"), found);
        }
        _ => {}
    }
}

/// An operation, and parameters that nearly fit it.
fn near_requests(
    operations: Vec<(&'static Service, &'static str)>,
) -> impl Strategy<Value = (&'static Service, &'static Operation, String)> {
    let value = prop_oneof![
        Just(String::new()),
        select(vec!["true", "5", "3600", "/a/", "Active", "SSH", "k", "AKIAIOSFODNN7EXAMPLE"])
            .prop_map(str::to_owned),
        Just("arn:aws:iam::123456789012:role/r".to_owned()),
        any::<String>(),
    ];
    let pairs = proptest::collection::vec((any::<Index>(), value), 0..12);
    (select(operations), pairs).prop_map(|((service, name), pairs)| {
        let operation = service.operation(name).unwrap();
        let mut all = vec!["Unknown".to_owned()];
        names(operation.input, "", &mut all);
        let pairs =
            pairs.iter().map(|(name, value)| format!("{}={}", name.get(&all), encode(value)));
        (service, operation, pairs.collect::<Vec<_>>().join("&"))
    })
}

fn all_operations() -> Vec<(&'static Service, &'static str)> {
    let names = |service: &'static Service| {
        service.operations.iter().map(move |operation| (service, operation.name))
    };
    SERVICES.into_iter().flat_map(names).collect()
}

type Decode = fn(&Parameters<'_>) -> bool;

fn decodes<T: DeserializeOwned>(parameters: &Parameters<'_>) -> bool {
    query::from_parameters::<T>(parameters).is_ok()
}

/// Operations whose inputs hold every kind of value and need little.
const DECODED: &[(&Service, &str, Decode)] = &[
    (&sts::SERVICE, "AssumeRole", decodes::<sts::AssumeRoleRequest>),
    (&sts::SERVICE, "GetFederationToken", decodes::<sts::GetFederationTokenRequest>),
    (&sts::SERVICE, "GetSessionToken", decodes::<sts::GetSessionTokenRequest>),
    (&iam::SERVICE, "AcquireRole", decodes::<iam::AcquireRoleRequest>),
    (&iam::SERVICE, "CreateLoginProfile", decodes::<iam::CreateLoginProfileRequest>),
    (&iam::SERVICE, "GetUser", decodes::<iam::GetUserRequest>),
    (&iam::SERVICE, "ListPolicies", decodes::<iam::ListPoliciesRequest>),
    (&iam::SERVICE, "PutAccountProperties", decodes::<iam::PutAccountPropertiesRequest>),
    (&iam::SERVICE, "SimulateCustomPolicy", decodes::<iam::SimulateCustomPolicyRequest>),
    (&iam::SERVICE, "TagUser", decodes::<iam::TagUserRequest>),
    (&iam::SERVICE, "UpdateAccessKey", decodes::<iam::UpdateAccessKeyRequest>),
    (
        &iam::SERVICE,
        "UpdateAccountPasswordPolicy",
        decodes::<iam::UpdateAccountPasswordPolicyRequest>,
    ),
];

fn decoded_operations() -> Vec<(&'static Service, &'static str)> {
    DECODED.iter().map(|(service, name, _)| (*service, *name)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_or_refused(form in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Parameters::parse(&form);
    }

    #[test]
    fn any_form_is_read_or_refused(form in "([A-Za-z.0-9-]{0,9}(=|%|\\+|&|%2e|\\.member\\.1)){0,9}") {
        let Ok(parameters) = Parameters::parse(form.as_bytes()) else { return Ok(()) };
        for service in SERVICES {
            for operation in service.operations {
                let _ = query::check(&parameters, service, operation);
            }
        }
    }

    #[test]
    fn what_passes_the_check_decodes((service, operation, form) in near_requests(decoded_operations())) {
        let Ok(parameters) = Parameters::parse(form.as_bytes()) else { return Ok(()) };
        if query::check(&parameters, service, operation).is_ok() {
            let mut decoded = DECODED.iter().filter(|(_, name, _)| *name == operation.name);
            prop_assert!(decoded.all(|(_, _, decode)| decode(&parameters)));
        }
    }

    #[test]
    fn audit_parameters_are_json_and_hold_no_secret((_, operation, form) in near_requests(all_operations())) {
        let Ok(parameters) = Parameters::parse(form.as_bytes()) else { return Ok(()) };
        let mut out = Vec::new();
        cloudtrail::write_request_parameters(&mut out, &parameters, operation);
        let json: serde_json::Value = serde_json::from_slice(&out).unwrap();
        for member in operation.input.members() {
            let (first, rest) = member.name.split_at(1);
            let key = first.to_lowercase() + rest;
            prop_assert!(!member.shape.sensitive || json.get(key).is_none());
        }
    }

    #[test]
    fn a_request_is_read_as_it_was_meant(
        name in any::<String>(),
        tags in proptest::collection::vec(any::<(String, String)>(), 0..15),
        order in any::<u64>(),
    ) {
        let mut pairs = vec![format!("UserName={}", encode(&name))];
        for (at, (key, value)) in tags.iter().enumerate() {
            pairs.push(format!("Tags.member.{}.Key={}", at + 1, encode(key)));
            pairs.push(format!("Tags.member.{}.Value={}", at + 1, encode(value)));
        }
        if tags.is_empty() {
            pairs.push("Tags=".to_owned());
        }
        let count = pairs.len();
        pairs.rotate_left(order as usize % count);
        let form = pairs.join("&");
        let parameters = Parameters::parse(form.as_bytes()).unwrap();
        let input: iam::TagUserRequest = query::from_parameters(&parameters).unwrap();
        prop_assert_eq!(input.user_name, name);
        let read: Vec<_> = input.tags.into_iter().map(|tag| (tag.key, tag.value)).collect();
        prop_assert_eq!(read, tags);
    }

    #[test]
    fn xml_is_read_back_as_it_was_written(texts in proptest::collection::vec(any::<String>(), 0..9)) {
        let output = iam::ListAccountAliasesResponse {
            account_aliases: texts.clone(),
            ..Default::default()
        };
        let operation = iam::SERVICE.operation("ListAccountAliases").unwrap();
        let mut out = Vec::new();
        xml::write_response(&mut out, &iam::SERVICE, operation, "id", &output).unwrap();
        let texts: Vec<String> = texts.iter().map(|text| as_xml_can_carry(text)).collect();
        prop_assert_eq!(members(&out), texts);
    }
}

fn as_xml_can_carry(text: &str) -> String {
    let legal = |char| matches!(char, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..);
    text.chars().map(|char| if legal(char) { char } else { '\u{FFFD}' }).collect()
}

/// The texts of all `<member>` elements, read by another program's parser.
fn members(xml: &[u8]) -> Vec<String> {
    let mut reader = quick_xml::Reader::from_str(std::str::from_utf8(xml).unwrap());
    let mut found = Vec::new();
    let mut inside = None;
    loop {
        match reader.read_event().unwrap() {
            Event::Start(start) if start.name().as_ref() == "member" => {
                inside = Some(String::new())
            }
            Event::Empty(start) if start.name().as_ref() == "member" => found.push(String::new()),
            Event::End(end) if end.name().as_ref() == "member" => found.extend(inside.take()),
            Event::Text(text) => {
                if let Some(inside) = &mut inside {
                    inside.push_str(&text);
                }
            }
            Event::GeneralRef(reference) => {
                if let Some(inside) = &mut inside {
                    let name = format!("&{};", &*reference);
                    inside.push_str(&quick_xml::escape::unescape(&name).unwrap());
                }
            }
            Event::Eof => return found,
            _ => {}
        }
    }
}
