//! What each operation asks permission for: actions, resources and condition keys, as the service
//! authorization reference of S3 and "Required permissions for Amazon S3 API operations" (S3 User Guide)
//! have them.

use iamd_authz::{Access, AccessList};
use iamd_directory::Bucket;
use iamd_types::{AccountId, Code, Error, Tag};

use crate::call::{Call, CopySource};
use crate::keys::{put_copied_tags, put_existing_tags, put_request, put_signing};
use crate::policy;

pub use crate::keys::{AuthType, Signing};

/// What an operation is done to.
#[derive(Clone, Copy)]
enum On {
    /// No resource of its own.
    Account,
    Bucket,
    Object,
}

/// An operation's own action. Operations with a version id may have another one for it.
struct Rule {
    operation: &'static str,
    on: On,
    action: &'static str,
    versioned: Option<&'static str>,
}

macro_rules! rules {
    ($($operation:ident $on:ident $action:literal $(/ $versioned:literal)?,)*) => {
        &[$(Rule {
            operation: stringify!($operation),
            on: On::$on,
            action: $action,
            versioned: rules!(@versioned $($versioned)?),
        },)*]
    };
    (@versioned) => { None };
    (@versioned $action:literal) => { Some($action) };
}

/// Sorted by operation. What is not here is refused. DeleteObjects is decided key by key.
const RULES: &[Rule] = rules! {
    AbortMultipartUpload Object "s3:AbortMultipartUpload",
    CompleteMultipartUpload Object "s3:PutObject",
    CopyObject Object "s3:PutObject",
    CreateBucket Bucket "s3:CreateBucket",
    CreateMultipartUpload Object "s3:PutObject",
    DeleteBucket Bucket "s3:DeleteBucket",
    DeleteBucketAnalyticsConfiguration Bucket "s3:PutAnalyticsConfiguration",
    DeleteBucketCors Bucket "s3:PutBucketCORS",
    DeleteBucketEncryption Bucket "s3:PutEncryptionConfiguration",
    DeleteBucketIntelligentTieringConfiguration Bucket "s3:PutIntelligentTieringConfiguration",
    DeleteBucketInventoryConfiguration Bucket "s3:PutInventoryConfiguration",
    DeleteBucketLifecycle Bucket "s3:PutLifecycleConfiguration",
    DeleteBucketMetricsConfiguration Bucket "s3:PutMetricsConfiguration",
    DeleteBucketOwnershipControls Bucket "s3:PutBucketOwnershipControls",
    DeleteBucketPolicy Bucket "s3:DeleteBucketPolicy",
    DeleteBucketReplication Bucket "s3:PutReplicationConfiguration",
    DeleteBucketTagging Bucket "s3:PutBucketTagging",
    DeleteBucketWebsite Bucket "s3:DeleteBucketWebsite",
    DeleteObject Object "s3:DeleteObject" / "s3:DeleteObjectVersion",
    DeleteObjectTagging Object "s3:DeleteObjectTagging" / "s3:DeleteObjectVersionTagging",
    DeletePublicAccessBlock Bucket "s3:PutBucketPublicAccessBlock",
    GetBucketAccelerateConfiguration Bucket "s3:GetAccelerateConfiguration",
    GetBucketAcl Bucket "s3:GetBucketAcl",
    GetBucketAnalyticsConfiguration Bucket "s3:GetAnalyticsConfiguration",
    GetBucketCors Bucket "s3:GetBucketCORS",
    GetBucketEncryption Bucket "s3:GetEncryptionConfiguration",
    GetBucketIntelligentTieringConfiguration Bucket "s3:GetIntelligentTieringConfiguration",
    GetBucketInventoryConfiguration Bucket "s3:GetInventoryConfiguration",
    GetBucketLifecycleConfiguration Bucket "s3:GetLifecycleConfiguration",
    GetBucketLocation Bucket "s3:GetBucketLocation",
    GetBucketLogging Bucket "s3:GetBucketLogging",
    GetBucketMetricsConfiguration Bucket "s3:GetMetricsConfiguration",
    GetBucketNotificationConfiguration Bucket "s3:GetBucketNotification",
    GetBucketOwnershipControls Bucket "s3:GetBucketOwnershipControls",
    GetBucketPolicy Bucket "s3:GetBucketPolicy",
    GetBucketPolicyStatus Bucket "s3:GetBucketPolicyStatus",
    GetBucketReplication Bucket "s3:GetReplicationConfiguration",
    GetBucketRequestPayment Bucket "s3:GetBucketRequestPayment",
    GetBucketTagging Bucket "s3:GetBucketTagging",
    GetBucketVersioning Bucket "s3:GetBucketVersioning",
    GetBucketWebsite Bucket "s3:GetBucketWebsite",
    GetObject Object "s3:GetObject" / "s3:GetObjectVersion",
    GetObjectAcl Object "s3:GetObjectAcl" / "s3:GetObjectVersionAcl",
    GetObjectAttributes Object "s3:GetObjectAttributes" / "s3:GetObjectVersionAttributes",
    GetObjectLegalHold Object "s3:GetObjectLegalHold",
    GetObjectLockConfiguration Bucket "s3:GetBucketObjectLockConfiguration",
    GetObjectRetention Object "s3:GetObjectRetention",
    GetObjectTagging Object "s3:GetObjectTagging" / "s3:GetObjectVersionTagging",
    GetObjectTorrent Object "s3:GetObjectTorrent" / "s3:GetObjectVersionTorrent",
    GetPublicAccessBlock Bucket "s3:GetBucketPublicAccessBlock",
    HeadBucket Bucket "s3:ListBucket",
    HeadObject Object "s3:GetObject" / "s3:GetObjectVersion",
    ListBucketAnalyticsConfigurations Bucket "s3:GetAnalyticsConfiguration",
    ListBucketIntelligentTieringConfigurations Bucket "s3:GetIntelligentTieringConfiguration",
    ListBucketInventoryConfigurations Bucket "s3:GetInventoryConfiguration",
    ListBucketMetricsConfigurations Bucket "s3:GetMetricsConfiguration",
    ListBuckets Account "s3:ListAllMyBuckets",
    ListMultipartUploads Bucket "s3:ListBucketMultipartUploads",
    ListObjectVersions Bucket "s3:ListBucketVersions",
    ListObjects Bucket "s3:ListBucket",
    ListObjectsV2 Bucket "s3:ListBucket",
    ListParts Object "s3:ListMultipartUploadParts",
    PutBucketAccelerateConfiguration Bucket "s3:PutAccelerateConfiguration",
    PutBucketAcl Bucket "s3:PutBucketAcl",
    PutBucketAnalyticsConfiguration Bucket "s3:PutAnalyticsConfiguration",
    PutBucketCors Bucket "s3:PutBucketCORS",
    PutBucketEncryption Bucket "s3:PutEncryptionConfiguration",
    PutBucketIntelligentTieringConfiguration Bucket "s3:PutIntelligentTieringConfiguration",
    PutBucketInventoryConfiguration Bucket "s3:PutInventoryConfiguration",
    PutBucketLifecycleConfiguration Bucket "s3:PutLifecycleConfiguration",
    PutBucketLogging Bucket "s3:PutBucketLogging",
    PutBucketMetricsConfiguration Bucket "s3:PutMetricsConfiguration",
    PutBucketNotificationConfiguration Bucket "s3:PutBucketNotification",
    PutBucketOwnershipControls Bucket "s3:PutBucketOwnershipControls",
    PutBucketPolicy Bucket "s3:PutBucketPolicy",
    PutBucketReplication Bucket "s3:PutReplicationConfiguration",
    PutBucketRequestPayment Bucket "s3:PutBucketRequestPayment",
    PutBucketTagging Bucket "s3:PutBucketTagging",
    PutBucketVersioning Bucket "s3:PutBucketVersioning",
    PutBucketWebsite Bucket "s3:PutBucketWebsite",
    PutObject Object "s3:PutObject",
    PutObjectAcl Object "s3:PutObjectAcl" / "s3:PutObjectVersionAcl",
    PutObjectLegalHold Object "s3:PutObjectLegalHold",
    PutObjectLockConfiguration Bucket "s3:PutBucketObjectLockConfiguration",
    PutObjectRetention Object "s3:PutObjectRetention",
    PutObjectTagging Object "s3:PutObjectTagging" / "s3:PutObjectVersionTagging",
    PutPublicAccessBlock Bucket "s3:PutBucketPublicAccessBlock",
    RestoreObject Object "s3:RestoreObject",
    SelectObjectContent Object "s3:GetObject",
    UploadPart Object "s3:PutObject",
    UploadPartCopy Object "s3:PutObject",
};

