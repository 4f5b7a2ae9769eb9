//! Buckets, found by their names, made and removed.

use std::sync::Arc;

use iamd_authz::{Caller, Principal};
use iamd_directory::{Account, Bucket, Route};
use iamd_s3::backend::{Answer, Backend};
use iamd_s3::place::is_bucket_name;
use iamd_s3::policy::is_about_policy;
use iamd_s3::rules;
use iamd_s3::{Call, create, public};
use iamd_types::{AccountId, Code, Error};

use super::change::Again;
use super::{Asked, S3, SeenObjects};
use crate::pipeline::{Service, Trail};
use crate::record::Event;

/// A bucket, in one state of its owner's account.
#[derive(Clone)]
pub(crate) struct FoundBucket {
    pub(crate) owner: Arc<Account>,
    pub(crate) bucket: Bucket,
}

impl FoundBucket {
    /// Whether the bucket's policy takes part in a decision. It does not for those whom Block Public
    /// Access keeps away from a public one, so that nothing allows them; and the owner's root user cannot
    /// lock itself out of the policy (S3 User Guide, "Bucket policies").
    pub(crate) fn policy_takes_part(&self, operation: &str, caller: &Caller) -> bool {
        Self::takes_part(&self.bucket, self.owner.id(), operation, caller)
    }

    pub(super) fn takes_part(
        bucket: &Bucket,
        owner: AccountId,
        operation: &str,
        caller: &Caller,
    ) -> bool {
        let anonymous = matches!(caller.principal, Principal::Bearer(_));
        let owns = caller.account == owner && !anonymous;
        if owns {
            return !(is_about_policy(operation) && caller.is_root());
        }
        let restricted = bucket.public_access_block().is_some_and(|block| block.restrict_buckets);
        let policy = bucket.policy_document().flatten();
        !(restricted && policy.is_some_and(|policy| public::is_public(policy)))
    }
}

impl S3 {
    /// The store that keeps a bucket's objects.
    pub(super) fn backend(&self, bucket: &Bucket) -> Result<&dyn Backend, Error> {
        match bucket.store() {
            "" => Ok(&*self.local),
            name => self
                .upstreams
                .iter()
                .find(|upstream| upstream.name == name)
                .map(|upstream| &*upstream.backend)
                .ok_or_else(|| Error::unavailable(NoStore(name.to_owned()))),
        }
    }

    /// The store elsewhere that buckets of this name are in, its name, and whose they are.
    fn upstream_of(&self, bucket: &str) -> Option<(&str, &dyn Backend, AccountId)> {
        self.upstreams.iter().find_map(|upstream| {
            let (_, owner) =
                upstream.buckets.iter().find(|(pattern, _)| match pattern.strip_suffix('*') {
                    Some(start) => bucket.starts_with(start),
                    None => bucket == pattern,
                })?;
            Some((upstream.name.as_str(), &*upstream.backend, *owner))
        })
    }
}

/// A bucket's objects are in a store that the configuration no longer has.
#[derive(Debug, thiserror::Error)]
#[error("there is no store `{0}` in the configuration")]
struct NoStore(String);

impl Service {
    /// The bucket of this name. One in a store elsewhere is taken in for whoever `signed`, and for nobody in
    /// particular not asked for.
    ///
    /// # Errors
    /// `NoSuchBucket`, unless the request is to make it.
    pub(super) async fn find_bucket(
        &self,
        s3: &S3,
        call: &Call,
        name: Option<&str>,
        signed: bool,
    ) -> Result<Option<FoundBucket>, Error> {
        let Some(name) = name else { return Ok(None) };
        let found = self.bucket_called(name).await?;
        if found.is_some() || call.operation.name == "CreateBucket" {
            return Ok(found);
        }
        let adopted = if signed { self.adopt(s3, name).await? } else { None };
        adopted.map(Some).ok_or_else(|| Error::s3(Code::NoSuchBucket))
    }

    pub(crate) async fn bucket_called(&self, name: &str) -> Result<Option<FoundBucket>, Error> {
        let directory = &self.tools.directory;
        let Some(owner) = directory.routing().find(Route::Bucket, name) else { return Ok(None) };
        let Some(owner) = directory.account(owner).await? else { return Ok(None) };
        let bucket = owner.bucket(name).cloned();
        Ok(bucket.map(|bucket| FoundBucket { owner, bucket }))
    }

