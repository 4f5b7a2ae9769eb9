//! Identity providers: which may be asked, and who vouches for them.

use std::path::Path;

use anyhow::{Context, bail};
use iamd_federation::{FetchSettings, Issuers};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::config::Config;

/// What the configuration lets be asked.
pub(crate) fn issuers(config: &Config) -> anyhow::Result<Issuers> {
    let authorities = match &config.oidc_ca {
        Some(file) => read_authorities("oidc_ca", file)?,
        None => Vec::new(),
    };
    let settings = FetchSettings {
        hosts: config.oidc_hosts.iter().map(|host| host.0.clone()).collect(),
        internal_networks: config.oidc_internal_networks.iter().map(|it| it.0.0).collect(),
        system_authorities: true,
        authorities,
    };
    Issuers::new(settings).context("oidc_ca: not a certificate of an authority")
}

/// The certificates in the file of this setting.
pub(crate) fn read_authorities(
    setting: &str,
    file: &Path,
) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let shown = file.display();
    let found = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("{setting}: cannot read certificates from `{shown}`"))?;
    if found.is_empty() {
        bail!("{setting}: `{shown}` holds no certificate");
    }
    Ok(found)
}
