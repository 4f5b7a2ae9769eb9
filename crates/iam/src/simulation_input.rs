//! What is asked of a simulation's actions, resources and condition keys. Where AWS's texts are not known, the
//! words are ours; the code is `InvalidInput`.

use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use iamd_api::iam::{ContextEntry, ContextKeyTypeEnum as Type};
use iamd_directory::Tags;
use iamd_policy::Context;
use iamd_types::{Error, Kind};

use crate::held;
use crate::owner::Owner;

/// AWS: an action has its service's prefix and no wildcards. Actions that AWS does not have are simulated as
/// any other (recorded).
pub(crate) fn check_actions(actions: &[String]) -> Result<(), Error> {
    let is_action = |action: &String| {
        let names = action
            .split_once(':')
            .filter(|(prefix, name)| !prefix.is_empty() && !name.is_empty() && !name.contains(':'));
        names.is_some() && !action.contains(['*', '?']) && !action.contains(char::is_whitespace)
    };
    match actions.iter().find(|action| !is_action(action)) {
        None => Ok(()),
        Some(action) => Err(Error::invalid_input(format!("Invalid Action Name: {action}"))),
    }
}

/// The scenarios of EC2 RunInstances, and the resources that each wants (IAM API reference).
const HANDLING: [(&str, &[&str]); 6] = [
    ("EC2-Classic-InstanceStore", &["instance", "image", "security-group"]),
    ("EC2-Classic-EBS", &["instance", "image", "security-group", "volume"]),
    ("EC2-VPC-InstanceStore", &["instance", "image", "security-group", "network-interface"]),
    (
        "EC2-VPC-InstanceStore-Subnet",
        &["instance", "image", "security-group", "network-interface", "subnet"],
    ),
    ("EC2-VPC-EBS", &["instance", "image", "security-group", "network-interface", "volume"]),
    (
        "EC2-VPC-EBS-Subnet",
        &["instance", "image", "security-group", "network-interface", "subnet", "volume"],
    ),
];

/// Refuses a scenario that is not known, or whose resources are not all there.
pub(crate) fn check_handling(option: Option<&str>, resources: &[String]) -> Result<(), Error> {
    let Some(option) = option else { return Ok(()) };
    let Some((_, wanted)) = HANDLING.iter().find(|(name, _)| *name == option) else {
        return Err(Error::invalid_input(format!("Invalid ResourceHandlingOption: {option}")));
    };
    let is_there = |kind: &str| {
        let of_kind = |arn: &String| {
            let resource = arn.splitn(6, ':').nth(5).unwrap_or_default();
            arn == "*" || resource.split('/').next() == Some(kind)
        };
        resources.iter().any(of_kind)
    };
    match wanted.iter().find(|kind| !is_there(kind)) {
        None => Ok(()),
        Some(kind) => Err(Error::invalid_input(format!(
            "The ResourceHandlingOption {option} requires a resource of type {kind}."
        ))),
    }
}

/// The condition keys of a simulation: those given, over what is known of the caller. That the simulator
/// knows the caller's own keys is documented for its console; for the API it is our reading. Ids and tags are told of
/// `source` alone: whoever simulates was allowed to look at it, and at nobody else.
pub(crate) fn context(
    source: Option<&Owner>,
    caller: Option<&str>,
    entries: &Option<Vec<ContextEntry>>,
) -> Result<Context, Error> {
    let mut context = Context::new();
    if let Some(arn) = caller {
        put_caller(&mut context, source, arn);
    }
    for entry in entries.iter().flatten() {
        put_entry(&mut context, entry)?;
    }
    Ok(context)
}

fn put_caller(context: &mut Context, source: Option<&Owner>, arn: &str) {
    let Some((kind, _, name)) = held::parts(arn) else { return };
    context.set("aws:PrincipalArn", arn);
    if let Some(account) = arn.split(':').nth(4) {
        context.set("aws:PrincipalAccount", account);
    }
    match kind {
        Kind::User => {
            context.set("aws:PrincipalType", "User");
            context.set("aws:username", name);
        }
        Kind::Role => context.set("aws:PrincipalType", "AssumedRole"),
        _ => {}
    }
    match source {
        Some(Owner::User(user)) => {
            context.set("aws:userid", user.id().to_string());
            put_tags(context, user.tags());
        }
        Some(Owner::Role(role)) => put_tags(context, role.tags()),
        _ => {}
    }
}

fn put_tags(context: &mut Context, tags: Tags<'_>) {
    for (key, value) in tags {
        context.set(&format!("aws:PrincipalTag/{key}"), value);
    }
}

fn put_entry(context: &mut Context, entry: &ContextEntry) -> Result<(), Error> {
    let Some(key) = &entry.context_key_name else {
        return Err(Error::invalid_input("ContextEntries must have a ContextKeyName."));
    };
    let values = entry.context_key_values.as_deref().unwrap_or_default();
    let kind = entry.context_key_type.unwrap_or(Type::String);
    if let Some(value) = values.iter().find(|value| !is_of(kind, value)) {
        let kind = kind.as_str();
        let message = format!("Invalid value for the context key {key} of type {kind}: {value}");
        return Err(Error::invalid_input(message));
    }
    match values {
        [value] if !kind.as_str().ends_with("List") => context.set(key, value.as_str()),
        values => context.set_many(key, values.iter().map(String::as_str)),
    }
    Ok(())
}

/// Whether a value is of the type that it is said to be of.
fn is_of(kind: Type, value: &str) -> bool {
    match kind {
        Type::String | Type::StringList => true,
        Type::Numeric | Type::NumericList => value.parse::<f64>().is_ok_and(f64::is_finite),
        Type::Boolean | Type::BooleanList => {
            value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false")
        }
        Type::Ip | Type::IpList => {
            let (address, length) = value.split_once('/').unwrap_or((value, "0"));
            address.parse::<IpAddr>().is_ok() && length.parse::<u8>().is_ok_and(|it| it <= 128)
        }
        Type::Binary | Type::BinaryList => STANDARD.decode(value).is_ok(),
        // Conditions read dates in many forms, seconds since 1970 among them: all begin with a digit or sign.
        Type::Date | Type::DateList => {
            value.starts_with(|first: char| first.is_ascii_digit() || first == '-')
        }
    }
}
