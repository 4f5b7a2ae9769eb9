//! Names of the models as Rust names.

/// The words of a name: `SAMLProviderArn` is `saml`, `provider`, `arn`.
fn words(name: &str) -> Vec<String> {
    let chars: Vec<char> = name.chars().collect();
    let mut words = vec![String::new()];
    for (at, &char) in chars.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| chars.get(at));
        let after = chars.get(at + 1);
        let starts = char.is_uppercase()
            && (before.is_some_and(|before| !before.is_uppercase())
                || after.is_some_and(|after| after.is_lowercase()));
        if (starts || !char.is_alphanumeric()) && words.last().is_some_and(|word| !word.is_empty())
        {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| char.is_alphanumeric()) {
            word.extend(char.to_lowercase());
        }
    }
    words
}

/// A type or variant: `statusType` is `StatusType`, `aws-managed` is `AwsManaged`. Acronyms of type
/// names are kept as they are (`SAMLProviderListEntry`).
pub(crate) fn type_name(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// A variant: `SERVICE_LEVEL` is `ServiceLevel`.
pub(crate) fn variant(name: &str) -> String {
    words(name).iter().map(|word| type_name(word)).collect()
}

/// A field: `ClientIDList` is `client_id_list`.
pub(crate) fn field(name: &str) -> String {
    let name = words(&acronyms_apart(name)).join("_");
    match name.as_str() {
        "type" => format!("r#{name}"),
        _ => name,
    }
}

/// A static: `userNameType` is `USER_NAME_TYPE`.
pub(crate) fn constant(name: &str) -> String {
    words(&acronyms_apart(name)).join("_").to_uppercase()
}

/// Plural and mixed acronyms hide where words end.
fn acronyms_apart(name: &str) -> String {
    name.replace("OpenIDConnect", "OpenIdConnect").replace("IDs", "Ids")
}

#[cfg(test)]
mod tests {
    use super::{constant, field, type_name, variant};

    #[test]
    fn fields() {
        for (name, expected) in [
            ("UserName", "user_name"),
            ("ClientIDList", "client_id_list"),
            ("SAMLProviderArn", "saml_provider_arn"),
            ("QRCodePNG", "qr_code_png"),
            ("OpenIDConnectProviderArn", "open_id_connect_provider_arn"),
            ("Base32StringSeed", "base32_string_seed"),
            ("AuthenticationCode1", "authentication_code1"),
            ("Type", "r#type"),
        ] {
            assert_eq!(field(name), expected);
        }
    }

    #[test]
    fn variants_and_types() {
        assert_eq!(variant("SERVICE_LEVEL"), "ServiceLevel");
        assert_eq!(variant("aws-managed"), "AwsManaged");
        assert_eq!(variant("AWSManagedPolicy"), "AwsManagedPolicy");
        assert_eq!(variant("text/csv"), "TextCsv");
        assert_eq!(variant("v1Token"), "V1Token");
        assert_eq!(type_name("statusType"), "StatusType");
        assert_eq!(constant("SAMLProviderNameType"), "SAML_PROVIDER_NAME_TYPE");
    }
}
