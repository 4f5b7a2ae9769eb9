//! Changes of buckets, through the writer of their owner's account.

use std::sync::Arc;

use iamd_audit::outbox;
use iamd_authz::{Authorized, Caller, Proof, authorize};
use iamd_directory::{Account, Bucket, Origin, Transaction};
use iamd_operation::RequestFacts;
use iamd_s3::backend::Answer;
use iamd_s3::operation::{Prepared, Run};
use iamd_s3::rules::{self, Place, Scene};
use iamd_s3::{Call, Signing};
use iamd_types::{Code, Error, entropy};

use super::Asked;
use super::bucket::FoundBucket;
use crate::pipeline::Service;
use crate::record::{Ending, Event, Recipient};

/// What a caller asks for, to be allowed once more on a later state.
pub(super) struct Again {
    pub(super) call: Arc<Call>,
    proof: Option<Proof>,
    /// The caller as it was first.
    first: Arc<Caller>,
    /// The caller's account as it was first.
    home: Arc<Account>,
    signing: Signing,
    facts: RequestFacts,
}

impl Again {
    pub(super) fn of(asked: &Asked<'_>, caller: &Arc<Caller>) -> Result<Self, Error> {
        Ok(Self {
            call: Arc::clone(&asked.call),
            proof: asked.who.signed.as_ref().map(|signed| signed.proof.clone()),
            first: Arc::clone(caller),
            home: asked.who.home(asked.found.as_ref())?,
            signing: asked.who.signing.clone(),
            facts: asked.facts.clone(),
        })
    }

    /// Decides on this state of the bucket's account: a caller of it is read once more, one of another account
    /// is as it was.
    pub(super) fn allow(
        &self,
        owner: &Account,
        bucket: Option<&Bucket>,
    ) -> Result<Authorized, Error> {
        let own = self.proof.as_ref().filter(|proof| proof.account == owner.id());
        let (caller, account) = match own {
            Some(proof) => (Arc::new(Caller::resolve(proof, owner)?), owner),
            None => (Arc::clone(&self.first), &*self.home),
        };
        let operation = self.call.operation.name;
        let place = Place {
            owner: owner.id(),
            bucket,
            policy: bucket.is_some_and(|bucket| {
                FoundBucket::takes_part(bucket, owner.id(), operation, &caller)
            }),
            tags: None,
        };
        let scene = Scene { place, source: None, signing: &self.signing };
        let accesses = rules::accesses(&self.call, &scene)?;
        authorize(operation, &caller, account, &accesses, &self.facts)
            .map_err(|denied| denied.error)
    }
}

impl Service {
    /// Changes a bucket's record. On the state that the change finally runs on, a caller of the same
    /// account is read and allowed once more, with the bucket as it is then.
    pub(super) async fn change_bucket(
        &self,
        asked: &Asked<'_>,
        caller: &Arc<Caller>,
        event: &Event,
        prepared: Prepared,
        run: Run,
    ) -> Result<Answer, Error> {
        let name = asked.call.bucket.clone().unwrap_or_default();
        let again = Again::of(asked, caller)?;
        self.change_account(asked, caller, event, move |tx| {
            let bucket = tx.bucket(&name).cloned().ok_or_else(|| Error::s3(Code::NoSuchBucket))?;
            let authorized = again.allow(tx, Some(&bucket))?;
            run(&again.call, &prepared, authorized, &bucket, tx)
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
                tx.put_outbox(line(Recipient::Caller)?);
                if let Some(shared) = event.shared.get() {
                    tx.put_outbox(line(Recipient::Owner(shared))?);
                }
            }
            Ok(output)
        };
        self.tools.directory.write(owner, origin, write).await
    }
}
