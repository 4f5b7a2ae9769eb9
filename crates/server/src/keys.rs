//! Where the keys that open stored secrets come from: the master key from outside the store, the
//! keyring from the store's `keys` partition, wrapped under the master key.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use iamd_credentials::{Keyring, KeyringError, MasterKey};
use iamd_store::{At, Batch, Op, Partition, Revision, Store, Txn, TxnId};
use iamd_types::entropy::random;
use iamd_types::{Clock, Entropy};

use crate::files;

/// Holds the master key itself, for deployments that keep secrets in variables.
pub(crate) const MASTER_KEY_VARIABLE: &str = "IAMD_MASTER_KEY";

pub(crate) const PARTITION: &str = "keys";
const KEYRING: &[u8] = b"keyring";

/// Where the master key is to be found.
pub(crate) enum MasterKeySource {
    /// Given whole.
    Given(MasterKey),
    /// A file that the operator looks after.
    Named(PathBuf),
    /// The file in the data directory, which is made when there is no data yet.
    Own(PathBuf),
}

impl MasterKeySource {
    pub(crate) fn find(named: Option<&Path>, data_dir: &Path) -> anyhow::Result<Self> {
        match (env::var(MASTER_KEY_VARIABLE), named) {
            (Ok(_), Some(_)) => {
                bail!("master_key_file and {MASTER_KEY_VARIABLE} are both given: give one")
            }
            (Ok(text), None) => {
                let key = MasterKey::parse(&text)
                    .with_context(|| format!("the variable {MASTER_KEY_VARIABLE} is wrong"))?;
                Ok(Self::Given(key))
            }
            (Err(env::VarError::NotUnicode(_)), _) => {
                bail!("the variable {MASTER_KEY_VARIABLE} is not text")
            }
            (Err(env::VarError::NotPresent), Some(path)) => Ok(Self::Named(path.to_owned())),
            (Err(env::VarError::NotPresent), None) => Ok(Self::Own(data_dir.join("master.key"))),
        }
    }

    /// The key. `is_new`: nothing is sealed under it yet.
    fn get(&self, is_new: bool, entropy: &dyn Entropy) -> anyhow::Result<MasterKey> {
        let path = match self {
            Self::Given(key) => return Ok(key.clone()),
            Self::Named(path) | Self::Own(path) => path,
        };
        let shown = path.display();
        if let Some(text) = files::read_secret(path, "master key")? {
            return MasterKey::parse(text.expose())
                .with_context(|| format!("the master key `{shown}` is wrong"));
        }
        match self {
            Self::Own(_) if is_new => {
                let key = MasterKey::generate(entropy);
                let text = format!("{}\n", key.to_text().expose());
                files::write_secret(path, &text.into())?;
                Ok(key)
            }
            Self::Own(_) => bail!(
                "the master key `{shown}` is gone, and without it nothing that is stored can be \
                 opened: put it back, or name its copy with --master-key-file"
            ),
            _ => bail!("the master key `{shown}` is not there"),
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Given(_) => MASTER_KEY_VARIABLE.to_owned(),
            Self::Named(path) | Self::Own(path) => format!("`{}`", path.display()),
        }
    }
}

/// Opens the store's keyring. A store without one is new: it gets one. The caller holds the
/// store's lock, so nobody else is doing the same.
pub(crate) async fn open_keyring(
    store: &dyn Store,
    source: &MasterKeySource,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> anyhow::Result<Keyring> {
    let partition = Partition::new(PARTITION)?;
    let wrapped = store
        .get(&partition, KEYRING, At::Latest)
        .await
        .context("cannot read the keyring from the store")?;
    let master = source.get(wrapped.is_none(), entropy)?;
    let Some(wrapped) = wrapped else {
        let keyring = Keyring::generate(entropy, clock.now());
        let op = Op::put(KEYRING, keyring.wrap(&master, entropy));
        let txn = Txn { id: TxnId(random(entropy)), ops: vec![op] };
        store
            .commit(&partition, Batch::one(Revision(0), txn))
            .await
            .context("cannot store a new keyring")?;
        return Ok(keyring);
    };
    Keyring::unwrap(&master, &wrapped).map_err(|error| match error {
        KeyringError::WrongMasterKey => anyhow::anyhow!(
            "the master key in {} is not the one that the stored data was sealed under",
            source.name()
        ),
        error => error.into(),
    })
}

#[cfg(test)]
mod tests {
    use iamd_store::{History, Memory};
    use iamd_types::{Entropy, Timestamp};
    use tempfile::TempDir;

    use super::*;
    use crate::system::SystemEntropy;

    struct Epoch;

    impl Clock for Epoch {
        fn now(&self) -> Timestamp {
            Timestamp::default()
        }
    }

    async fn open(store: &Memory, source: &MasterKeySource) -> Result<Keyring, String> {
        let opened = open_keyring(store, source, &Epoch, &SystemEntropy).await;
        opened.map_err(|error| format!("{error:#}"))
    }

    #[tokio::test]
    async fn the_key_made_at_first_opens_later_and_no_other_does() {
        let folder = TempDir::new().unwrap();
        let store = Memory::new(History::default());
        let path = folder.path().join("master.key");
        let own = MasterKeySource::Own(path.clone());
        let entropy: &dyn Entropy = &SystemEntropy;

        let sealed = open(&store, &own).await.unwrap().seal(b"x", b"secret", entropy);
        let opened = open(&store, &own).await.unwrap().open(b"x", &sealed).unwrap();
        assert_eq!(opened.expose(), b"secret");

        let other = MasterKeySource::Given(MasterKey::generate(entropy));
        let error = open(&store, &other).await.err().unwrap();
        assert_eq!(
            error,
            "the master key in IAMD_MASTER_KEY is not the one that the stored data was sealed under"
        );

        std::fs::remove_file(&path).unwrap();
        let error = open(&store, &own).await.err().unwrap();
        assert!(error.starts_with(&format!("the master key `{}` is gone", path.display())));
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_named_key_file_is_never_made() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("typo.key");
        let store = Memory::new(History::default());
        let error = open(&store, &MasterKeySource::Named(path.clone())).await.err().unwrap();
        assert_eq!(error, format!("the master key `{}` is not there", path.display()));
        assert!(!path.exists());
    }
}
