//! The protected APIs: which one a host and path belong to, and what policies call it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use iamd_policy::{Document, PolicyType, check};
use iamd_types::AccountId;
use serde_json::Value;

use crate::settings::{self, Body, Files, GuardSettings, SettingsError};

/// Services whose signed requests are iamd's own to answer: a request for one of them never counts elsewhere.
const OWN_SERVICES: [&str; 6] = ["iam", "sts", "s3", "access-analyzer", "signin", "iamd"];

/// A protected API.
pub(crate) struct Api {
    pub(crate) id: String,
    pub(crate) account: AccountId,
    pub(crate) region: String,
    pub(crate) service: String,
    pub(crate) policy: Option<Document>,
    pub(crate) body: Body,
    stage: String,
    /// Without a slash at its end.
    prefix: String,
}

/// All of them.
#[derive(Default)]
pub(crate) struct Apis {
    /// By host in lower case; those with longer prefixes first.
    by_host: HashMap<String, Vec<Arc<Api>>>,
}

impl Apis {
    pub(crate) fn read(settings: &GuardSettings, files: &dyn Files) -> Result<Self, SettingsError> {
        let mut by_host: HashMap<String, Vec<Arc<Api>>> = HashMap::new();
        for api in &settings.apis {
            let wrong = |reason: String| SettingsError::Api { id: api.id.clone(), reason };
            let read = Arc::new(read(api, files).map_err(wrong)?);
            // An ARN leads to one policy, whatever host it was made from.
            let mut others = by_host.values().flatten();
            if others.any(|other| other.is_same_stage(&read)) {
                return Err(wrong(format!(
                    "has the stage `{}` twice: give it all its hosts",
                    api.stage
                )));
            }
            for host in &api.hosts {
                let host = host.to_ascii_lowercase();
                let under = by_host.entry(host.clone()).or_default();
                if under.iter().any(|other| other.prefix == read.prefix) {
                    return Err(wrong(format!("has the host `{host}` and path of another")));
                }
                under.push(Arc::clone(&read));
                under.sort_by_key(|api| std::cmp::Reverse(api.prefix.len()));
            }
        }
        Ok(Self { by_host })
    }

    /// The API that a request belongs to, if it is among those that the asker protects.
    pub(crate) fn find(
        &self,
        host: &str,
        plain_path: &str,
        protected: Option<&HashSet<String>>,
    ) -> Option<&Arc<Api>> {
        let api = self
            .by_host
            .get(&host.to_ascii_lowercase())?
            .iter()
            .find(|api| api.rest(plain_path).is_some())?;
        // The one with the longest prefix or none: another's policy does not speak for it.
        protected.is_none_or(|ids| ids.contains(&api.id)).then_some(api)
    }

    /// The API and stage that an ARN of `execute-api` is of.
    pub(crate) fn by_arn(&self, arn: &str) -> Option<&Api> {
        if !arn.starts_with("arn:aws:execute-api:") {
            return None;
        }
        let all = self.by_host.values().flatten();
        all.map(|api| &**api).find(|api| {
            let Api { id, account, region, stage, .. } = api;
            let start = format!("arn:aws:execute-api:{region}:{account}:{id}/{stage}/");
            arn.starts_with(&start)
        })
    }

    /// How many there are, each host of each counted.
    pub(crate) fn len(&self) -> usize {
        self.by_host.values().map(Vec::len).sum()
    }
}

impl Api {
    /// What of the path comes after the prefix, without its first slash.
    fn rest<'p>(&self, plain_path: &'p str) -> Option<&'p str> {
        let rest = plain_path.strip_prefix(&self.prefix)?;
        if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
    }

    fn is_same_stage(&self, other: &Self) -> bool {
        let place =
            |api: &Self| (api.id.clone(), api.account, api.region.clone(), api.stage.clone());
        place(self) == place(other)
    }

    /// `arn:aws:execute-api:REGION:ACCOUNT:API/STAGE/METHOD/PATH` (API Gateway Developer Guide, "Control access for
    /// invoking an API").
    pub(crate) fn arn(&self, method: &str, plain_path: &str) -> String {
        let Self { id, account, region, stage, .. } = self;
        let rest = self.rest(plain_path).unwrap_or_default();
        format!("arn:aws:execute-api:{region}:{account}:{id}/{stage}/{method}/{rest}")
    }
}

fn read(api: &settings::Api, files: &dyn Files) -> Result<Api, String> {
    let name = |text: &str, also: &[u8]| {
        (1..=128).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || also.contains(&byte))
    };
    if !name(&api.id, b"-") {
        return Err("must have an id of letters, digits and `-`".to_owned());
    }
    if !name(&api.stage, b"-_$") {
        return Err("must have a stage of letters, digits, `-`, `_` and `$`".to_owned());
    }
    if !name(&api.region, b"-") || !name(&api.service, b"-") {
        return Err("must have a region and a service of letters, digits and `-`".to_owned());
    }
    if OWN_SERVICES.contains(&api.service.as_str()) {
        return Err(format!("cannot have requests signed for `{}`, a service here", api.service));
    }
    if api.hosts.is_empty() {
        return Err("has no `hosts`".to_owned());
    }
    for host in &api.hosts {
        if !name(host, b"-_.:[]") {
            return Err(format!("has the host `{host}`: expected HOST or HOST:PORT"));
        }
    }
    let prefix = crate::target::plain_path(&api.path)
        .ok()
        .filter(|plain| *plain == api.path)
        .ok_or_else(|| format!("has the path `{}`: expected plain segments", api.path))?;
    let policy = match &api.policy_file {
        None => None,
        Some(file) => {
            let text = files.text(file)?;
            let refused = |reason| format!("has a resource policy that is refused: {reason}");
            Some(policy(&text, api).map_err(refused)?)
        }
    };
    Ok(Api {
        id: api.id.clone(),
        account: api.account,
        region: api.region.clone(),
        service: api.service.clone(),
        policy,
        body: api.body,
        stage: api.stage.clone(),
        prefix: prefix.strip_suffix('/').unwrap_or(&prefix).to_owned(),
    })
}

/// Checks a resource policy as it would be on creation, and writes out its short resources.
fn policy(text: &str, api: &settings::Api) -> Result<Document, String> {
    // First as it was written: the strict reader refuses members that are there twice.
    Document::parse(text).map_err(|error| error.to_string())?;
    let mut value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let statements = match value.get_mut("Statement") {
        Some(Value::Array(statements)) => statements.iter_mut().collect(),
        Some(one) => vec![one],
        None => Vec::new(),
    };
    for statement in statements {
        for element in ["Resource", "NotResource"] {
            match statement.get_mut(element) {
                Some(Value::Array(resources)) => {
                    resources.iter_mut().for_each(|it| write_out(it, api));
                }
                Some(one) => write_out(one, api),
                None => {}
            }
        }
    }
    check(&value.to_string(), PolicyType::Resource, false).map_err(|refusal| refusal.message)
}

/// `execute-api:/STAGE/METHOD/PATH` is short for the ARN of the API that has the policy (API Gateway Developer Guide,
/// "Resource policy examples").
fn write_out(resource: &mut Value, api: &settings::Api) {
    let short = resource.as_str().and_then(|text| text.strip_prefix("execute-api:/"));
    if let Some(rest) = short {
        let settings::Api { id, account, region, .. } = api;
        *resource = format!("arn:aws:execute-api:{region}:{account}:{id}/{rest}").into();
    }
}
