//! Accounts and their root credentials: made by whoever runs the server, not through the API.

use iamd_credentials::{generate, password};
use iamd_directory::{AccessKey, AccessKeyFields, AccountFields, Origin, Route, Transaction};
use iamd_types::{AccessKeyId, AccountId, Code, Entropy, Error, Secret, Timestamp, entropy};
use serde_json::json;

use crate::Service;

/// An account to be made.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// Its id; drawn when `None`.
    pub id: Option<AccountId>,
    /// The display name.
    pub name: String,
    /// The root user's e-mail address.
    pub email: String,
    /// The root user's access key; drawn when `None`.
    pub root_key: Option<RootKey>,
}

/// An access key with its secret.
#[derive(Debug, Clone)]
pub struct RootKey {
    /// The key id.
    pub id: AccessKeyId,
    /// The secret.
    pub secret: Secret<String>,
}

/// What the root user of a new account signs in with. Told once.
#[derive(Debug, Clone)]
pub struct RootCredentials {
    /// The account.
    pub account: AccountId,
    /// The display name.
    pub name: String,
    /// The root user's e-mail address.
    pub email: String,
    /// The root user's password.
    pub password: Secret<String>,
    /// The root user's access key.
    pub key: RootKey,
}

/// An account as listings show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountSummary {
    /// The id.
    pub id: AccountId,
    /// The display name.
    pub name: String,
    /// The root user's e-mail address.
    pub email: String,
    /// The alias, if there is one.
    pub alias: Option<String>,
    /// When it was made.
    pub created: Timestamp,
}

impl Service {
    /// Draws the credentials of an account that is not there yet. Whoever must not lose them writes
    /// them down before [`Service::create_account`].
    pub fn draw_account(&self, new: NewAccount) -> RootCredentials {
        let entropy = &*self.tools.entropy;
        let account = new.id.unwrap_or_else(|| self.free_account_id(entropy));
        RootCredentials {
            account,
            name: new.name,
            email: new.email,
            password: generate::root_password(entropy),
            key: new.root_key.unwrap_or_else(|| draw_key(account, entropy)),
        }
    }

    fn free_account_id(&self, entropy: &dyn Entropy) -> AccountId {
        let taken = self.tools.directory.accounts();
        loop {
            let id = AccountId::from_random(entropy::random(entropy));
            if !taken.contains(&id) {
                return id;
            }
        }
    }

    /// Makes the account with these root credentials.
    ///
    /// # Errors
    /// `EntityAlreadyExists` when the account, the key id or the e-mail address is there already.
    pub async fn create_account(&self, credentials: &RootCredentials) -> Result<(), Error> {
        self.ensure_log_works()?;
        let _turn = self.making.lock().await;
        let account = credentials.account;
        self.route_email(account, &credentials.email).await?;
        self.route_key(account, &credentials.key.id).await?;
        let (entropy, secret) =
            (std::sync::Arc::clone(&self.tools.entropy), credentials.password.clone());
        let hashed = tokio::task::spawn_blocking(move || password::hash(&secret, &*entropy));
        let root_password = hashed.await.map_err(Error::internal)?;
        let key = self.sealed(account, &credentials.key);
        let (name, email) = (credentials.name.clone(), credentials.email.clone());
        let origin = self.origin();
        let told = json!({ "accountId": account.to_string(), "accessKeyId": key.id });
        let recorded = self.operator_record(account, "CreateAccount", origin.now, told);
        let work = move |tx: &mut Transaction| {
            let created = tx.now();
            tx.put_account(&AccountFields {
                name: name.clone(),
                email: email.clone(),
                created,
                root_password: root_password.clone(),
                access_keys: vec![key.id.clone()],
                alias: None,
                token_version: None,
                properties: Vec::new(),
                deletion_tasks: Vec::new(),
            });
            tx.put_access_key(&AccessKeyFields { created, ..key.clone() });
            recorded.put(tx);
            Ok(())
        };
        self.tools.directory.create_account(account, origin, work).await
    }

