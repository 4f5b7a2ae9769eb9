//! The values of conditions: readable for their operator, and of the form that their key has.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::FindingCode;
use super::draft::{Condition, Value};
use super::place::{Report, quoted};
use super::similar::hint;
use crate::operator::{Operator, Test};
use crate::value::{self, Decimal};
use crate::vocabulary;

/// Keys whose values are service principals.
const SERVICE_PRINCIPAL_KEYS: [&str; 8] = [
    "aws:calledvia",
    "aws:calledviafirst",
    "aws:calledvialast",
    "aws:principalservicename",
    "aws:principalservicenameslist",
    "iam:passedtoservice",
    "iam:awsservicename",
    "kms:viaservice",
];

/// Addresses that no request from the internet comes from (RFC 1918, RFC 4193).
const PRIVATE: [(IpAddr, u8); 4] = [
    (IpAddr::V4(Ipv4Addr::new(10, 0, 0, 0)), 8),
    (IpAddr::V4(Ipv4Addr::new(172, 16, 0, 0)), 12),
    (IpAddr::V4(Ipv4Addr::new(192, 168, 0, 0)), 16),
    (IpAddr::V6(Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0)), 7),
];

pub(super) fn check(condition: &Condition<'_>, operator: Operator, report: &mut Report) {
    let key = condition.key.value.to_ascii_lowercase();
    for value in &condition.values {
        if report.is_full() {
            return;
        }
        if value.text.contains("${") {
            continue;
        }
        readable(condition, operator, value, report);
        match operator.test {
            Test::String | Test::StringIgnoreCase | Test::StringLike => {
                of_key(&key, operator, value, report);
            }
            Test::Address => range_bits(value, report),
            _ => {}
        }
    }
    if key == "aws:sourceip" && operator.test == Test::Address {
        private(condition, operator, report);
    }
}

/// Whether the operator can read the value at all.
fn readable(condition: &Condition<'_>, operator: Operator, value: &Value<'_>, report: &mut Report) {
    let text = &*value.text;
    let (code, problem) = match operator.test {
        Test::Numeric(_) if Decimal::parse(text).is_none() => {
            (FindingCode::TypeMismatchNumber, "is no number")
        }
        Test::Date(_) if text.parse::<i64>().is_ok() && text.len() != 4 => {
            (FindingCode::InvalidDateValue, "is read as seconds since 1970; write `YYYY-MM-DD`")
        }
        Test::Date(_) if value::instant(text).is_none() => (
            FindingCode::TypeMismatchDate,
            "is no date; write `YYYY-MM-DD` or `YYYY-MM-DDThh:mm:ssZ`",
        ),
        Test::Bool | Test::Null if value::boolean(text).is_none() => {
            (FindingCode::TypeMismatchBoolean, "is neither `true` nor `false`")
        }
        Test::Binary if value::bytes(text).is_none() => {
            (FindingCode::TypeMismatchString, "is not base64")
        }
        Test::Address if value::address_range(text).is_none() => {
            (FindingCode::TypeMismatchIpRange, "is no range of addresses such as `203.0.113.0/24`")
        }
        Test::String | Test::StringIgnoreCase if text.contains(['*', '?']) => {
            let message = format!(
                "{} compares {} letter by letter; for wildcards use `StringLike`",
                quoted(condition.operator.value),
                quoted(text)
            );
            return report.add(FindingCode::WildcardWithoutLikeOperator, &value.place, message);
        }
        _ => return,
    };
    report.add(code, &value.place, format!("{} {problem}", quoted(text)));
}

