//! The forms of ARNs, by the service that they name.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::special;

static FORMS: LazyLock<BTreeMap<&'static str, Vec<ArnForm>>> = LazyLock::new(|| {
    let mut forms = BTreeMap::<_, Vec<ArnForm>>::new();
    for line in special("*arns").lines() {
        let mut columns = line.splitn(4, '\t');
        let mut next = || columns.next().unwrap_or_default();
        let (service, region, account, resource) = (next(), next(), next(), next());
        forms.entry(service).or_default().push(ArnForm { region, account, resource });
    }
    forms
});

/// The fields of a type of resource's ARN after the service, with variables such as `${Region}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArnForm {
    /// Empty when the resource has no region.
    pub region: &'static str,
    /// Empty when the ARN does not say the account.
    pub account: &'static str,
    /// The rest.
    pub resource: &'static str,
}

/// The forms of the ARNs that name this service; none when no service has such ARNs.
pub fn arn_forms(service: &str) -> &'static [ArnForm] {
    FORMS.get(service).map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_found_by_the_service_of_the_arn() {
        assert!(arn_forms("s3").iter().any(|form| form.region.is_empty()));
        assert!(arn_forms("iam").iter().all(|form| form.region.is_empty()));
        assert!(arn_forms("s33").is_empty());
    }
}
