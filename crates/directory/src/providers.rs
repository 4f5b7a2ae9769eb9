//! Identity providers that an account trusts, and the account as an identity provider itself.
//!
//! These records are found by what they are called, so they have no unique id: an OIDC provider by its
//! URL, a SAML provider by its name, a token key by its key id.

use iamd_types::{AccountId, Code, Error, Tag, Timestamp};
use imbl::OrdMap;

use crate::account::Account;
use crate::keys;
use crate::packed::{Unreadable, record};
use crate::transaction::Transaction;

record! {
    /// An OpenID Connect provider.
    OidcProvider of OidcProviderFields {
        /// The issuer's URL without `https://`, exactly as it was registered.
        url: String,
        /// When it was registered, whole seconds.
        created: Timestamp,
        /// The audiences that tokens may be for.
        client_ids: Vec<String>,
        /// SHA-1 of certificates that the provider's TLS chain may end in, 40 hexadecimal digits each.
        thumbprints: Vec<String>,
        /// The tags, in order of first assignment.
        tags: Vec<Tag>,
    }
}

record! {
    /// A SAML provider.
    SamlProvider of SamlProviderFields {
        /// The name, as spelled when it was made.
        name: String,
        /// `SAMLProviderUUID`.
        uuid: String,
        /// When it was made, whole seconds.
        created: Timestamp,
        /// Until when it may be used, as its metadata said when they were given.
        valid_until: Timestamp,
        /// The metadata document as it was sent.
        metadata: String,
        /// The tags, in order of first assignment.
        tags: Vec<Tag>,
        /// `Required` or `Allowed`; `None` when nothing was said.
        encryption_mode: Option<String>,
        /// For each private key its id, when it was added in seconds, and the key sealed under
        /// [`SamlProvider::seal_context`] in base64, with blanks between them.
        private_keys: Vec<String>,
    }
}

record! {
    /// The account as an issuer of tokens.
    TokenIssuer of TokenIssuerFields {
        /// When it first became one, whole seconds.
        created: Timestamp,
        /// Whether it issues tokens now.
        enabled: bool,
    }
}

record! {
    /// A key that tokens of this account are signed with.
    TokenKey of TokenKeyFields {
        /// `kid`.
        id: String,
        /// `alg`.
        algorithm: String,
        /// When it was made, whole seconds.
        created: Timestamp,
        /// When it signed its last token; `None` while it is in use.
        retired: Option<Timestamp>,
        /// The public key as a JSON Web Key.
        public: String,
        /// The private key (PKCS #8), sealed under the keyring with [`TokenKey::seal_context`].
        sealed: Vec<u8>,
    }
}

impl SamlProvider {
    /// What a sealed private key is bound to.
    pub fn seal_context(account: AccountId, key: &str) -> Vec<u8> {
        format!("saml-private-key/{account}/{key}").into_bytes()
    }
}

impl TokenKey {
    /// How long a key is shown after its last token, in seconds: twice as long as a token lasts.
    pub const SHOWN_SECONDS: i64 = 7200;

    /// Whether tokens that the key signed may still be in use.
    pub fn is_shown(&self, now: Timestamp) -> bool {
        self.retired().is_none_or(|last| now < last.plus_seconds(Self::SHOWN_SECONDS))
    }

    /// What the sealed private key is bound to.
    pub fn seal_context(account: AccountId, id: &str) -> Vec<u8> {
        format!("token-key/{account}/{id}").into_bytes()
    }
}

/// All of them in one account.
#[derive(Clone, Default)]
pub(crate) struct Providers {
    oidc: OrdMap<Box<str>, OidcProvider>,
    /// By the name in lower case.
    saml: OrdMap<Box<str>, SamlProvider>,
    issuer: Option<TokenIssuer>,
    keys: OrdMap<Box<str>, TokenKey>,
}

impl Providers {
    /// The letters that their store keys begin with.
    pub(crate) const LETTERS: &[u8] = b"bjos";

    pub(crate) fn read(&mut self, letter: u8, value: &[u8]) -> Result<(), Unreadable> {
        match letter {
            b'o' => self.put_oidc(OidcProvider::read(value)?),
            b's' => self.put_saml(SamlProvider::read(value)?),
            b'j' => self.issuer = Some(TokenIssuer::read(value)?),
            _ => self.put_key(TokenKey::read(value)?),
        }
        Ok(())
    }

    fn put_oidc(&mut self, provider: OidcProvider) {
        self.oidc.insert(provider.url().into(), provider);
    }

    fn put_saml(&mut self, provider: SamlProvider) {
        self.saml.insert(provider.name().to_ascii_lowercase().into(), provider);
    }

    fn put_key(&mut self, key: TokenKey) {
        self.keys.insert(key.id().into(), key);
    }
}

impl Account {
    /// The OIDC providers, by URL.
    pub fn oidc_providers(&self) -> impl ExactSizeIterator<Item = &OidcProvider> {
        self.providers.oidc.values()
    }