/// A bucket and what it holds, as one request is decided about them.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// The account that owns the bucket.
    pub owner: AccountId,
    /// The bucket; `None` for one that is about to be made.
    pub bucket: Option<&'a Bucket>,
    /// Whether the bucket's policy takes part. It does not where Block Public Access or the owner's root
    /// user is beyond it.
    pub policy: bool,
    /// The tags of the object, when they were asked for.
    pub tags: Option<&'a [Tag]>,
}

/// What decides about a request besides its caller.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// The bucket and object that are asked for.
    pub place: Place<'a>,
    /// The bucket and object that are copied.
    pub source: Option<Place<'a>>,
    /// How the request is signed.
    pub signing: &'a Signing,
}

/// Everything that the caller must be allowed. Of DeleteObjects nothing: see [`deletion`].
///
/// # Errors
/// `NotImplemented` for operations that have no rule; a failure of ours when the bucket's policy cannot
/// be read.
pub fn accesses<'a>(call: &Call, scene: &Scene<'a>) -> Result<AccessList<'a>, Error> {
    if call.operation.name == "DeleteObjects" {
        return Ok(AccessList(Vec::new()));
    }
    let rule = rule(call.operation.name).ok_or_else(|| not_implemented(call.operation.name))?;
    let action = match (rule.versioned, call.version()) {
        (Some(versioned), Some(_)) => versioned,
        _ => rule.action,
    };
    let main = match rule.on {
        // No bucket in particular: a policy on `*` and one on `arn:aws:s3:::*` both speak of it.
        On::Account => {
            signed(access(action, EVERY_BUCKET.to_owned(), &scene.place)?, scene.signing)
        }
        On::Bucket => on_bucket(call, action, scene)?,
        On::Object => on_object(call, action, scene)?,
    };
    let mut list = AccessList::one(main);
    for action in beside(call) {
        list.0.push(match rule.on {
            On::Object => on_object(call, action, scene)?,
            _ => on_bucket(call, action, scene)?,
        });
    }
    if let (Some(copied), Some(place)) = (&call.source, scene.source) {
        if copies_tags(call, &place) {
            let tags = place.tags.unwrap_or_default();
            let given = on_object(call, "s3:PutObjectTagging", scene)?;
            list.0 = list.0.into_iter().map(|access| put_copied_tags(access, tags)).collect();
            list.0.push(put_copied_tags(given, tags));
        }
        list.0.extend(reading(copied, &place, call, scene.signing)?);
    }
    Ok(list)
}

