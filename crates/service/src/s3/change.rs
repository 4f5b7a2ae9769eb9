//! Changes of buckets, through the writer of their owner's account.

use std::sync::Arc;

use iamd_audit::outbox;
use iamd_authz::{Authorized, Caller, authorize};
use iamd_directory::{Bucket, Origin, Transaction};
use iamd_s3::Call;
use iamd_s3::backend::Answer;
use iamd_s3::operation::Prepared;
use iamd_s3::rules::{self, Place, Scene};
use iamd_types::{Code, Error, entropy};

use super::Asked;
use super::bucket::FoundBucket;
use crate::pipeline::Service;
use crate::record::{Ending, Event, Recipient};

/// How an operation changes a bucket.
type Change = fn(&Call, &Prepared, Authorized, &Bucket, &mut Transaction) -> Result<Answer, Error>;

impl Service {
    /// Changes a bucket's record. On the state that the change finally runs on, a caller of the same
    /// account is read and allowed once more, with the bucket as it is then.
    pub(super) async fn change_bucket(
        &self,
        asked: &Asked<'_>,
        caller: &Arc<Caller>,
        event: &Event,
        prepared: Prepared,
        run: Change,
    ) -> Result<Answer, Error> {
        let name = asked.call.bucket.clone().unwrap_or_default();
        let gone = || Error::s3(Code::NoSuchBucket);
        let call = Arc::clone(&asked.call);
        let home = asked.who.home(asked.found.as_ref())?;
        let (signing, facts) = (asked.who.signing.clone(), asked.facts.clone());
        let proof = asked.who.signed.as_ref().map(|signed| signed.proof.clone());
        let first = Arc::clone(caller);
        self.change_account(asked, caller, event, move |tx| {
            let bucket = tx.bucket(&name).cloned().ok_or_else(gone)?;
            let own = proof.as_ref().filter(|proof| proof.account == tx.account_id());
            let caller = match own {
                Some(proof) => Arc::new(Caller::resolve(proof, tx)?),
                None => Arc::clone(&first),
            };
            let authorized = {
                let account = if own.is_some() { &**tx } else { &*home };
                let takes_part =
                    FoundBucket::takes_part(&bucket, tx.account_id(), call.operation.name, &caller);
                let place = Place {
                    owner: tx.account_id(),
                    bucket: Some(&bucket),
                    policy: takes_part,
                    tags: None,
                };
                let scene = Scene { place, source: None, signing: &signing };
                let accesses = rules::accesses(&call, &scene)?;
                authorize(call.operation.name, &caller, account, &accesses, &facts)
                    .map_err(|denied| denied.error)?
            };
            run(&call, &prepared, authorized, &bucket, tx)
        })
        .await
    }

    /// Changes the account that the bucket is or will be in; the record goes down with the change.
    pub(super) async fn change_account<T, F>(
        &self,
        asked: &Asked<'_>,
        caller: &Arc<Caller>,
        event: &Event,
        mut change: F,
    ) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnMut(&mut Transaction) -> Result<T, Error> + Send + 'static,
    {
        self.ensure_log_works()?;
        let home = asked.who.home(asked.found.as_ref())?;
        let owner = asked.owner(&home).id();
        let origin = Origin { now: asked.facts.now, seed: entropy::random(&*self.tools.entropy) };
        let (event, caller) = (event.clone(), Arc::clone(caller));
        let records = self.log.keeps();
        let write = move |tx: &mut Transaction| {
            let output = change(tx)?;
            if records {
                let line = |recipient| event.line(&caller, Ending::Done, recipient, outbox::value);
                tx.put_outbox(&outbox::key(&event.id), &line(Recipient::Caller)?);
                if let Some(shared) = event.shared.get() {
                    let value = line(Recipient::Owner(shared))?;
                    tx.put_outbox(&outbox::key(&shared.event_id), &value);
                }
            }
            Ok(output)
        };
        self.tools.directory.write(owner, origin, write).await
    }
}