    /// Takes all access keys from the root user and gives it a new one.
    ///
    /// # Errors
    /// `NoSuchEntity` when there is no such account.
    pub async fn reset_root_key(&self, account: AccountId) -> Result<RootKey, Error> {
        self.ensure_account(account).await?;
        self.ensure_log_works()?;
        let drawn = draw_key(account, &*self.tools.entropy);
        let key = self.sealed(account, &drawn);
        let origin = self.origin();
        let told = json!({ "accountId": account.to_string(), "accessKeyId": key.id });
        let recorded = self.operator_record(account, "ResetRootAccessKey", origin.now, told);
        let work = move |tx: &mut Transaction| {
            let Some(record) = tx.record() else { return Ok(()) };
            let mut fields = record.fields();
            let old: Vec<AccessKey> =
                fields.access_keys.iter().filter_map(|id| tx.access_key(id)).cloned().collect();
            old.iter().for_each(|key| tx.remove_access_key(key));
            fields.access_keys = vec![key.id.clone()];
            tx.put_account(&fields);
            let created = tx.now();
            tx.put_access_key(&AccessKeyFields { created, ..key.clone() });
            recorded.put(tx);
            Ok(())
        };
        self.tools.directory.write(account, origin, work).await?;
        Ok(drawn)
    }

    /// All accounts, by id.
    pub async fn list_accounts(&self) -> Result<Vec<AccountSummary>, Error> {
        let mut ids = self.tools.directory.accounts();
        ids.sort_unstable();
        let mut summaries = Vec::with_capacity(ids.len());
        for id in ids {
            let Some(account) = self.tools.directory.account(id).await? else { continue };
            let Some(record) = account.record() else { continue };
            summaries.push(AccountSummary {
                id,
                name: record.name().to_owned(),
                email: record.email().to_owned(),
                alias: record.alias().map(str::to_owned),
                created: record.created(),
            });
        }
        Ok(summaries)
    }

    pub(crate) async fn ensure_account(&self, account: AccountId) -> Result<(), Error> {
        if self.tools.directory.account(account).await?.is_some() {
            return Ok(());
        }
        let message = format!("There is no account {account} on this server.");
        Err(Error::new(Code::NoSuchEntity, message))
    }

    /// A key id that does not tell its account is registered, so that it is found.
    async fn route_key(&self, account: AccountId, id: &AccessKeyId) -> Result<(), Error> {
        if id.account() == Some(account) {
            return Ok(());
        }
        let is_taken = |_| true;
        let directory = &self.tools.directory;
        if directory.register(Route::AccessKey, id.as_str(), account, is_taken).await? {
            return Ok(());
        }
        let message = format!("The access key id {id} belongs to another account.");
        Err(Error::new(Code::EntityAlreadyExists, message))
    }

    /// An e-mail address leads to one account. A registration that the account's own record never confirmed
    /// can be taken over.
    async fn route_email(&self, account: AccountId, email: &str) -> Result<(), Error> {
        let email = email.to_lowercase();
        let directory = &self.tools.directory;
        if let Some(owner) = directory.routing().find(Route::Email, &email) {
            // So that its record can be asked below.
            directory.account(owner).await?;
        }
        let is_taken = |owner| {
            let account = directory.loaded(owner);
            let record = account.as_ref().and_then(|account| account.record());
            record.is_some_and(|record| record.email().to_lowercase() == email)
        };
        if directory.register(Route::Email, &email, account, is_taken).await? {
            return Ok(());
        }
        let message = format!("The e-mail address {email} belongs to another account's root user.");
        Err(Error::new(Code::EntityAlreadyExists, message))
    }

    fn sealed(&self, account: AccountId, key: &RootKey) -> AccessKeyFields {
        let context = AccessKey::seal_context(account, key.id.as_str());
        let secret = key.secret.expose().as_bytes();
        AccessKeyFields {
            id: key.id.to_string(),
            user: None,
            created: self.clock.now().whole_seconds(),
            active: true,
            sealed_secret: self.tools.keyring.seal(&context, secret, &*self.tools.entropy),
        }
    }

    pub(crate) fn origin(&self) -> Origin {
        Origin { now: self.clock.now(), seed: entropy::random(&*self.tools.entropy) }
    }
}

fn draw_key(account: AccountId, entropy: &dyn Entropy) -> RootKey {
    RootKey {
        id: AccessKeyId::long_term(account, entropy::random(entropy)),
        secret: generate::secret_access_key(entropy),
    }
}