fn rule(operation: &str) -> Option<&'static Rule> {
    let at = RULES.binary_search_by(|rule| rule.operation.cmp(operation)).ok()?;
    RULES.get(at)
}

/// Whether an action has the key `s3:ExistingObjectTag`: where an object is read, or its tags or its ACL are read or
/// set. Where objects are written over or deleted it is not there (S3 User Guide, "Tagging and access control
/// policies"; service authorization reference).
fn knows_tags(operation: &str, action: &str) -> bool {
    match action {
        // A header of a write asks for these two as well.
        "s3:PutObjectAcl" => operation == "PutObjectAcl",
        "s3:PutObjectTagging" => operation == "PutObjectTagging",
        _ => TAG_ACTIONS.contains(&action),
    }
}

const TAG_ACTIONS: [&str; 12] = [
    "s3:DeleteObjectTagging",
    "s3:DeleteObjectVersionTagging",
    "s3:GetObject",
    "s3:GetObjectAcl",
    "s3:GetObjectAttributes",
    "s3:GetObjectTagging",
    "s3:GetObjectVersion",
    "s3:GetObjectVersionAcl",
    "s3:GetObjectVersionAttributes",
    "s3:GetObjectVersionTagging",
    "s3:PutObjectVersionAcl",
    "s3:PutObjectVersionTagging",
];

/// Whether a decision about the request can depend on the tags of the object that it names. Of a write under `If-Match`
/// it is whether its caller may learn that the ETag is the one it guesses.
pub fn may_read_tags(call: &Call) -> bool {
    let operation = call.operation.name;
    let own = rule(operation).into_iter();
    let own = own.flat_map(|rule| [Some(rule.action), rule.versioned]).flatten();
    own.chain(beside(call)).any(|action| knows_tags(operation, action))
}

/// The same of an object that a DeleteObjects request lists: its ETag is compared for those alone who may read it.
pub fn may_read_doomed_tags(doomed: &Doomed<'_>) -> bool {
    doomed.etag.is_some_and(|etag| etag != "*")
}

