//! Requests from web pages of other origins (S3 User Guide, "Using cross-origin resource sharing (CORS)").

use std::borrow::Cow;

use iamd_api::s3::CORSRule;
use iamd_directory::Bucket;

/// Headers of an answer.
pub type Headers = Vec<(Cow<'static, str>, String)>;

/// The rules of a bucket; none when it has no configuration.
pub fn rules(bucket: &Bucket) -> Vec<CORSRule> {
    // What was written by us and cannot be read allows nothing.
    bucket.cors().and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
}

/// The most headers that a preflight may ask for.
const MAX_NAMES: usize = 100;

/// What a preflight asks.
pub struct Preflight<'a> {
    /// `Origin`
    pub origin: &'a str,
    /// `Access-Control-Request-Method`
    pub method: &'a str,
    /// `Access-Control-Request-Headers`, a list.
    pub headers: Option<&'a str>,
}

/// The answer to a preflight by the first rule that allows it.
pub fn preflight(rules: &[CORSRule], asked: &Preflight<'_>) -> Option<Headers> {
    let names: Vec<&str> = asked
        .headers
        .iter()
        .flat_map(|list| list.split(','))
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .collect();
    if names.len() > MAX_NAMES {
        return None;
    }
    let rule = rules.iter().find(|rule| {
        allows(rule, asked.origin, asked.method)
            && names.iter().all(|name| {
                let mut allowed = rule.allowed_headers.iter().flatten();
                allowed.any(|pattern| {
                    matches(&pattern.to_ascii_lowercase(), &name.to_ascii_lowercase())
                })
            })
    })?;
    let mut headers = answer_by(rule, asked.origin);
    if !names.is_empty() {
        let names = names.join(", ").to_ascii_lowercase();
        headers.push((Cow::Borrowed("access-control-allow-headers"), names));
    }
    if let Some(seconds) = rule.max_age_seconds {
        headers.push((Cow::Borrowed("access-control-max-age"), seconds.to_string()));
    }
    Some(headers)
}

/// What the answer to a request from another origin carries; nothing when no rule allows it. It says
/// what a browser may show the page, and nothing about who may do what.
pub fn answer(rules: &[CORSRule], origin: &str, method: &str) -> Headers {
    let rule = rules.iter().find(|rule| allows(rule, origin, method));
    rule.map(|rule| answer_by(rule, origin)).unwrap_or_default()
}

fn answer_by(rule: &CORSRule, origin: &str) -> Headers {
    let any = rule.allowed_origins.iter().any(|allowed| allowed == "*");
    let mut headers: Headers = vec![
        (Cow::Borrowed("access-control-allow-origin"), if any { "*" } else { origin }.to_owned()),
        (Cow::Borrowed("access-control-allow-methods"), rule.allowed_methods.join(", ")),
        (
            Cow::Borrowed("vary"),
            "Origin, Access-Control-Request-Headers, Access-Control-Request-Method".to_owned(),
        ),
    ];
    if !any {
        headers.push((Cow::Borrowed("access-control-allow-credentials"), "true".to_owned()));
    }
    if let Some(exposed) = rule.expose_headers.as_ref().filter(|exposed| !exposed.is_empty()) {
        headers.push((Cow::Borrowed("access-control-expose-headers"), exposed.join(", ")));
    }
    headers
}

fn allows(rule: &CORSRule, origin: &str, method: &str) -> bool {
    rule.allowed_methods.iter().any(|allowed| allowed == method)
        && rule.allowed_origins.iter().any(|allowed| matches(allowed, origin))
}

/// A pattern with at most one `*`.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, end)) => {
            text.len() >= start.len() + end.len() && text.starts_with(start) && text.ends_with(end)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(origins: &[&str], methods: &[&str], headers: &[&str]) -> CORSRule {
        let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        CORSRule {
            allowed_origins: owned(origins),
            allowed_methods: owned(methods),
            allowed_headers: Some(owned(headers)),
            max_age_seconds: Some(60),
            ..CORSRule::default()
        }
    }

    #[test]
    fn the_first_rule_that_allows_all_that_is_asked_answers() {
        let rules = [
            rule(&["https://*.example.com"], &["GET"], &[]),
            rule(&["https://app.example.com"], &["PUT", "GET"], &["x-amz-*", "content-type"]),
        ];
        let ask = |origin, method, headers| {
            preflight(&rules, &Preflight { origin, method, headers }).map(|headers| headers.len())
        };
        assert_eq!(ask("https://a.example.com", "GET", None), Some(5));
        assert_eq!(
            ask("https://app.example.com", "PUT", Some("X-Amz-Date, Content-Type")),
            Some(6)
        );
        assert_eq!(ask("https://app.example.com", "PUT", Some("authorization")), None);
        assert_eq!(ask("https://a.example.com", "PUT", None), None);
        assert_eq!(ask("https://example.org", "GET", None), None);
        assert_eq!(ask("https://.example.com", "GET", None), Some(5));
        assert!(answer(&rules, "https://example.org", "GET").is_empty());
        assert!(answer(&[], "https://a.example.com", "GET").is_empty());
        let any = [rule(&["*"], &["GET"], &[])];
        assert_eq!(answer(&any, "null", "GET").first().unwrap().1, "*");
    }
}
