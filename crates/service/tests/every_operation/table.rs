//! `operations.txt`, read.

/// The operations that refuse by rule, of IAM and of STS.
pub(crate) const REFUSED: [(&str, &str); 2] = [
    ("iam", include_str!("../../refusing/iam.txt")),
    ("sts", include_str!("../../refusing/sts.txt")),
];

const OPERATIONS: &str = include_str!("operations.txt");

/// A request, and everything it asks permission for.
#[derive(Clone)]
pub(crate) struct Row {
    /// The request, as a line of the testkit's.
    pub(crate) request: String,
    /// The error that answers the request even when it is allowed; empty when it succeeds.
    pub(crate) error: String,
    /// Whether that is so by a rule, for every request.
    pub(crate) refuses: bool,
    /// What it asks permission for, in its order.
    pub(crate) asks: Vec<Ask>,
}

/// One action on one resource.
#[derive(Clone)]
pub(crate) struct Ask {
    pub(crate) action: String,
    /// As messages name it: an ARN, `*`, or for ListPolicies words.
    pub(crate) resource: String,
    /// Condition keys with their values.
    pub(crate) keys: Vec<(String, String)>,
}

/// All rows, for an account and an access key of alice's.
pub(crate) fn rows(account: &str, key: &str) -> Vec<Row> {
    let text = fill(OPERATIONS, account, key);
    let mut rows: Vec<Row> = vec![];
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        match line.strip_prefix("  ") {
            Some(ask) => rows.last_mut().unwrap().asks.push(Ask::parse(ask, account)),
            None => rows.push(Row::parse(line)),
        }
    }
    rows
}

/// Puts what differs from account to account into a line.
pub(crate) fn fill(line: &str, account: &str, key: &str) -> String {
    let policy =
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#;
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":{{"AWS":"{account}"}},"Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]}}}}"#
    );
    line.replace("{EDGE}", "arn:aws:iam::{ACCOUNT}:policy/Edge")
        .replace("{READS}", "arn:aws:iam::{ACCOUNT}:policy/team/Reads")
        .replace("{SPARE}", "arn:aws:iam::{ACCOUNT}:policy/Spare")
        .replace("{SHARED}", "arn:aws:iam::{ACCOUNT}:role/app/shared")
        .replace("{KEY}", key)
        .replace("{METADATA}", &iamd_testkit::saml_metadata())
        .replace("{OIDC}", "arn:aws:iam::{ACCOUNT}:oidc-provider/login.example.com/team")
        .replace("{SAML}", "arn:aws:iam::{ACCOUNT}:saml-provider/staff")
        .replace("{THUMBPRINT}", &"0f".repeat(20))
        .replace("{ACCOUNT}", account)
        .replace("{POLICY}", policy)
        .replace("{TRUST}", &trust)
}

impl Row {
    fn parse(line: &str) -> Self {
        let refuses = line.starts_with('!');
        let (error, request) = match line.strip_prefix(['!', '?']) {
            Some(failing) => failing.split_once(' ').unwrap(),
            None => ("", line),
        };
        Self { request: request.to_owned(), error: error.to_owned(), refuses, asks: vec![] }
    }

    /// `iam` or `sts`, and the operation's name.
    pub(crate) fn operation(&self) -> (&str, &str) {
        let name = self.request.split(' ').next().unwrap();
        name.split_once(':').unwrap_or(("iam", name))
    }
}

impl Ask {
    fn parse(line: &str, account: &str) -> Self {
        let mut words = line.split(' ');
        let action = words.next().unwrap().to_owned();
        let resource = match words.next().unwrap() {
            "{POLICY_PATH}" => "policy path /".to_owned(),
            whole if whole == "*" || whole.starts_with("arn:") => whole.to_owned(),
            part => format!("arn:aws:iam::{account}:{part}"),
        };
        let pairs = words.map(|word| word.split_once('=').unwrap());
        let keys = pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        Self { action, resource, keys }
    }

    /// The resource as policies name it: where it is no ARN, only `*` covers it.
    pub(crate) fn granted(&self) -> &str {
        if self.resource.starts_with("arn:") { &self.resource } else { "*" }
    }

    /// Another resource of the same form, or any at all when the action has none.
    pub(crate) fn elsewhere(&self, account: &str) -> String {
        match self.granted() {
            "*" => format!("arn:aws:iam::{account}:user/elsewhere"),
            root if root.ends_with(":root") => "arn:aws:iam::000000000001:root".to_owned(),
            arn => format!("{arn}-elsewhere"),
        }
    }

    /// AWS's sentence, up to the reason.
    pub(crate) fn sentence(&self, account: &str) -> String {
        let resource = match self.resource.as_str() {
            "*" => String::new(),
            resource => format!(" on resource: {resource}"),
        };
        let action = &self.action;
        format!(
            "User: arn:aws:iam::{account}:user/probe is not authorized to perform: {action}{resource}"
        )
    }
}
