//! `iamd serve`: opens everything, makes the first account if there is none, serves until told to
//! stop.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use iamd_gateway::{Drained, Handler, Limits, Listener};
use iamd_service::{NewAccount, RootKey, Service};
use iamd_types::AccessKeyId;
use iamd_wire::query::MAX_FORM_BYTES;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::admin::{self, Admin};
use crate::api::{Api, S3_TURNS};
use crate::config::Config;
use crate::guard::{self, GuardListener};
use crate::listen::{self, Listening};
use crate::logging;
use crate::root_user;
use crate::settings::Text;
use crate::signals::{Signals, Stop};
use crate::state::State;

/// Runs the server; returns once it has stopped in good order.
pub(crate) async fn run(config: &Config) -> anyhow::Result<()> {
    logging::start(config)?;
    let signals = Signals::install()?;
    // Listening comes first: a port in use is found before anything is made.
    let Listening { listeners, tls, url } = listen::bind(config).await?;
    let guarding = listen::bind_guard(config).await?;
    let guard_tls = guarding.as_ref().and_then(|guarding| guarding.tls.clone());
    let stop = signals.obey(tls.into_iter().chain(guard_tls).collect());
    let state = State::open(config, &url).await?;
    let service = &state.service;
    let guard = guard::open(config, service)?;
    let admin = bind_admin(config)?;
    let greeting = match service.directory().accounts().len() {
        0 => first_start(config, service, &url).await?,
        count => later_start(config, count),
    };
    announce(config, service, &url, &greeting);
    if let Some(guarding) = &guarding {
        tracing::info!(endpoint = guarding.url, points = guard.describe(), "guarding");
    }

    let api = Arc::new(Api {
        service: Arc::clone(service),
        store: Arc::clone(&state.store),
        entropy: Arc::clone(&state.entropy),
        guard: Arc::clone(&guard),
        trusted_proxies: config.trusted_proxies.iter().map(|proxy| proxy.0.0).collect(),
        s3_turns: Arc::new(Semaphore::new(S3_TURNS as usize)),
    });
    let mut running = Running { tasks: JoinSet::new(), stop };
    for listener in listeners {
        running.serve(listener, Arc::clone(&api));
    }
    for listener in guarding.into_iter().flat_map(|guarding| guarding.listeners) {
        running.serve(listener, Arc::new(GuardListener(Arc::clone(&guard))));
    }
    if let Some(listener) = admin {
        running.serve(listener, Arc::new(Admin { service: Arc::clone(service), endpoint: url }));
    }
    running.finish().await;
    // Requests whose peers have gone away go on without a connection.
    let idle = tokio::time::timeout(Limits::default().drain, api.s3_turns.acquire_many(S3_TURNS));
    if idle.await.is_err() {
        tracing::warn!("some requests for S3 took too long and were cut off");
    }
    state.close().await;
    tracing::info!("stopped");
    Ok(())
}

struct Running {
    tasks: JoinSet<Drained>,
    stop: Stop,
}

impl Running {
    fn serve<H: Handler>(&mut self, listener: Listener, handler: Arc<H>) {
        let stop = self.stop.asked();
        let limits = Limits { large_body: MAX_FORM_BYTES, ..Limits::default() };
        self.tasks.spawn(iamd_gateway::serve(listener, handler, limits, stop));
    }

    async fn finish(mut self) {
        let mut clean = true;
        while let Some(ended) = self.tasks.join_next().await {
            clean &= matches!(ended, Ok(Drained::Clean));
        }
        if !clean {
            tracing::warn!("some requests took too long and were cut off");
        }
    }
}

fn bind_admin(config: &Config) -> anyhow::Result<Option<Listener>> {
    if config.ephemeral {
        return Ok(None);
    }
    Ok(Some(Listener::unix(&config.data_dir.join(admin::SOCKET))?))
}

/// The file that the first root key is written to, for servers that keep files.
fn csv_path(config: &Config) -> Option<PathBuf> {
    (!config.ephemeral).then(|| config.data_dir.join(root_user::CSV))
}

/// Makes the first account. Its key is on disk before the account exists: whatever happens in
/// between, nobody is locked out of an account that is there.
async fn first_start(config: &Config, service: &Service, url: &str) -> anyhow::Result<String> {
    let root_key = given_key(config)?;
    let is_given = root_key.is_some();
    let email = config.root_email.0.0.clone();
    let id = config.account_id.as_ref().map(|id| id.0);
    let new = NewAccount { id, name: email.clone(), email, root_key };
    let root = service.draw_account(new);
    let csv = csv_path(config).filter(|_| !is_given);
    if let Some(csv) = &csv {
        root_user::write_csv(csv, &root.key)?;
    }
    service.create_account(&root).await.context("cannot make the first account")?;
    tracing::info!(account = %root.account, "first account made");
    if is_given && config.ephemeral {
        return Ok(format!("account {}, root access key {}\n", root.account, root.key.id));
    }
    Ok(root_user::welcome(&root, url, is_given, csv.as_deref()).expose().clone())
}

fn given_key(config: &Config) -> anyhow::Result<Option<RootKey>> {
    let (Some(id), Some(secret)) = (&config.root_access_key_id, &config.root_secret_access_key)
    else {
        return Ok(None);
    };
    Ok(Some(RootKey { id: AccessKeyId::parse(id)?, secret: secret.clone() }))
}

fn later_start(config: &Config, count: usize) -> String {
    if config.root_access_key_id.is_some() || config.account_id.is_some() {
        tracing::warn!("there are accounts already: the settings of the first account do nothing");
    }
    let accounts = if count == 1 { "account" } else { "accounts" };
    let mut text = format!("{count} {accounts} in {}\n", config.data_dir.display());
    if let Some(csv) = csv_path(config).filter(|csv| csv.exists()) {
        tracing::warn!(file = %csv.display(), "the first root key still lies in the data directory");
        text.push_str(&format!(
            "{} still holds the first root key: delete it once you have the key elsewhere\n",
            csv.display()
        ));
    }
    text
}

/// Says where the server is, and in the log what it enforces.
fn announce(config: &Config, service: &Service, url: &str, greeting: &str) {
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        endpoint = url,
        signatures = "Signature Version 4, always",
        policies = "always",
        tls = config.tls_cert.is_some(),
        audit = service.log().describe(),
        regions = list(&config.regions, "any"),
        trusted_proxies = list(&config.trusted_proxies, "none"),
        durable = !config.ephemeral,
        "enforcing"
    );
    let mut out = io::stdout().lock();
    // Whoever closed our output does not want to know.
    let _ = write!(out, "iamd {} at {url}\n{greeting}", env!("CARGO_PKG_VERSION"));
    let _ = out.flush();
}

fn list<T: ToString>(items: &[Text<T>], none: &str) -> String {
    match items {
        [] => none.to_owned(),
        items => items.iter().map(|Text(item)| item.to_string()).collect::<Vec<_>>().join(","),
    }
}
