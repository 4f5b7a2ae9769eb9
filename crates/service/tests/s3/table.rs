//! Each operation of S3: a request for it, and all that its caller must be allowed.

/// A request, and the accesses that it needs.
pub(crate) struct Row {
    /// The operation's name.
    pub(crate) operation: &'static str,
    /// `METHOD TARGET`
    pub(crate) line: &'static str,
    /// `name: value`, with `; ` between them.
    pub(crate) headers: &'static str,
    pub(crate) body: &'static str,
    /// `ACTION RESOURCE`, with the resource behind `arn:aws:s3:::` or `*`.
    pub(crate) needs: &'static [&'static str],
    /// The status of success.
    pub(crate) status: u16,
}

macro_rules! rows {
    ($($operation:ident $line:literal [$($header:literal)?] $body:literal => $status:literal $($need:literal),+;)*) => {
        &[$(Row {
            operation: stringify!($operation),
            line: $line,
            headers: concat!($($header)?),
            body: $body,
            needs: &[$($need),+],
            status: $status,
        },)*]
    };
}

/// Every operation that general-purpose buckets have here. `{VERSION}` is a version of `versioned/key`,
/// `{UPLOAD}` an upload to `alpha/key` with a part 1 whose ETag is `{ETAG}`.
pub(crate) const ROWS: &[Row] = rows! {
    AbortMultipartUpload "DELETE /alpha/key?uploadId={UPLOAD}" [] "" => 204 "s3:AbortMultipartUpload alpha/key";
    CompleteMultipartUpload "POST /alpha/key?uploadId={UPLOAD}" [] "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{ETAG}</ETag></Part></CompleteMultipartUpload>" => 200 "s3:PutObject alpha/key";
    CopyObject "PUT /alpha/copy" ["x-amz-copy-source: /versioned/key"] "" => 200 "s3:PutObject alpha/copy", "s3:GetObject versioned/key";
    CopyObject "PUT /alpha/copy" ["x-amz-copy-source: /alpha/key"] "" => 200 "s3:PutObject alpha/copy", "s3:PutObjectTagging alpha/copy", "s3:GetObject alpha/key", "s3:GetObjectTagging alpha/key";
    CopyObject "PUT /alpha/copy" ["x-amz-copy-source: /versioned/key?versionId={VERSION}"] "" => 200 "s3:PutObject alpha/copy", "s3:GetObjectVersion versioned/key";
    CreateBucket "PUT /fresh" [] "" => 200 "s3:CreateBucket fresh";
    CreateBucket "PUT /fresh" ["x-amz-object-ownership: BucketOwnerEnforced"] "" => 200 "s3:CreateBucket fresh", "s3:PutBucketOwnershipControls fresh";
    CreateMultipartUpload "POST /alpha/new?uploads" [] "" => 200 "s3:PutObject alpha/new";
    CreateMultipartUpload "POST /alpha/new?uploads" ["x-amz-tagging: a=b"] "" => 200 "s3:PutObject alpha/new", "s3:PutObjectTagging alpha/new";
    DeleteBucket "DELETE /empty" [] "" => 204 "s3:DeleteBucket empty";
    DeleteBucketCors "DELETE /alpha?cors" [] "" => 204 "s3:PutBucketCORS alpha";
    DeleteBucketEncryption "DELETE /alpha?encryption" [] "" => 204 "s3:PutEncryptionConfiguration alpha";
    DeleteBucketOwnershipControls "DELETE /alpha?ownershipControls" [] "" => 204 "s3:PutBucketOwnershipControls alpha";
    DeleteBucketPolicy "DELETE /alpha?policy" [] "" => 204 "s3:DeleteBucketPolicy alpha";
    DeleteBucketTagging "DELETE /alpha?tagging" [] "" => 204 "s3:PutBucketTagging alpha";
    DeleteObject "DELETE /alpha/key" [] "" => 204 "s3:DeleteObject alpha/key";
    DeleteObject "DELETE /versioned/key?versionId={VERSION}" [] "" => 204 "s3:DeleteObjectVersion versioned/key";
    DeleteObject "DELETE /alpha/key" ["if-match: \"149603e6c03516362a8da23f624db945\""] "" => 204 "s3:DeleteObject alpha/key", "s3:GetObject alpha/key";
    DeleteObjectTagging "DELETE /alpha/key?tagging" [] "" => 204 "s3:DeleteObjectTagging alpha/key";
    DeleteObjectTagging "DELETE /versioned/key?tagging&versionId={VERSION}" [] "" => 204 "s3:DeleteObjectVersionTagging versioned/key";
    DeletePublicAccessBlock "DELETE /alpha?publicAccessBlock" [] "" => 204 "s3:PutBucketPublicAccessBlock alpha";
    GetBucketAcl "GET /alpha?acl" [] "" => 200 "s3:GetBucketAcl alpha";
    GetBucketCors "GET /alpha?cors" [] "" => 200 "s3:GetBucketCORS alpha";
    GetBucketEncryption "GET /alpha?encryption" [] "" => 200 "s3:GetEncryptionConfiguration alpha";
    GetBucketLocation "GET /alpha?location" [] "" => 200 "s3:GetBucketLocation alpha";
    GetBucketOwnershipControls "GET /alpha?ownershipControls" [] "" => 200 "s3:GetBucketOwnershipControls alpha";
    GetBucketPolicy "GET /alpha?policy" [] "" => 200 "s3:GetBucketPolicy alpha";
    GetBucketPolicyStatus "GET /alpha?policyStatus" [] "" => 200 "s3:GetBucketPolicyStatus alpha";
    GetBucketTagging "GET /alpha?tagging" [] "" => 200 "s3:GetBucketTagging alpha";
    GetBucketVersioning "GET /alpha?versioning" [] "" => 200 "s3:GetBucketVersioning alpha";
    GetObject "GET /alpha/key" [] "" => 200 "s3:GetObject alpha/key";
    GetObject "GET /versioned/key?versionId={VERSION}" [] "" => 200 "s3:GetObjectVersion versioned/key";
    GetObjectAcl "GET /alpha/key?acl" [] "" => 200 "s3:GetObjectAcl alpha/key";
    GetObjectAttributes "GET /alpha/key?attributes" ["x-amz-object-attributes: ETag"] "" => 200 "s3:GetObjectAttributes alpha/key", "s3:GetObject alpha/key";
    GetObjectAttributes "GET /versioned/key?attributes&versionId={VERSION}" ["x-amz-object-attributes: ETag"] "" => 200 "s3:GetObjectVersionAttributes versioned/key", "s3:GetObjectVersion versioned/key";
    GetObjectTagging "GET /alpha/key?tagging" [] "" => 200 "s3:GetObjectTagging alpha/key";
    GetObjectTagging "GET /versioned/key?tagging&versionId={VERSION}" [] "" => 200 "s3:GetObjectVersionTagging versioned/key";
    GetPublicAccessBlock "GET /alpha?publicAccessBlock" [] "" => 200 "s3:GetBucketPublicAccessBlock alpha";
    HeadBucket "HEAD /alpha" [] "" => 200 "s3:ListBucket alpha";
    HeadObject "HEAD /alpha/key" [] "" => 200 "s3:GetObject alpha/key";
    HeadObject "HEAD /versioned/key?versionId={VERSION}" [] "" => 200 "s3:GetObjectVersion versioned/key";
    ListBuckets "GET /" [] "" => 200 "s3:ListAllMyBuckets *";
    ListMultipartUploads "GET /alpha?uploads" [] "" => 200 "s3:ListBucketMultipartUploads alpha";
    ListObjectVersions "GET /alpha?versions" [] "" => 200 "s3:ListBucketVersions alpha";
    ListObjects "GET /alpha" [] "" => 200 "s3:ListBucket alpha";
    ListObjectsV2 "GET /alpha?list-type=2" [] "" => 200 "s3:ListBucket alpha";
    ListParts "GET /alpha/key?uploadId={UPLOAD}" [] "" => 200 "s3:ListMultipartUploadParts alpha/key";
    PutBucketCors "PUT /alpha?cors" [] "<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin></CORSRule></CORSConfiguration>" => 200 "s3:PutBucketCORS alpha";
    PutBucketEncryption "PUT /alpha?encryption" [] "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>" => 200 "s3:PutEncryptionConfiguration alpha";
    PutBucketOwnershipControls "PUT /alpha?ownershipControls" [] "<OwnershipControls><Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule></OwnershipControls>" => 200 "s3:PutBucketOwnershipControls alpha";
    PutBucketPolicy "PUT /alpha?policy" [] r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::alpha/other"}}"# => 204 "s3:PutBucketPolicy alpha";
    PutBucketTagging "PUT /alpha?tagging" [] "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>" => 204 "s3:PutBucketTagging alpha";
    PutBucketVersioning "PUT /alpha?versioning" [] "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>" => 200 "s3:PutBucketVersioning alpha";
    PutObject "PUT /alpha/new" [] "text" => 200 "s3:PutObject alpha/new";
    PutObject "PUT /alpha/new" ["x-amz-tagging: a=b"] "text" => 200 "s3:PutObject alpha/new", "s3:PutObjectTagging alpha/new";
    PutObject "PUT /alpha/new" ["x-amz-acl: bucket-owner-full-control"] "text" => 200 "s3:PutObject alpha/new", "s3:PutObjectAcl alpha/new";
    PutObjectAcl "PUT /alpha/key?acl" ["x-amz-acl: bucket-owner-full-control"] "" => 200 "s3:PutObjectAcl alpha/key";
    PutObjectTagging "PUT /alpha/key?tagging" [] "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>" => 200 "s3:PutObjectTagging alpha/key";
    PutObjectTagging "PUT /versioned/key?tagging&versionId={VERSION}" [] "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>" => 200 "s3:PutObjectVersionTagging versioned/key";
    PutPublicAccessBlock "PUT /alpha?publicAccessBlock" [] "<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls></PublicAccessBlockConfiguration>" => 200 "s3:PutBucketPublicAccessBlock alpha";
    UploadPart "PUT /alpha/key?partNumber=2&uploadId={UPLOAD}" [] "more" => 200 "s3:PutObject alpha/key";
    UploadPartCopy "PUT /alpha/key?partNumber=2&uploadId={UPLOAD}" ["x-amz-copy-source: /versioned/key"] "" => 200 "s3:PutObject alpha/key", "s3:GetObject versioned/key";
};
