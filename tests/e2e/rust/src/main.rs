//! What a program does with the AWS SDK for Rust. Argument: a large file.

use std::collections::HashMap;
use std::fmt::Debug;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use aws_config::sts::AssumeRoleProvider;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_iam::client::Waiters as _;
use aws_sdk_iam::error::ProvideErrorMetadata;
use aws_sdk_s3::client::Waiters as _;
use aws_sdk_s3::config::Credentials;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::presigning::{PresignedRequest, PresigningConfig};
use aws_sdk_s3::primitives::{ByteStream, Length};
use aws_sdk_s3::types::{
    BucketVersioningStatus, ChecksumAlgorithm, ChecksumMode, CompletedMultipartUpload,
    CompletedPart, Delete, ObjectIdentifier, VersioningConfiguration,
};
use aws_sdk_s3::{Client, config};

const PART: u64 = 5 << 20;
const BUCKET: &str = "photos";
const ODD: &str = "a b/ü+%.txt";
const WAIT: Duration = Duration::from_secs(60);

/// Expects the service to refuse with this code.
fn refused<T: Debug, E: ProvideErrorMetadata + Debug, R: Debug>(
    code: &str,
    answer: Result<T, SdkError<E, R>>,
) {
    let error = answer.expect_err("it was allowed");
    assert_eq!(error.code(), Some(code), "{error:?}");
}

async fn settings() -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .retry_config(aws_config::retry::RetryConfig::disabled())
        .load()
        .await
}

fn store(settings: &SdkConfig) -> Client {
    Client::from_conf(config::Builder::from(settings).force_path_style(true).build())
}

async fn get(s3: &Client, key: &str) -> Result<Vec<u8>, SdkError<GetObjectError>> {
    let answer = s3.get_object().bucket(BUCKET).key(key).send().await?;
    Ok(answer.body.collect().await.unwrap().to_vec())
}

async fn keys(s3: &Client, size: i32) -> Vec<String> {
    let mut pages = s3.list_objects_v2().bucket(BUCKET).max_keys(size).into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        found.extend(page.unwrap().contents().iter().map(|each| each.key().unwrap().to_owned()));
    }
    found
}

