//! `[quotas]` of the configuration file: `NAME = NUMBER` for every account, and
//! `[quotas.ACCOUNT-ID]` for one.

use iamd_directory::{QuotaTable, Quotas};
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

/// The quotas as the file has them, and what they mean.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(try_from = "Table", into = "Table")]
pub(crate) struct QuotaSettings {
    table: Table,
    pub(crate) quotas: QuotaTable,
}

impl From<QuotaSettings> for Table {
    fn from(settings: QuotaSettings) -> Self {
        settings.table
    }
}

impl TryFrom<Table> for QuotaSettings {
    type Error = String;

    fn try_from(table: Table) -> Result<Self, String> {
        let mut quotas = QuotaTable::default();
        let (accounts, default): (Vec<_>, Vec<_>) =
            table.iter().partition(|(_, value)| value.is_table());
        for (name, value) in default {
            set(&mut quotas.default, name, value)?;
        }
        for (account, values) in accounts {
            let id = account.parse().map_err(|_| format!("`{account}` is no account id"))?;
            let mut own = quotas.default;
            for (name, value) in values.as_table().into_iter().flatten() {
                set(&mut own, name, value)?;
            }
            quotas.accounts.insert(id, own);
        }
        Ok(Self { table, quotas })
    }
}

fn set(quotas: &mut Quotas, name: &str, value: &Value) -> Result<(), String> {
    let quota = quotas.named(name).ok_or_else(|| {
        format!("unknown quota `{name}`, expected one of {}", Quotas::NAMES.join(", "))
    })?;
    let number = value.as_integer().and_then(|number| u64::try_from(number).ok());
    *quota = number.ok_or_else(|| format!("the quota `{name}` must be a number from 0"))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn read(text: &str) -> Result<QuotaTable, String> {
        QuotaSettings::try_from(text.parse::<Table>().unwrap()).map(|settings| settings.quotas)
    }

    #[test]
    fn accounts_start_from_the_default() {
        let quotas = read("users = 7\n[111122223333]\nroles = 3").unwrap();
        let other = "444455556666".parse().unwrap();
        assert_eq!(quotas.of(other), Quotas { users: 7, ..Quotas::default() });
        let own = "111122223333".parse().unwrap();
        assert_eq!(quotas.of(own), Quotas { users: 7, roles: 3, ..Quotas::default() });
        assert_eq!(read("").unwrap(), QuotaTable::default());
    }

    fn check_refused(text: &str, expected: &Expect) {
        let error = read(text).unwrap_err();
        expected.assert_eq(error.split(", expected").next().unwrap());
    }

    #[test]
    fn what_is_no_quota_is_refused() {
        check_refused("user = 7", &expect!["unknown quota `user`"]);
        check_refused("users = -1", &expect!["the quota `users` must be a number from 0"]);
        check_refused("users = '7'", &expect!["the quota `users` must be a number from 0"]);
        check_refused("[12]\nusers = 7", &expect!["`12` is no account id"]);
        check_refused("[111122223333]\nx = 7", &expect!["unknown quota `x`"]);
    }
}
