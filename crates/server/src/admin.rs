//! The channel of the machine's operator: JSON over HTTP on a Unix socket in the data directory.
//!
//! Whoever may open the socket (this server's user and root) may already read and replace every
//! file of the server, so the socket gives nothing away; it is how a running server is told.

use std::sync::Arc;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use iamd_gateway::{Handler, Refusal, Request, Response};
use iamd_service::{NewAccount, RootKey, Service};
use iamd_types::{AccountId, Error, Secret};
use serde::{Deserialize, Serialize};

use crate::settings::{Email, Text};

/// The socket's name in the data directory.
pub(crate) const SOCKET: &str = "admin.sock";

/// Asks for a new account.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateAccount {
    pub(crate) id: Option<Text<AccountId>>,
    pub(crate) name: String,
    pub(crate) email: Text<Email>,
}

/// Asks for a new root key.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResetRootKey {
    pub(crate) account: Text<AccountId>,
}

/// Tells the seed of a hardware device.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddHardwareToken {
    pub(crate) account: Text<AccountId>,
    pub(crate) serial: String,
    /// In base32.
    pub(crate) seed: Secret<String>,
}

/// Asks that a hardware device be forgotten.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RemoveHardwareToken {
    pub(crate) account: Text<AccountId>,
    pub(crate) serial: String,
}

/// The answer of both that draw keys: what is shown once. The password only of a new account.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct RootUser {
    pub(crate) endpoint: String,
    pub(crate) account: Text<AccountId>,
    pub(crate) email: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
}

/// An account in the answer of the list.
#[derive(Serialize, Deserialize)]
pub(crate) struct AccountLine {
    pub(crate) account: Text<AccountId>,
    pub(crate) name: String,
    pub(crate) email: String,
}

/// The error answer.
#[derive(Serialize, Deserialize)]
pub(crate) struct Problem {
    pub(crate) message: String,
}

/// The longest account name (Organizations: CreateAccount, `AccountName`).
const MAX_NAME: usize = 50;

/// Answers the channel.
pub(crate) struct Admin {
    pub(crate) service: Arc<Service>,
    pub(crate) endpoint: String,
}

impl Handler for Admin {
    type Mark = ();

    async fn handle(&self, request: Request) -> Response {
        let answer = match (&request.method, request.target.path()) {
            (&Method::POST, "/account/create") => self.create(&request.body).await,
            (&Method::GET, "/account/list") => self.list().await,
            (&Method::POST, "/account/reset-root-key") => self.reset(&request.body).await,
            (&Method::POST, "/account/add-hardware-token") => self.add_token(&request.body).await,
            (&Method::POST, "/account/remove-hardware-token") => {
                self.remove_token(&request.body).await
            }
            _ => Err(Refused(StatusCode::NOT_FOUND, "there is no such command".to_owned())),
        };
        answer.unwrap_or_else(|Refused(status, message)| respond(status, &Problem { message }))
    }

    fn refuse(&self, refusal: Refusal, (): ()) -> Response {
        respond(StatusCode::BAD_REQUEST, &Problem { message: refusal.to_string() })
    }
}

struct Refused(StatusCode, String);

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        if let Some(source) = error.internal_source() {
            tracing::error!(%source, "an account command failed");
        }
        let status = StatusCode::from_u16(error.code().http_status());
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self(status, error.message().to_owned())
    }
}

impl Admin {
    async fn create(&self, body: &Bytes) -> Result<Response, Refused> {
        let CreateAccount { id, name, email } = parse(body)?;
        if name.trim().is_empty() || name.chars().count() > MAX_NAME {
            let message = format!("an account's name has 1 to {MAX_NAME} characters");
            return Err(Refused(StatusCode::BAD_REQUEST, message));
        }
        let new = NewAccount { id: id.map(|id| id.0), name, email: email.0.0, root_key: None };
        let root = self.service.draw_account(new);
        self.service.create_account(&root).await?;
        tracing::info!(account = %root.account, "account made");
        let password = Some(root.password.expose().clone());
        Ok(respond(
            StatusCode::OK,
            &self.root_user(root.account, Some(root.email), password, &root.key),
        ))
    }

    async fn list(&self) -> Result<Response, Refused> {
        let listed = self.service.list_accounts().await?.into_iter();
        let lines: Vec<_> = listed
            .map(|listed| AccountLine {
                account: Text(listed.id),
                name: listed.name,
                email: listed.email,
            })
            .collect();
        Ok(respond(StatusCode::OK, &lines))
    }

    async fn reset(&self, body: &Bytes) -> Result<Response, Refused> {
        let ResetRootKey { account: Text(account) } = parse(body)?;
        let key = self.service.reset_root_key(account).await?;
        tracing::info!(%account, "root access keys replaced");
        Ok(respond(StatusCode::OK, &self.root_user(account, None, None, &key)))
    }

    async fn add_token(&self, body: &Bytes) -> Result<Response, Refused> {
        let AddHardwareToken { account: Text(account), serial, seed } = parse(body)?;
        self.service.add_hardware_token(account, &serial, &seed).await?;
        tracing::info!(%account, serial, "hardware device made known");
        Ok(respond(StatusCode::OK, &()))
    }

    async fn remove_token(&self, body: &Bytes) -> Result<Response, Refused> {
        let RemoveHardwareToken { account: Text(account), serial } = parse(body)?;
        self.service.remove_hardware_token(account, &serial).await?;
        tracing::info!(%account, serial, "hardware device forgotten");
        Ok(respond(StatusCode::OK, &()))
    }

    fn root_user(
        &self,
        account: AccountId,
        email: Option<String>,
        password: Option<String>,
        key: &RootKey,
    ) -> RootUser {
        RootUser {
            endpoint: self.endpoint.clone(),
            account: Text(account),
            email,
            password,
            access_key_id: key.id.to_string(),
            secret_access_key: key.secret.expose().clone(),
        }
    }
}

fn parse<'de, T: Deserialize<'de>>(body: &'de Bytes) -> Result<T, Refused> {
    serde_json::from_slice(body).map_err(|error| {
        Refused(StatusCode::BAD_REQUEST, format!("the command cannot be read: {error}"))
    })
}

fn respond(status: StatusCode, value: &impl Serialize) -> Response {
    let body = serde_json::to_vec(value).unwrap_or_default();
    let mut headers = HeaderMap::with_capacity(4);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Response { status, headers, body: body.into() }
}
