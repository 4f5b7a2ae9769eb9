//! What everybody may read about an account that issues tokens: its discovery document and its keys.

use iamd_types::{AccountId, Error};
use serde_json::{Value, json};

use crate::Service;

impl Service {
    /// The issuer of the tokens that an account signs.
    pub fn token_issuer(&self, account: AccountId) -> String {
        self.tools.token_issuer(account)
    }

    /// The document at this path under `/-/oidc/`, as JSON: `ACCOUNT/.well-known/openid-configuration` or
    /// `ACCOUNT/.well-known/jwks.json`. `None` when there is none, or no token of the account can be in use.
    ///
    /// # Errors
    /// When the account cannot be read.
    pub async fn issuer_document(&self, path: &str) -> Result<Option<String>, Error> {
        let Some((account, name)) = path.split_once('/') else { return Ok(None) };
        let Ok(id) = account.parse::<AccountId>() else { return Ok(None) };
        let Some(account) = self.tools.directory.account(id).await? else { return Ok(None) };
        let now = self.clock.now();
        let keys: Vec<Value> = account
            .token_keys()
            .filter(|key| key.is_shown(now))
            .filter_map(|key| serde_json::from_str(key.public()).ok())
            .collect();
        if keys.is_empty() {
            return Ok(None);
        }
        let issuer = self.tools.token_issuer(id);
        let document = match name {
            ".well-known/openid-configuration" => json!({
                "issuer": issuer,
                "jwks_uri": format!("{issuer}/.well-known/jwks.json"),
                "response_types_supported": ["id_token"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256", "ES384"],
                "claims_supported": ["iss", "aud", "sub", "iat", "exp", "jti"],
            }),
            ".well-known/jwks.json" => json!({"keys": keys}),
            _ => return Ok(None),
        };
        Ok(Some(document.to_string()))
    }
}