/// The forms that the values of some keys have. Patterns may stand for any of them.
fn of_key(key: &str, operator: Operator, value: &Value<'_>, report: &mut Report) {
    let text = &*value.text;
    let is_pattern = text.contains(['*', '?']);
    let place = &value.place;
    match key {
        "aws:requestedregion" | "ec2:region" if !is_pattern && !vocabulary::is_region(text) => {
            let hint = hint(text, vocabulary::regions());
            let message = format!("there is no region {}{hint}", quoted(text));
            report.add(FindingCode::InvalidRegion, place, message);
        }
        "aws:sourcevpc" | "aws:ec2instancesourcevpc" if !has_id(text, "vpc-", operator) => {
            let message = format!("{} is no network's id; it is `vpc-` and digits", quoted(text));
            report.add(FindingCode::InvalidVpcFormat, place, message);
        }
        "aws:sourcevpce" if !has_id(text, "vpce-", operator) => {
            let message = format!("{} is no endpoint's id; it is `vpce-` and digits", quoted(text));
            report.add(FindingCode::InvalidVpceFormat, place, message);
        }
        _ if SERVICE_PRINCIPAL_KEYS.contains(&key) && !is_service_principal(text) => {
            let wanted = match key {
                "kms:viaservice" => "SERVICE.REGION.amazonaws.com",
                _ => "SERVICE.amazonaws.com",
            };
            let message = format!("{} is no service principal; write `{wanted}`", quoted(text));
            report.add(FindingCode::InvalidServicePrincipalFormat, place, message);
        }
        _ => {}
    }
}

/// Whether a text is a prefix and 8 or 17 digits of base 16, or a pattern that begins like that.
fn has_id(text: &str, prefix: &str, operator: Operator) -> bool {
    let is_pattern = operator.test == Test::StringLike && text.contains(['*', '?']);
    if is_pattern {
        let fixed = text.split(['*', '?']).next().unwrap_or_default();
        return fixed.starts_with(prefix) || prefix.starts_with(fixed);
    }
    let Some(digits) = text.strip_prefix(prefix) else { return false };
    [8, 17].contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Whether a text has the form of a service principal; in a pattern, whether its end does.
pub(super) fn is_service_principal(text: &str) -> bool {
    const SUFFIXES: [&str; 3] = [".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu"];
    let fixed_end = text.rsplit(['*', '?']).next().unwrap_or_default();
    if fixed_end.len() < text.len() {
        return SUFFIXES
            .iter()
            .any(|suffix| suffix.ends_with(fixed_end) || fixed_end.ends_with(suffix));
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || ['-', '.', '_'].contains(&c);
    SUFFIXES.iter().any(|suffix| text.strip_suffix(suffix).is_some_and(|name| !name.is_empty()))
        && text.chars().all(plain)
}

fn range_bits(value: &Value<'_>, report: &mut Report) {
    let Some(range) = value::address_range(&value.text) else { return };
    if range.addr() != range.network() {
        let message = format!(
            "the bits of {} beyond the prefix do not count; write `{}`",
            quoted(&value.text),
            range.trunc()
        );
        report.add(FindingCode::ImproveIpRange, &value.place, message);
    }
}

/// `aws:SourceIp` is the address that a request comes from on the internet.
fn private(condition: &Condition<'_>, operator: Operator, report: &mut Report) {
    let ranges: Vec<(IpNet, &Value<'_>)> = condition
        .values
        .iter()
        .filter_map(|value| Some((value::address_range(&value.text)?, value)))
        .collect();
    let private: Vec<_> = ranges
        .iter()
        .filter(|(range, _)| is_private(range))
        .map(|(_, value)| &value.place)
        .collect();
    if private.is_empty() {
        return;
    }
    let all = private.len() == condition.values.len();
    let (code, message) = match (all, operator.negated) {
        (true, false) => (
            FindingCode::PrivateIpAddress,
            "requests never come from private addresses, so this is never true; see `aws:VpcSourceIp`",
        ),
        (true, true) => (
            FindingCode::PrivateNotIpAddress,
            "requests never come from private addresses, so this is always true; see `aws:VpcSourceIp`",
        ),
        (false, false) => (
            FindingCode::PrivateIpAddressSubset,
            "requests never come from private addresses; see `aws:VpcSourceIp`",
        ),
        (false, true) => (
            FindingCode::PrivateNotIpAddressSubset,
            "requests never come from private addresses, so there is no need to exclude them",
        ),
    };
    report.add_all(code, &private, message);
}

fn is_private(range: &IpNet) -> bool {
    PRIVATE.iter().any(|&(address, length)| {
        IpNet::new(address, length).is_ok_and(|private| private.contains(range))
    })
}