    /// Takes a bucket of a store elsewhere into its owner's account, when it is first asked for.
    async fn adopt(&self, s3: &S3, name: &str) -> Result<Option<FoundBucket>, Error> {
        // What is no bucket's name is asked of no store: it could be read as something else there.
        if !is_bucket_name(name) {
            return Ok(None);
        }
        let Some((store, backend, owner)) = s3.upstream_of(name) else { return Ok(None) };
        if !backend.has_bucket(name).await? {
            return Ok(None);
        }
        let _turn = self.making.lock().await;
        if self.tools.directory.account(owner).await?.is_none() {
            tracing::warn!(bucket = name, %owner, "the account that the configuration gives the bucket is not here");
            return Ok(None);
        }
        if !self.register_bucket(name, owner).await? {
            return Ok(None);
        }
        let fields = create::adopted(name, store, self.clock.now());
        let write = move |tx: &mut iamd_directory::Transaction| {
            if tx.bucket(&fields.name).is_none() {
                tx.put_bucket(&fields);
            }
            Ok(())
        };
        self.tools.directory.write(owner, self.origin(), write).await?;
        tracing::info!(bucket = name, store, %owner, "bucket of a store elsewhere taken in");
        self.bucket_called(name).await
    }

    /// The newest state of an account.
    async fn newest(&self, account: &Arc<Account>) -> Result<Arc<Account>, Error> {
        let newest = self.tools.directory.account(account.id()).await?;
        Ok(newest.unwrap_or_else(|| Arc::clone(account)))
    }

    async fn register_bucket(&self, name: &str, owner: AccountId) -> Result<bool, Error> {
        let directory = &self.tools.directory;
        let taken = self.bucket_called(name).await?.map(|found| found.owner.id());
        directory.register(Route::Bucket, name, owner, |other| Some(other) == taken).await
    }

    /// `CreateBucket`
    pub(super) async fn create_bucket(
        &self,
        s3: &S3,
        asked: &Asked<'_>,
        caller: &Arc<Caller>,
        event: &Event,
        trail: &mut Trail,
    ) -> Result<Answer, Error> {
        let call = &asked.call;
        let name = call.bucket.clone().unwrap_or_default();
        let home = asked.who.home(None)?;
        // Decided as for a bucket of the caller's, whether it is there or not.
        let scene = asked.scene_of_new(caller);
        let accesses = rules::accesses(call, &scene)?;
        asked.decide(caller, &home, &accesses, trail)?;
        let mut fields = create::bucket(call, &asked.facts)?;
        let _turn = self.making.lock().await;
        let again = Again::of(asked, caller)?;
        again.allow(&*self.newest(&home).await?, None)?;
        if let Some(found) = self.bucket_called(&name).await? {
            return Err(create::taken(found.owner.id() == home.id()));
        }
        let backend = match s3.upstream_of(&name) {
            Some((_, _, owner)) if owner != home.id() => return Err(create::taken(false)),
            Some((store, backend, _)) => {
                fields.store = store.to_owned();
                backend
            }
            None => &*s3.local,
        };
        if !self.register_bucket(&name, home.id()).await? {
            return Err(create::taken(false));
        }
        backend.create_bucket(&name).await?;
        let answer = create::answer(&fields);
        self.change_account(asked, caller, event, move |tx| {
            again.allow(tx, None)?;
            if tx.bucket(&fields.name).is_some() {
                return Err(create::taken(true));
            }
            tx.put_bucket(&fields);
            Ok(())
        })
        .await?;
        Ok(answer)
    }

    /// `DeleteBucket`
    pub(super) async fn delete_bucket(
        &self,
        s3: &S3,
        asked: &Asked<'_>,
        caller: &Arc<Caller>,
        event: &Event,
        trail: &mut Trail,
    ) -> Result<Answer, Error> {
        asked.ensure_expected_owners()?;
        let home = asked.who.home(asked.found.as_ref())?;
        asked.decide_on(caller, &home, &SeenObjects::default(), trail)?;
        let Some(first) = &asked.found else { return Err(rules::not_implemented("DeleteBucket")) };
        let _turn = self.making.lock().await;
        self.ensure_log_works()?;
        // Meanwhile it may have been removed, and made again by somebody else.
        let found = self.bucket_called(first.bucket.name()).await?;
        let found = found.filter(|found| {
            found.owner.id() == first.owner.id() && found.bucket.created() == first.bucket.created()
        });
        let found = found.ok_or_else(|| Error::s3(Code::NoSuchBucket))?;
        Again::of(asked, caller)?.allow(&found.owner, Some(&found.bucket))?;
        s3.backend(&found.bucket)?.delete_bucket(found.bucket.name()).await?;
        let name = found.bucket.name().to_owned();
        self.change_account(asked, caller, event, move |tx| {
            if let Some(bucket) = tx.bucket(&name).cloned() {
                tx.remove_bucket(&bucket);
            }
            Ok(())
        })
        .await?;
        Ok(Answer::empty(204))
    }
}