/// Status and body of a request as a presigned URL asks for it.
fn send(asked: &PresignedRequest, uri: &str, body: &str) -> (u16, String) {
    let (host, target) = uri.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut text =
        format!("{} /{target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n", asked.method());
    for (name, value) in
        asked.headers().filter(|(name, _)| !name.eq_ignore_ascii_case("content-length"))
    {
        text += &format!("{name}: {value}\r\n");
    }
    text += &format!("Content-Length: {}\r\n\r\n{body}", body.len());
    let mut stream = TcpStream::connect(host).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

async fn objects(s3: &Client, large: &str) {
    s3.create_bucket().bucket(BUCKET).send().await.unwrap();
    s3.wait_until_bucket_exists().bucket(BUCKET).wait(WAIT).await.unwrap();
    let hello = || ByteStream::from_static(b"hello");
    let put = s3.put_object().bucket(BUCKET).key(ODD).body(hello());
    put.metadata("color", "blue").content_type("text/plain").send().await.unwrap();
    let told = s3.head_object().bucket(BUCKET).key(ODD).send().await.unwrap();
    assert_eq!((told.content_length(), told.content_type()), (Some(5), Some("text/plain")));
    assert_eq!(told.metadata(), Some(&HashMap::from([("color".to_owned(), "blue".to_owned())])));
    let part = s3.get_object().bucket(BUCKET).key(ODD).range("bytes=1-2").send().await.unwrap();
    assert_eq!(part.body.collect().await.unwrap().to_vec(), b"el");
    s3.put_object().bucket(BUCKET).key("empty").send().await.unwrap();
    assert_eq!(get(s3, "empty").await.unwrap(), b"");
    for algorithm in ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"].map(ChecksumAlgorithm::from)
    {
        let put = s3.put_object().bucket(BUCKET).key("sum").body(hello());
        put.checksum_algorithm(algorithm).send().await.unwrap();
        let asked = s3.get_object().bucket(BUCKET).key("sum").checksum_mode(ChecksumMode::Enabled);
        assert_eq!(asked.send().await.unwrap().body.collect().await.unwrap().to_vec(), b"hello");
    }

    // A file in one piece, in signed chunks with a checksum behind them.
    let whole = std::fs::read(large).unwrap();
    let file = ByteStream::from_path(large).await.unwrap();
    s3.put_object().bucket(BUCKET).key("stream").body(file).send().await.unwrap();
    in_parts(s3, large, whole.len() as u64).await;
    for key in ["large", "stream"] {
        assert!(get(s3, key).await.unwrap() == whole, "{key}");
    }
    let told = s3.head_object().bucket(BUCKET).key("large").send().await.unwrap();
    assert!(told.e_tag().unwrap().ends_with("-3\""));

    s3.copy_object()
        .bucket(BUCKET)
        .key("copy")
        .copy_source("photos/a%20b/%C3%BC%2B%25.txt")
        .send()
        .await
        .unwrap();
    assert_eq!(get(s3, "copy").await.unwrap(), b"hello");
    assert_eq!(keys(s3, 2).await, [ODD, "copy", "empty", "large", "stream", "sum"]);
    let none = get(s3, "none").await.unwrap_err().into_service_error();
    assert!(none.is_no_such_key(), "{none:?}");
    refused("NoSuchBucket", s3.list_objects_v2().bucket("not-there").send().await);
    refused(
        "PreconditionFailed",
        s3.put_object().bucket(BUCKET).key("copy").if_none_match("*").send().await,
    );
    let on = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
    s3.put_bucket_versioning().bucket(BUCKET).versioning_configuration(on).send().await.unwrap();
    s3.put_object().bucket(BUCKET).key("empty").body(hello()).send().await.unwrap();
    let versions = s3.list_object_versions().bucket(BUCKET).prefix("empty").send().await.unwrap();
    assert_eq!(versions.versions().len(), 2);
}

async fn in_parts(s3: &Client, large: &str, length: u64) {
    let started = s3.create_multipart_upload().bucket(BUCKET).key("large");
    let started = started.checksum_algorithm(ChecksumAlgorithm::Crc32C).send().await.unwrap();
    let id = started.upload_id().unwrap();
    let mut done = CompletedMultipartUpload::builder();
    for (number, offset) in (1..).zip((0..length).step_by(PART as usize)) {
        let size = Length::Exact(PART.min(length - offset));
        let body =
            ByteStream::read_from().path(large).offset(offset).length(size).build().await.unwrap();
        let part = s3
            .upload_part()
            .bucket(BUCKET)
            .key("large")
            .upload_id(id)
            .part_number(number)
            .body(body);
        let part = part.checksum_algorithm(ChecksumAlgorithm::Crc32C).send().await.unwrap();
        let part = CompletedPart::builder()
            .part_number(number)
            .set_e_tag(part.e_tag)
            .set_checksum_crc32_c(part.checksum_crc32_c);
        done = done.parts(part.build());
    }
    let completed = s3.complete_multipart_upload().bucket(BUCKET).key("large").upload_id(id);
    completed.multipart_upload(done.build()).send().await.unwrap();
}

async fn presigned(s3: &Client) {
    let minute = || PresigningConfig::expires_in(WAIT).unwrap();
    let put = s3
        .put_object()
        .bucket(BUCKET)
        .key("copy")
        .content_type("text/html")
        .presigned(minute())
        .await
        .unwrap();
    assert_eq!(send(&put, put.uri(), "from elsewhere"), (200, String::new()));
    let got = s3.get_object().bucket(BUCKET).key("copy").presigned(minute()).await.unwrap();
    assert_eq!(send(&got, got.uri(), ""), (200, "from elsewhere".to_owned()));
    assert_eq!(send(&got, &got.uri().replace("/copy?", "/large?"), "").0, 403);
}

fn policy(action: &str, resource: &str) -> String {
    format!(
        r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow", "Action": "{action}", "Resource": "{resource}"}}]}}"#
    )
}

/// A user with a key, and a role that the user may take.
async fn people(iam: &aws_sdk_iam::Client) -> (Credentials, String) {
    let user = iam.create_user().user_name("alice").send().await.unwrap().user.unwrap();
    iam.wait_until_user_exists().user_name("alice").wait(WAIT).await.unwrap();
    let key = iam.create_access_key().user_name("alice").send().await.unwrap().access_key.unwrap();
    let document = policy("s3:ListBucket", "arn:aws:s3:::photos");
    let lists = iam
        .create_policy()
        .policy_name("lists")
        .policy_document(document)
        .send()
        .await
        .unwrap()
        .policy
        .unwrap();
    iam.attach_user_policy()
        .user_name("alice")
        .policy_arn(lists.arn().unwrap())
        .send()
        .await
        .unwrap();
    let trust = format!(
        r#"{{"Version": "2012-10-17", "Statement": [
            {{"Effect": "Allow", "Principal": {{"AWS": "{}"}}, "Action": "sts:AssumeRole"}}]}}"#,
        user.arn()
    );
    let role = iam
        .create_role()
        .role_name("reader")
        .assume_role_policy_document(trust)
        .send()
        .await
        .unwrap();
    iam.wait_until_role_exists().role_name("reader").wait(WAIT).await.unwrap();
    let document = policy("s3:GetObject", "arn:aws:s3:::photos/*");
    let reads =
        iam.put_role_policy().role_name("reader").policy_name("reads").policy_document(document);
    reads.send().await.unwrap();
    let again = iam.create_user().user_name("alice").send().await.unwrap_err().into_service_error();
    assert!(again.is_entity_already_exists_exception(), "{again:?}");
    let mut pages = iam.list_users().max_items(1).into_paginator().items().send();
    assert_eq!(pages.next().await.unwrap().unwrap().user_name(), "alice");
    assert!(pages.next().await.is_none());
    let credentials =
        Credentials::new(key.access_key_id(), key.secret_access_key(), None, None, "alice");
    (credentials, role.role().unwrap().arn().to_owned())
}