/// Further actions on the same resource that what the request carries needs.
fn beside(call: &Call) -> Vec<&'static str> {
    let has = |member: &str| call.get(member).is_some();
    let mut actions = Vec::new();
    let sets_acl = has("ACL")
        || ["GrantFullControl", "GrantRead", "GrantReadACP", "GrantWrite", "GrantWriteACP"]
            .iter()
            .any(|grant| has(grant));
    match call.operation.name {
        "PutObject" | "CopyObject" | "CreateMultipartUpload" => {
            if sets_acl {
                actions.push("s3:PutObjectAcl");
            }
            if call.get("Tagging").is_some_and(|tags| !tags.is_empty()) {
                actions.push("s3:PutObjectTagging");
            }
            if has("ObjectLockMode") || has("ObjectLockRetainUntilDate") {
                actions.push("s3:PutObjectRetention");
            }
            if has("ObjectLockLegalHoldStatus") {
                actions.push("s3:PutObjectLegalHold");
            }
        }
        "CreateBucket" => {
            if sets_acl {
                actions.push("s3:PutBucketAcl");
            }
            if has("ObjectOwnership") {
                actions.push("s3:PutBucketOwnershipControls");
            }
            if call.get("ObjectLockEnabledForBucket") == Some("true") {
                actions.extend(["s3:PutBucketObjectLockConfiguration", "s3:PutBucketVersioning"]);
            }
        }
        "GetObjectAttributes" => actions.push(match call.version() {
            Some(_) => "s3:GetObjectVersion",
            None => "s3:GetObject",
        }),
        "DeleteObject" if call.get("BypassGovernanceRetention") == Some("true") => {
            actions.push("s3:BypassGovernanceRetention");
        }
        _ => {}
    }
    // Whoever makes a write depend on what the object holds learns what it holds (S3 User Guide, "How to
    // prevent object overwrites with conditional writes" and "conditional deletes").
    let conditional = ["PutObject", "CopyObject", "CompleteMultipartUpload", "DeleteObject"];
    if conditional.contains(&call.operation.name) && call.get("IfMatch").is_some_and(|it| it != "*")
    {
        actions.push("s3:GetObject");
    }
    actions
}

/// Whether a copy takes the source's tags with it: unless the request replaces them.
fn copies_tags(call: &Call, source: &Place<'_>) -> bool {
    call.operation.name == "CopyObject"
        && call.get("TaggingDirective") != Some("REPLACE")
        && source.tags.is_some_and(|tags| !tags.is_empty())
}

/// What reading the object to copy asks for. Its tags are copied with it unless the request replaces them.
fn reading<'a>(
    copied: &CopySource,
    place: &Place<'a>,
    call: &Call,
    signing: &Signing,
) -> Result<Vec<Access<'a>>, Error> {
    let (read, read_tags) = match copied.version {
        Some(_) => ("s3:GetObjectVersion", "s3:GetObjectVersionTagging"),
        None => ("s3:GetObject", "s3:GetObjectTagging"),
    };
    let mut actions = vec![read];
    if copies_tags(call, place) {
        actions.push(read_tags);
    }
    actions
        .into_iter()
        .map(|action| {
            let access = object(action, &copied.bucket, &copied.key, place)?;
            let access = access.with_some("s3:versionid", copied.version.as_deref());
            Ok(put_existing_tags(signed(access, signing), place.tags))
        })
        .collect()
}

/// What deleting one object of a DeleteObjects request asks for.
///
/// # Errors
/// As [`accesses`].
pub fn deletion<'a>(
    call: &Call,
    scene: &Scene<'a>,
    doomed: &Doomed<'_>,
) -> Result<AccessList<'a>, Error> {
    let bucket = call.bucket.as_deref().unwrap_or_default();
    let action = match doomed.version {
        Some(_) => "s3:DeleteObjectVersion",
        None => "s3:DeleteObject",
    };
    let reads = may_read_doomed_tags(doomed).then_some("s3:GetObject");
    let accesses = [Some(action), reads].into_iter().flatten().map(|action| {
        let access = object(action, bucket, doomed.key, &scene.place)?;
        let access = access.with_some("s3:versionid", doomed.version);
        let mut access = access.with_some("s3:if-match", doomed.etag);
        if knows_tags(call.operation.name, action) {
            access = put_existing_tags(access, scene.place.tags);
        }
        Ok(signed(access, scene.signing))
    });
    accesses.collect::<Result<_, Error>>().map(AccessList)
}

