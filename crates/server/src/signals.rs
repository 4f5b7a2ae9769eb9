//! Signals: the first SIGTERM or SIGINT stops in good order, the second at once; SIGHUP reads the
//! TLS certificates again.

use std::future::Future;
use std::process;
use std::sync::Arc;

use anyhow::Context;
use iamd_gateway::Tls;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// The signals that this process listens to, from the moment that this is made.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    pub(crate) fn install() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen to signals");
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }

    /// Acts on them from now on.
    pub(crate) fn obey(mut self, tls: Vec<Arc<Tls>>) -> Stop {
        let (stop, asked) = watch::channel(false);
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = self.terminate.recv() => {}
                    _ = self.interrupt.recv() => {}
                    _ = self.hangup.recv() => {
                        tls.iter().for_each(|tls| reload(tls));
                        continue;
                    }
                }
                if stop.send_replace(true) {
                    tracing::warn!("stopping at once");
                    process::exit(1);
                }
                tracing::info!("stopping; a second signal stops at once");
            }
        });
        Stop(asked)
    }
}

fn reload(tls: &Tls) {
    match tls.reload() {
        Ok(()) => tracing::info!("read the TLS certificate again"),
        Err(error) => tracing::error!(%error, "kept the former TLS certificate"),
    }
}

/// Tells when to stop.
#[derive(Clone)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Done once the server is asked to stop.
    pub(crate) fn asked(&self) -> impl Future<Output = ()> + use<> {
        let mut asked = self.0.clone();
        async move {
            // The sender lives as long as the runtime.
            let _ = asked.wait_for(|asked| *asked).await;
        }
    }
}
