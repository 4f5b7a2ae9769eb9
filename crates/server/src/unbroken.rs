//! Work that is finished although whoever waits for it goes away.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

/// Done by whoever waits for it, as long as somebody does; what is left when it is dropped is done in a task of its own.
/// A task from the start would cost every request another turn of the scheduler.
pub(crate) struct Unbroken<T: Send + 'static>(Option<Work<T>>);

type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl<T: Send + 'static> Unbroken<T> {
    pub(crate) fn new(work: impl Future<Output = T> + Send + 'static) -> Self {
        Self(Some(Box::pin(work)))
    }
}

impl<T: Send + 'static> Future for Unbroken<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        // Taken out meanwhile, so that nobody goes on with work that has panicked.
        let Some(mut work) = self.0.take() else { return Poll::Pending };
        let done = work.as_mut().poll(context);
        if done.is_pending() {
            self.0 = Some(work);
        }
        done
    }
}

impl<T: Send + 'static> Drop for Unbroken<T> {
    fn drop(&mut self) {
        // Without a runtime the server has stopped.
        if let (Some(work), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(work);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::AssertUnwindSafe;

    use futures_util::FutureExt;
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn whoever_waits_gets_what_comes_of_it() {
        let (go, going) = oneshot::channel::<u8>();
        let mut work = Unbroken::new(going);
        assert!((&mut work).now_or_never().is_none());
        go.send(7).unwrap();
        assert_eq!(work.await, Ok(7));
    }

    #[tokio::test]
    async fn what_is_dropped_is_finished() {
        let (go, going) = oneshot::channel::<u8>();
        let (tell, told) = oneshot::channel();
        let mut work = Unbroken::new(async { tell.send(going.await) });
        assert!((&mut work).now_or_never().is_none());
        drop(work);
        go.send(7).unwrap();
        assert_eq!(told.await, Ok(Ok(7)));
    }

    #[tokio::test]
    async fn what_was_not_begun_is_done_too() {
        let (tell, told) = oneshot::channel();
        drop(Unbroken::new(async { tell.send(7) }));
        assert_eq!(told.await, Ok(7));
    }

    #[tokio::test]
    async fn nobody_goes_on_with_what_has_panicked() {
        let (tell, told) = oneshot::channel::<u8>();
        let mut work = Unbroken::new(async {
            let _tell = tell;
            tokio::task::yield_now().await;
            panic!("as this test wants it");
        });
        assert!((&mut work).now_or_never().is_none());
        let panicked = AssertUnwindSafe(&mut work).catch_unwind().await;
        assert!(panicked.is_err());
        drop(work);
        assert!(told.await.is_err(), "it is gone with all that it held");
    }
}
