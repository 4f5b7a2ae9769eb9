//! Which addresses are listened on, and whether plain HTTP may be spoken there.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use anyhow::{Context, bail};
use iamd_gateway::{BindError, Listener, Tls};
use tokio::net::lookup_host;

use crate::config::Config;
use crate::settings::{Endpoint, Text};

/// The bound listeners of one endpoint.
pub(crate) struct Listening {
    pub(crate) listeners: Vec<Listener>,
    pub(crate) tls: Option<Arc<Tls>>,
    /// The URL to give to clients.
    pub(crate) url: String,
}

/// Binds the API's addresses.
pub(crate) async fn bind(config: &Config) -> anyhow::Result<Listening> {
    let tls = match (&config.tls_cert, &config.tls_key) {
        (Some(certificate), Some(key)) => Some(Tls::load(certificate, key)?),
        _ => None,
    };
    bind_endpoint(&config.listen.0, tls, config).await
}

/// Binds the guard's addresses, if it is to listen.
pub(crate) async fn bind_guard(config: &Config) -> anyhow::Result<Option<Listening>> {
    let Some(Text(endpoint)) = &config.guard_listen else { return Ok(None) };
    let tls = match (&config.tls_cert, &config.tls_key, &config.guard.client_ca) {
        (Some(certificate), Some(key), None) => Some(Tls::load(certificate, key)?),
        (Some(certificate), Some(key), Some(client_ca)) => {
            Some(Tls::load_with_clients(certificate, key, client_ca)?)
        }
        _ => None,
    };
    bind_endpoint(endpoint, tls, config).await.map(Some)
}

/// Binds every address that the host stands for.
async fn bind_endpoint(
    endpoint: &Endpoint,
    tls: Option<Tls>,
    config: &Config,
) -> anyhow::Result<Listening> {
    let addresses = resolve(endpoint).await?;
    let tls = tls.map(Arc::new);
    if tls.is_none() && !config.insecure_http {
        refuse_plain_http(endpoint, &addresses)?;
    }
    let mut listeners: Vec<Listener> = Vec::new();
    for mut address in addresses {
        if let Some(first) = listeners.first().and_then(Listener::address) {
            // The system chose a port for the first one; all use the same.
            address.set_port(first.port());
        }
        let bound = match &tls {
            Some(tls) => Listener::tls(address, Arc::clone(tls)).await,
            None => Listener::tcp(address).await,
        };
        match bound {
            Ok(listener) => listeners.push(listener),
            Err(BindError::Address { source, .. })
                if !listeners.is_empty() && is_absent(&source) =>
            {
                tracing::debug!(%address, "this machine has no such address");
            }
            Err(error) => return Err(error.into()),
        }
    }
    let port = listeners.first().and_then(Listener::address).map_or(endpoint.port, |a| a.port());
    let scheme = if tls.is_some() { "https" } else { "http" };
    let url = format!("{scheme}://{}", Endpoint { host: client_host(endpoint), port });
    Ok(Listening { listeners, tls, url })
}

/// `localhost` is both loopback addresses, whatever the resolver says: clients try either first.
async fn resolve(endpoint: &Endpoint) -> anyhow::Result<Vec<SocketAddr>> {
    let Endpoint { host, port } = endpoint;
    if host == "localhost" {
        let both: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        return Ok(both.map(|address| SocketAddr::new(address, *port)).to_vec());
    }
    let found = lookup_host((host.as_str(), *port))
        .await
        .with_context(|| format!("cannot find the address of `{host}` to listen on"))?;
    let addresses: Vec<_> = found.collect();
    if addresses.is_empty() {
        bail!("`{host}` has no address to listen on");
    }
    Ok(addresses)
}

fn refuse_plain_http(endpoint: &Endpoint, addresses: &[SocketAddr]) -> anyhow::Result<()> {
    if addresses.iter().all(|address| address.ip().to_canonical().is_loopback()) {
        return Ok(());
    }
    bail!(
        "refusing plain HTTP on {endpoint}, which other machines can reach: give --tls-cert and \
         --tls-key, or --insecure-http if a proxy in front speaks TLS"
    )
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::AddrNotAvailable | io::ErrorKind::Unsupported)
}

/// The host for clients on this machine: an address that stands for all is none to connect to.
fn client_host(endpoint: &Endpoint) -> String {
    let unspecified = endpoint.host.parse().is_ok_and(|address: IpAddr| address.is_unspecified());
    if unspecified { "localhost".to_owned() } else { endpoint.host.clone() }
}