    /// The OIDC provider whose URL without `https://` is exactly this.
    pub fn oidc_provider_of(&self, url: &str) -> Option<&OidcProvider> {
        self.providers.oidc.get(url)
    }

    /// The OIDC provider with this ARN, or `NoSuchEntity`.
    pub fn oidc_provider(&self, arn: &str) -> Result<&OidcProvider, Error> {
        let url = arn.strip_prefix(&*self.arn("oidc-provider", "/", ""));
        url.and_then(|url| self.oidc_provider_of(url)).ok_or_else(|| {
            let message = format!("OpenIDConnect Provider not found for arn {arn}");
            Error::new(Code::NoSuchEntity, message)
        })
    }

    /// `arn:aws:iam::ACCOUNT:oidc-provider/URL`
    pub fn oidc_provider_arn(&self, provider: &OidcProvider) -> String {
        self.arn("oidc-provider", "/", provider.url())
    }

    /// The SAML providers, by name.
    pub fn saml_providers(&self) -> impl ExactSizeIterator<Item = &SamlProvider> {
        self.providers.saml.values()
    }

    /// The SAML provider of this name, in any case.
    pub fn saml_provider_named(&self, name: &str) -> Option<&SamlProvider> {
        self.providers.saml.get(&*name.to_ascii_lowercase())
    }

    /// The SAML provider with this ARN, or `NoSuchEntity`.
    pub fn saml_provider(&self, arn: &str) -> Result<&SamlProvider, Error> {
        let name = arn.strip_prefix(&*self.arn("saml-provider", "/", ""));
        let found = name.and_then(|name| self.saml_provider_named(name));
        found.filter(|provider| self.saml_provider_arn(provider) == arn).ok_or_else(|| {
            Error::new(Code::NoSuchEntity, format!("Manifest not found for arn {arn}"))
        })
    }

    /// `arn:aws:iam::ACCOUNT:saml-provider/NAME`
    pub fn saml_provider_arn(&self, provider: &SamlProvider) -> String {
        self.arn("saml-provider", "/", provider.name())
    }

    /// The account as an issuer of tokens; `None` when it never was one.
    pub fn token_issuer(&self) -> Option<&TokenIssuer> {
        self.providers.issuer.as_ref()
    }

    /// The keys that tokens are or were signed with, by id.
    pub fn token_keys(&self) -> impl Iterator<Item = &TokenKey> {
        self.providers.keys.values()
    }
}

impl Transaction {
    /// Puts an OIDC provider in the place of the one with its URL.
    pub fn put_oidc_provider(&mut self, fields: &OidcProviderFields) -> OidcProvider {
        let provider = fields.pack();
        let old = self.oidc_provider_of(provider.url()).map(|old| old.bytes().len());
        self.put(keys::called(b'o', provider.url()), provider.bytes(), old);
        self.account.providers.put_oidc(provider.clone());
        provider
    }

    /// Removes an OIDC provider.
    pub fn remove_oidc_provider(&mut self, provider: &OidcProvider) {
        self.delete(keys::called(b'o', provider.url()), provider.bytes());
        self.account.providers.oidc.remove(provider.url());
    }

    /// Puts a SAML provider in the place of the one with its name.
    pub fn put_saml_provider(&mut self, fields: &SamlProviderFields) -> SamlProvider {
        let provider = fields.pack();
        let name = provider.name().to_ascii_lowercase();
        let old = self.saml_provider_named(&name).map(|old| old.bytes().len());
        self.put(keys::called(b's', &name), provider.bytes(), old);
        self.account.providers.put_saml(provider.clone());
        provider
    }

    /// Removes a SAML provider.
    pub fn remove_saml_provider(&mut self, provider: &SamlProvider) {
        let name = provider.name().to_ascii_lowercase();
        self.delete(keys::called(b's', &name), provider.bytes());
        self.account.providers.saml.remove(&*name);
    }

    /// Says whether the account issues tokens.
    pub fn put_token_issuer(&mut self, fields: &TokenIssuerFields) {
        let issuer = fields.pack();
        let old = self.token_issuer().map(|old| old.bytes().len());
        self.put(keys::called(b'j', ""), issuer.bytes(), old);
        self.account.providers.issuer = Some(issuer);
    }

    /// Puts a token key in the place of the one with its id.
    pub fn put_token_key(&mut self, fields: &TokenKeyFields) {
        let key = fields.pack();
        let old = self.account.providers.keys.get(key.id()).map(|old| old.bytes().len());
        self.put(keys::called(b'b', key.id()), key.bytes(), old);
        self.account.providers.put_key(key);
    }

    /// Removes a token key.
    pub fn remove_token_key(&mut self, key: &TokenKey) {
        self.delete(keys::called(b'b', key.id()), key.bytes());
        self.account.providers.keys.remove(key.id());
    }
}