/// An object that a DeleteObjects request lists.
#[derive(Clone, Copy)]
pub struct Doomed<'c> {
    /// Its key.
    pub key: &'c str,
    /// Its version, if a certain one is meant.
    pub version: Option<&'c str>,
    /// The ETag that it must have.
    pub etag: Option<&'c str>,
}

/// The objects that a DeleteObjects request lists.
pub fn objects_to_delete(call: &Call) -> impl Iterator<Item = Doomed<'_>> {
    (1..).map_while(|number| {
        let member = |name: &str| call.get(&format!("Delete.Objects.member.{number}.{name}"));
        Some(Doomed { key: member("Key")?, version: member("VersionId"), etag: member("ETag") })
    })
}

/// Whether the caller may know that an object is not there: S3 answers NoSuchKey only to those who may
/// list the bucket, AccessDenied to others.
///
/// # Errors
/// As [`accesses`].
pub fn listing<'a>(
    bucket: &str,
    place: &Place<'a>,
    signing: &Signing,
) -> Result<Access<'a>, Error> {
    Ok(signed(bucket_access("s3:ListBucket", bucket, place)?, signing))
}

fn on_bucket<'a>(
    call: &Call,
    action: &'static str,
    scene: &Scene<'a>,
) -> Result<Access<'a>, Error> {
    let bucket = call.bucket.as_deref().unwrap_or_default();
    let access = bucket_access(action, bucket, &scene.place)?;
    Ok(signed(put_request(access, call), scene.signing))
}

fn on_object<'a>(
    call: &Call,
    action: &'static str,
    scene: &Scene<'a>,
) -> Result<Access<'a>, Error> {
    let bucket = call.bucket.as_deref().unwrap_or_default();
    let key = call.key.as_deref().unwrap_or_default();
    let mut access = put_request(object(action, bucket, key, &scene.place)?, call);
    if knows_tags(call.operation.name, action) {
        access = put_existing_tags(access, scene.place.tags);
    }
    Ok(signed(access, scene.signing))
}

fn bucket_access<'a>(
    action: &'static str,
    bucket: &str,
    place: &Place<'a>,
) -> Result<Access<'a>, Error> {
    access(action, ["arn:aws:s3:::", bucket].concat(), place)
}

fn object<'a>(
    action: &'static str,
    bucket: &str,
    key: &str,
    place: &Place<'a>,
) -> Result<Access<'a>, Error> {
    access(action, ["arn:aws:s3:::", bucket, "/", key].concat(), place)
}

fn access<'a>(
    action: &'static str,
    resource: String,
    place: &Place<'a>,
) -> Result<Access<'a>, Error> {
    let mut access = Access::new(action, resource, place.owner)
        .with("s3:ResourceAccount", place.owner.to_string());
    let Some(bucket) = place.bucket else { return Ok(access) };
    for (key, value) in bucket.tags() {
        access = access.with(format!("s3:BucketTag/{key}"), value);
    }
    // What takes no part need not be readable: so the owner's root user can replace it.
    if place.policy
        && let Some(document) = policy::kept(bucket)?
    {
        return Ok(access.under(Some(document)));
    }
    Ok(access)
}

/// What stands for all buckets of an account.
const EVERY_BUCKET: &str = "arn:aws:s3:::*";

fn signed<'a>(access: Access<'a>, signing: &Signing) -> Access<'a> {
    put_signing(access, signing)
}

/// The refusal of an operation that S3 has and this server has not.
pub fn not_implemented(operation: &str) -> Error {
    let message =
        format!("A header or operation that you requested is not implemented: {operation}");
    Error::new(Code::NotImplemented, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_and_actions_are_those_of_the_model_and_the_reference() {
        let s3 = iamd_policy::vocabulary::service("s3").unwrap();
        for rule in RULES {
            assert!(
                iamd_api::s3::SERVICE.operation(rule.operation).is_some(),
                "{}",
                rule.operation
            );
            for action in [Some(rule.action), rule.versioned].into_iter().flatten() {
                let name = action.strip_prefix("s3:").unwrap();
                assert!(s3.action(name).is_some(), "{}: {action}", rule.operation);
            }
        }
    }

    #[test]
    fn rules_are_sorted_and_no_operation_has_two() {
        assert!(RULES.is_sorted_by(|left, right| left.operation < right.operation));
    }
}
