//! What the server holds while it runs, opened in an order that leaves nothing half-made, and
//! closed so that nothing that was promised is lost.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use iamd_audit::{Discard, JsonLines, Log};
use iamd_credentials::MasterKey;
use iamd_directory::Directory;
use iamd_operation::Tools;
use iamd_service::{Service, Settings};
use iamd_store::{Embedded, History, Memory, OpenError, Store};
use iamd_types::{Clock, Entropy};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::config::Config;
use crate::files;
use crate::keys::{self, MasterKeySource};
use crate::providers;
use crate::s3;
use crate::settings::Switch;
use crate::system::{SystemClock, SystemEntropy};

/// How often it is written down when access keys were last used. A crash forgets the last while.
const USAGE_INTERVAL: Duration = Duration::from_secs(30);

/// Nobody in this process follows the store, so it need not remember what was committed.
const HISTORY: History = History { txns: 0, bytes: 0 };

/// The running service and what it stands on.
pub(crate) struct State {
    pub(crate) service: Arc<Service>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) entropy: Arc<dyn Entropy>,
    outbox: JoinHandle<()>,
    /// Objects of a server that forgets everything; gone with it.
    _forgotten: Option<TempDir>,
}

impl State {
    pub(crate) async fn open(config: &Config, url: &str) -> anyhow::Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
        let (store, source) = open_store(config, &*entropy)?;
        let keyring = keys::open_keyring(&*store, &source, &*clock, &*entropy).await?;
        let log = open_log(config, &clock)?;
        let (moved, outbox) = mpsc::unbounded_channel();
        let directory = Directory::open(
            Arc::clone(&store),
            config.quotas.quotas.clone(),
            Arc::clone(&entropy),
            moved,
        )
        .await
        .context("cannot read the accounts from the store")?;
        let directory = Arc::new(directory);
        let tools = Tools {
            directory: Arc::clone(&directory),
            keyring: Arc::new(keyring),
            issuers: Arc::new(providers::issuers(config)?),
            public_url: config.public_url.as_ref().map_or(url, |public| &public.0.0).to_owned(),
            entropy: Arc::clone(&entropy),
        };
        let regions = config.regions.iter().map(|region| region.0.0.clone()).collect();
        let encode_denials = matches!(config.encode_denials, Switch::On);
        let settings = Settings { regions, encode_denials };
        let keyring = Arc::clone(&tools.keyring);
        let mut service = Service::new(tools, Arc::clone(&clock), log, settings);
        let mut forgotten = None;
        if matches!(config.s3, Switch::On) {
            let directory = objects_directory(config, &mut forgotten)?;
            let tools = iamd_objects::Tools { clock, entropy: Arc::clone(&entropy), keyring };
            service = service.with_s3(s3::open(config, &directory, tools)?);
        }
        let service = Arc::new(service);
        let outbox = tokio::spawn(Arc::clone(&service).drain_outbox(outbox));
        tokio::spawn(note_usage(Arc::clone(&directory)));
        directory
            .recover_outbox()
            .await
            .context("cannot read the audit records that an earlier run left in the store")?;
        Ok(Self { service, store, entropy, outbox, _forgotten: forgotten })
    }

    /// Writes down what is still in memory. Records of changes that are not in the audit log yet
    /// wait in the store for the next start.
    pub(crate) async fn close(self) {
        if let Err(error) = self.service.directory().flush_usage().await {
            tracing::warn!(%error, "when access keys were last used is not written down");
        }
        if let Err(lost) = self.service.log().shutdown().await {
            tracing::error!(%lost, "the audit log did not end well");
        }
        self.outbox.abort();
        let _ = self.outbox.await;
        // What stays in the store is delivered again after the next start, and known there.
        if let Err(error) = self.service.directory().clear_outboxes().await {
            tracing::warn!(%error, "delivered audit records stay in the outbox");
        }
    }
}

/// Where objects are kept.
fn objects_directory(config: &Config, forgotten: &mut Option<TempDir>) -> anyhow::Result<PathBuf> {
    if !config.ephemeral {
        return Ok(config.data_dir.join("objects"));
    }
    let directory = tempfile::Builder::new().prefix("iamd-objects-").tempdir();
    let directory = directory.context("cannot make a temporary directory for objects")?;
    Ok(forgotten.insert(directory).path().join("objects"))
}

async fn note_usage(directory: Arc<Directory>) {
    let mut ticks = tokio::time::interval(USAGE_INTERVAL);
    loop {
        ticks.tick().await;
        if let Err(error) = directory.flush_usage().await {
            tracing::warn!(%error, "when access keys were last used is not written down");
        }
    }
}

fn open_store(
    config: &Config,
    entropy: &dyn Entropy,
) -> anyhow::Result<(Arc<dyn Store>, MasterKeySource)> {
    if config.ephemeral {
        let store = Arc::new(Memory::new(HISTORY));
        return Ok((store, MasterKeySource::Given(MasterKey::generate(entropy))));
    }
    let data_dir = &config.data_dir;
    let source = MasterKeySource::find(config.master_key_file.as_deref(), data_dir)?;
    files::prepare_directory(data_dir)?;
    // The store's lock also guards the other files of the directory.
    let store = Embedded::open(data_dir.join("store"), HISTORY)
        .map_err(|error| explain(error, data_dir))?;
    Ok((Arc::new(store), source))
}

fn explain(error: OpenError, data_dir: &Path) -> anyhow::Error {
    let shown = data_dir.display();
    match error {
        OpenError::Locked { .. } => {
            anyhow::anyhow!("the data directory `{shown}` is in use by another iamd")
        }
        error => {
            anyhow::Error::new(error).context(format!("cannot open the data directory `{shown}`"))
        }
    }
}

/// The audit log. A server that forgets everything keeps no records either, unless it is told
/// where.
fn open_log(config: &Config, clock: &Arc<dyn Clock>) -> anyhow::Result<Log> {
    let directory = match (config.audit, &config.audit_dir) {
        (Switch::On, Some(directory)) => Some(directory.clone()),
        (Switch::On, None) if !config.ephemeral => Some(config.data_dir.join("audit")),
        (Switch::On, None) | (Switch::Off, _) => None,
    };
    let log = match directory {
        Some(directory) => {
            let lines = JsonLines::open(&directory, Arc::clone(clock), JsonLines::SEGMENT_LIMIT);
            Log::start(lines.context("cannot keep the audit log")?)
        }
        None => Log::start(Discard),
    };
    log.context("cannot start the audit log")
}
