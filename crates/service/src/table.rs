//! All services and their operations: the models' tables joined with what is built.

use std::collections::HashMap;

use iamd_operation::Entry;
use iamd_types::{Code, Error};

/// A service that requests can be for.
pub(crate) struct Served {
    pub(crate) api: &'static iamd_api::Service,
    entries: HashMap<&'static str, Entry>,
}

/// All services.
pub struct Table {
    served: [Served; 3],
}

impl Table {
    /// The table of everything that this build can do.
    pub fn new() -> Self {
        let served = |api, tables: &[&[Entry]]| Served {
            api,
            entries: tables.iter().copied().flatten().map(|entry| (entry.name, *entry)).collect(),
        };
        Self {
            served: [
                served(&iamd_api::iam::SERVICE, iamd_iam::OPERATIONS),
                served(&iamd_api::sts::SERVICE, iamd_sts::OPERATIONS),
                served(&iamd_api::accessanalyzer::SERVICE, iamd_analyzer::OPERATIONS),
            ],
        }
    }

    /// The service of this signing name.
    pub(crate) fn service(&self, name: &str) -> Option<&Served> {
        self.served.iter().find(|served| served.api.name == name)
    }

    /// The service that is asked by this method and path.
    pub(crate) fn service_of_route(&self, method: &str, path: &str) -> Option<&Served> {
        self.served.iter().find(|served| served.api.route(method, path).is_some())
    }

    /// The service whose API has this version; IAM when there is none, as AWS's global endpoint.
    pub(crate) fn service_of_version(&self, version: Option<&str>) -> &Served {
        let [iam, ..] = &self.served;
        let known = self.served.iter().find(|served| Some(served.api.api_version) == version);
        known.unwrap_or(iam)
    }

    /// The service's and operation's names of everything that is built.
    pub fn built(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.served
            .iter()
            .flat_map(|served| served.entries.keys().map(|name| (served.api.name, *name)))
    }
}

impl Default for Table {
    fn default() -> Self {
        Self::new()
    }
}

impl Served {
    /// The operation of the model.
    ///
    /// # Errors
    /// `NoSuchVersion`, `MissingAction`, `InvalidAction` as AWS's query front ends answer.
    pub(crate) fn operation(
        &self,
        action: Option<&str>,
        version: Option<&str>,
    ) -> Result<&'static iamd_api::Operation, Error> {
        let action = action
            .filter(|action| !action.is_empty())
            .ok_or_else(|| Error::new(Code::MissingAction, "Missing Action"))?;
        let known = version.is_none_or(|version| version == self.api.api_version);
        if !known {
            return Err(Error::new(Code::NoSuchVersion, "Could not find version"));
        }
        self.api.operation(action).ok_or_else(|| {
            let message = format!(
                "Could not find operation {action} for version {}",
                version.unwrap_or("NO_VERSION_SPECIFIED")
            );
            Error::new(Code::InvalidAction, message)
        })
    }

    /// What runs an operation.
    ///
    /// # Errors
    /// `NotImplemented` for an operation of the model that is not built.
    pub(crate) fn entry(&self, operation: &iamd_api::Operation) -> Result<Entry, Error> {
        self.entries.get(operation.name).copied().ok_or_else(|| {
            let message = format!("{} is not available on this server.", operation.name);
            Error::new(Code::NotImplemented, message)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the model has and this build has not, as the checked-in lists say.
    #[test]
    fn built_and_unimplemented_make_up_the_model() {
        let table = Table::new();
        let lists = [
            ("iam", include_str!("../unimplemented/iam.txt")),
            ("sts", include_str!("../unimplemented/sts.txt")),
        ];
        for (name, list) in lists {
            let served = table.service(name).unwrap();
            let model = served.api.operations.iter().map(|operation| operation.name);
            let missing: Vec<_> =
                model.clone().filter(|name| !served.entries.contains_key(name)).collect();
            let listed: Vec<_> = list.lines().collect();
            assert_eq!(missing, listed, "unimplemented/{name}.txt");
            let foreign = served.entries.keys().find(|name| served.api.operation(name).is_none());
            assert_eq!(foreign, None);
        }
    }

    /// What refuses by rule is built: it checks its input and the caller before it refuses.
    #[test]
    fn what_refuses_by_rule_is_built_and_names_its_rule() {
        let table = Table::new();
        let lists = [
            ("iam", include_str!("../refusing/iam.txt")),
            ("sts", include_str!("../refusing/sts.txt")),
        ];
        for (name, list) in lists {
            let served = table.service(name).unwrap();
            for line in list.lines() {
                let (operation, rule) = line.split_once(": ").unwrap();
                assert!(served.entries.contains_key(operation), "refusing/{name}.txt: {operation}");
                assert!(!rule.is_empty(), "refusing/{name}.txt: {operation}");
            }
        }
    }

    #[test]
    fn no_operation_is_in_two_tables() {
        for (tables, name) in [
            (iamd_iam::OPERATIONS, "iam"),
            (iamd_sts::OPERATIONS, "sts"),
            (iamd_analyzer::OPERATIONS, "access-analyzer"),
        ] {
            let entries = tables.iter().copied().flatten().count();
            assert_eq!(Table::new().service(name).unwrap().entries.len(), entries, "{name}");
        }
    }
}
