//! The store of files, with a way to do something between a look at an object and what follows it.

use std::sync::{Arc, Mutex};

use iamd_directory::Bucket;
use iamd_s3::LocalBackend;
use iamd_s3::backend::{Allowed, Answer, Backend, Body, BoxFuture, Seen};
use iamd_types::Error;
use tokio::sync::oneshot;

/// Tells of the next look at an object, and holds up whoever looked.
#[derive(Default)]
pub struct Looks(Mutex<Option<(oneshot::Sender<()>, oneshot::Receiver<()>)>>);

impl Looks {
    /// What is ready after the next look, and what lets it go on then.
    pub fn next(&self) -> (oneshot::Receiver<()>, oneshot::Sender<()>) {
        let ((looked, told), (go, goes)) = (oneshot::channel(), oneshot::channel());
        *self.0.lock().unwrap() = Some((looked, goes));
        (told, go)
    }

    async fn happened(&self) {
        let waiting = self.0.lock().unwrap().take();
        if let Some((looked, goes)) = waiting {
            looked.send(()).unwrap();
            goes.await.unwrap();
        }
    }
}

pub(crate) struct Watched {
    pub(crate) backend: LocalBackend,
    pub(crate) looks: Arc<Looks>,
}

impl Backend for Watched {
    fn run<'a>(&'a self, allowed: Allowed<'a>, body: Body) -> BoxFuture<'a, Result<Answer, Error>> {
        self.backend.run(allowed, body)
    }

    fn look<'a>(
        &'a self,
        bucket: &'a Bucket,
        key: &'a str,
        version: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Seen, Error>> {
        Box::pin(async move {
            let seen = self.backend.look(bucket, key, version).await;
            self.looks.happened().await;
            seen
        })
    }

    fn create_bucket<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        self.backend.create_bucket(name)
    }

    fn has_bucket<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<bool, Error>> {
        self.backend.has_bucket(name)
    }

    fn delete_bucket<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        self.backend.delete_bucket(name)
    }
}