async fn denials(own: &SdkConfig, alice: Credentials, role: &str) {
    let provider = config::SharedCredentialsProvider::new(alice);
    let other = own.to_builder().credentials_provider(provider).build();
    let s3 = store(&other);
    assert_eq!(keys(&s3, 1000).await.len(), 6);
    refused("AccessDenied", get(&s3, "large").await);
    refused("AccessDenied", s3.put_object().bucket(BUCKET).key("large").send().await);
    refused("AccessDenied", s3.delete_object().bucket(BUCKET).key("large").send().await);
    refused("AccessDenied", s3.create_multipart_upload().bucket(BUCKET).key("large").send().await);
    refused("AccessDenied", aws_sdk_iam::Client::new(&other).list_users().send().await);

    // The role's temporary credentials, as the SDK itself gets and keeps them.
    let provider =
        AssumeRoleProvider::builder(role).session_name("tour").configure(&other).build().await;
    let provider = config::SharedCredentialsProvider::new(provider);
    let session = other.to_builder().credentials_provider(provider).build();
    let who = aws_sdk_sts::Client::new(&session).get_caller_identity().send().await.unwrap();
    assert!(who.arn().unwrap().ends_with(":assumed-role/reader/tour"), "{who:?}");
    let reader = store(&session);
    assert_eq!(get(&reader, ODD).await.unwrap(), b"hello");
    refused("AccessDenied", reader.put_object().bucket(BUCKET).key("large").send().await);
    refused("AccessDenied", reader.list_objects_v2().bucket(BUCKET).send().await);
    let minute = PresigningConfig::expires_in(WAIT).unwrap();
    let shown = reader.get_object().bucket(BUCKET).key(ODD).presigned(minute).await.unwrap();
    assert_eq!(send(&shown, shown.uri(), ""), (200, "hello".to_owned()));
}

async fn end(s3: &Client) {
    let versions = s3.list_object_versions().bucket(BUCKET).send().await.unwrap();
    let identifiers = versions.versions().iter().map(|each| {
        let identifier = ObjectIdentifier::builder().key(each.key().unwrap());
        identifier.set_version_id(each.version_id.clone()).build().unwrap()
    });
    let all = Delete::builder().set_objects(Some(identifiers.collect())).build().unwrap();
    let gone = s3.delete_objects().bucket(BUCKET).delete(all).send().await.unwrap();
    assert_eq!((gone.deleted().len(), gone.errors().len()), (versions.versions().len(), 0));
    s3.wait_until_object_not_exists().bucket(BUCKET).key("large").wait(WAIT).await.unwrap();
    s3.delete_bucket().bucket(BUCKET).send().await.unwrap();
    assert!(s3.list_buckets().send().await.unwrap().buckets().is_empty());
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let large = std::env::args().nth(1).expect("a large file");
    let own = settings().await;
    let s3 = store(&own);
    objects(&s3, &large).await;
    presigned(&s3).await;
    let (alice, role) = people(&aws_sdk_iam::Client::new(&own)).await;
    denials(&own, alice, &role).await;
    assert!(get(&s3, "large").await.unwrap() == std::fs::read(&large).unwrap());
    end(&s3).await;
}
