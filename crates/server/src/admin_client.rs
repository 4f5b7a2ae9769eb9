//! The other end of the operator's channel: `iamd account …`.

use std::io::{self, Read, Write};
use std::path::Path;

use anyhow::{Context, bail};
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use iamd_service::{RootCredentials, RootKey};
use iamd_types::{AccessKeyId, Secret};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

use crate::admin::{
    AccountLine, AddHardwareToken, CreateAccount, Problem, RemoveHardwareToken, ResetRootKey,
    RootUser, SOCKET,
};
use crate::cli::{AccountCommand, Server};
use crate::config;
use crate::root_user;

/// The most that is read from standard input, in bytes.
const MAX_INPUT: u64 = 1024;

/// Carries out a command and prints its result.
pub(crate) async fn run(command: AccountCommand) -> anyhow::Result<()> {
    let text = match command {
        AccountCommand::Create { name, email, id, server } => {
            let command = CreateAccount { id, name, email };
            let made = ask(&server, Method::POST, "/account/create", &command).await?;
            welcome(&made)?
        }
        AccountCommand::List { server } => {
            let lines: Vec<AccountLine> = ask(&server, Method::GET, "/account/list", &()).await?;
            table(&lines).into()
        }
        AccountCommand::ResetRootKey { account, server } => {
            let command = ResetRootKey { account };
            let made: RootUser =
                ask(&server, Method::POST, "/account/reset-root-key", &command).await?;
            let endpoint = made.endpoint.clone();
            root_user::exports(&key(made)?, &endpoint)
        }
        AccountCommand::AddHardwareToken { account, serial, server } => {
            let shown = format!("{serial} can be assigned with `aws iam enable-mfa-device`\n");
            let command = AddHardwareToken { account, serial, seed: read_seed()? };
            let () = ask(&server, Method::POST, "/account/add-hardware-token", &command).await?;
            shown.into()
        }
        AccountCommand::RemoveHardwareToken { account, serial, server } => {
            let shown = format!("{serial} is forgotten\n");
            let command = RemoveHardwareToken { account, serial };
            let () = ask(&server, Method::POST, "/account/remove-hardware-token", &command).await?;
            shown.into()
        }
    };
    io::stdout().write_all(text.expose().as_bytes()).context("cannot print the result")
}

/// All of standard input: an argument would be shown to other users of the machine.
fn read_seed() -> anyhow::Result<Secret<String>> {
    let mut text = String::with_capacity(usize::try_from(MAX_INPUT)?);
    let read = io::stdin().lock().take(MAX_INPUT).read_to_string(&mut text);
    let text = Secret::new(text);
    read.context("cannot read the seed from standard input")?;
    Ok(text)
}

fn welcome(made: &RootUser) -> anyhow::Result<Secret<String>> {
    let root = RootCredentials {
        account: made.account.0,
        name: String::new(),
        email: made.email.clone().unwrap_or_default(),
        password: made.password.clone().unwrap_or_default().into(),
        key: key(made.clone())?,
    };
    Ok(root_user::welcome(&root, &made.endpoint, false, None))
}

fn key(made: RootUser) -> anyhow::Result<RootKey> {
    let id = AccessKeyId::parse(&made.access_key_id)?;
    Ok(RootKey { id, secret: made.secret_access_key.into() })
}

fn table(lines: &[AccountLine]) -> String {
    let width = lines.iter().map(|line| line.email.chars().count()).max().unwrap_or_default();
    let line =
        |line: &AccountLine| format!("{}  {:width$}  {}\n", line.account.0, line.email, line.name);
    lines.iter().map(line).collect()
}

async fn ask<T: DeserializeOwned>(
    server: &Server,
    method: Method,
    path: &str,
    command: &impl Serialize,
) -> anyhow::Result<T> {
    let effective = config::load_for_client(server.config.as_deref(), server.data_dir.as_deref())?;
    let socket = effective.config.data_dir.join(SOCKET);
    let stream = connect(&socket).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "iamd")
        .body(Full::new(Bytes::from(serde_json::to_vec(command)?)))?;
    let response = sender.send_request(request).await.context("the server gave no answer")?;
    let status = response.status();
    let body = response.into_body().collect().await.context("the server gave no answer")?;
    let body = body.to_bytes();
    connection.abort();
    if status.is_success() {
        return serde_json::from_slice(&body).context("the server's answer cannot be read");
    }
    match serde_json::from_slice::<Problem>(&body) {
        Ok(problem) => bail!("{}", problem.message.trim_end_matches('.')),
        Err(_) => bail!("the server answered {status}"),
    }
}

async fn connect(socket: &Path) -> anyhow::Result<UnixStream> {
    UnixStream::connect(socket).await.map_err(|error| {
        let shown = socket.display();
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => anyhow::anyhow!(
                "no server is running on this data directory (nothing answers at `{shown}`)"
            ),
            io::ErrorKind::PermissionDenied => anyhow::anyhow!(
                "this user may not use `{shown}`: run the command as the server's user"
            ),
            _ => anyhow::Error::new(error).context(format!("cannot connect to `{shown}`")),
        }
    })
}
