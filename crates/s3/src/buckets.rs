//! Buckets as such: which there are, and where. Those that make and remove them are the pipeline's.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use iamd_api::s3;
use iamd_authz::Permit;
use iamd_directory::Bucket;
use iamd_types::Error;

use crate::operation::{BucketOperation, BucketQuery, Entry, Table, View, bucket_of};
use crate::owner::owner;

/// The operations on buckets as such.
pub(crate) const OPERATIONS: Table = &[
    Entry::query::<GetBucketLocation>(),
    Entry::query::<HeadBucket>(),
    Entry::query::<ListBuckets>(),
];

/// The region that has no name as a location.
const FIRST_REGION: &str = "us-east-1";

/// `s3:ListAllMyBuckets`: the buckets of the caller's account, by name.
pub(crate) struct ListBuckets;

impl BucketOperation for ListBuckets {
    const NAME: &'static str = "ListBuckets";
    type Input = s3::ListBucketsRequest;
    type Output = s3::ListBucketsOutput;
}

impl BucketQuery for ListBuckets {
    fn run(
        input: &Self::Input,
        _: &Permit<Self>,
        view: &View<'_>,
    ) -> Result<s3::ListBucketsOutput, Error> {
        let after = input.continuation_token.as_deref().map(name_in).transpose()?;
        let prefix = input.prefix.as_deref().unwrap_or_default();
        let region = input.bucket_region.as_deref();
        let mut asked = view.owner.buckets().filter(|bucket| {
            after.as_deref().is_none_or(|after| bucket.name() > after)
                && bucket.name().starts_with(prefix)
                && region.is_none_or(|region| bucket.region() == region)
        });
        let most = input.max_buckets.and_then(|most| usize::try_from(most).ok());
        let page: Vec<&Bucket> = asked.by_ref().take(most.unwrap_or(usize::MAX)).collect();
        let more = asked.next().is_some();
        let continuation_token =
            page.last().filter(|_| more).map(|last| URL_SAFE_NO_PAD.encode(last.name()));
        // Answers to a request without parameters are as they were before there were any.
        let tells_region = most.is_some() || region.is_some() || input.prefix.is_some();
        let shown = |bucket: &&Bucket| s3::Bucket {
            name: Some(bucket.name().to_owned()),
            creation_date: Some(bucket.created()),
            bucket_region: tells_region.then(|| bucket.region().to_owned()),
            ..s3::Bucket::default()
        };
        Ok(s3::ListBucketsOutput {
            buckets: Some(page.iter().map(shown).collect()),
            owner: Some(owner(view.owner.id())),
            continuation_token,
            prefix: input.prefix.clone(),
        })
    }
}

fn name_in(token: &str) -> Result<String, Error> {
    let name = URL_SAFE_NO_PAD.decode(token).ok().and_then(|name| String::from_utf8(name).ok());
    name.ok_or_else(|| Error::invalid_argument("The continuation token provided is incorrect"))
}

/// `s3:ListBucket`: whether the bucket is there, and its region.
pub(crate) struct HeadBucket;

impl BucketOperation for HeadBucket {
    const NAME: &'static str = "HeadBucket";
    type Input = s3::HeadBucketRequest;
    type Output = s3::HeadBucketOutput;
}

impl BucketQuery for HeadBucket {
    fn run(
        _: &Self::Input,
        _: &Permit<Self>,
        view: &View<'_>,
    ) -> Result<s3::HeadBucketOutput, Error> {
        let bucket = bucket_of(view)?;
        Ok(s3::HeadBucketOutput {
            bucket_region: Some(bucket.region().to_owned()),
            access_point_alias: Some(false),
            ..s3::HeadBucketOutput::default()
        })
    }
}

/// `s3:GetBucketLocation`. The first region is told as none.
pub(crate) struct GetBucketLocation;

impl BucketOperation for GetBucketLocation {
    const NAME: &'static str = "GetBucketLocation";
    type Input = s3::GetBucketLocationRequest;
    type Output = s3::GetBucketLocationOutput;
}

impl BucketQuery for GetBucketLocation {
    fn run(
        _: &Self::Input,
        _: &Permit<Self>,
        view: &View<'_>,
    ) -> Result<s3::GetBucketLocationOutput, Error> {
        let region = bucket_of(view)?.region();
        let location_constraint = (region != FIRST_REGION).then(|| region.to_owned());
        Ok(s3::GetBucketLocationOutput { location_constraint })
    }
}
