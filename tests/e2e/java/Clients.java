// What a program does with the AWS SDK for Java, version 1. Argument: a large file.
import com.amazonaws.AmazonServiceException;
import com.amazonaws.ClientConfiguration;
import com.amazonaws.HttpMethod;
import com.amazonaws.auth.AWSCredentialsProvider;
import com.amazonaws.auth.AWSStaticCredentialsProvider;
import com.amazonaws.auth.BasicAWSCredentials;
import com.amazonaws.auth.DefaultAWSCredentialsProviderChain;
import com.amazonaws.auth.STSAssumeRoleSessionCredentialsProvider;
import com.amazonaws.client.builder.AwsClientBuilder.EndpointConfiguration;
import com.amazonaws.client.builder.AwsSyncClientBuilder;
import com.amazonaws.services.identitymanagement.AmazonIdentityManagement;
import com.amazonaws.services.identitymanagement.AmazonIdentityManagementClientBuilder;
import com.amazonaws.services.identitymanagement.model.*;
import com.amazonaws.services.s3.AmazonS3;
import com.amazonaws.services.s3.AmazonS3ClientBuilder;
import com.amazonaws.services.s3.Headers;
import com.amazonaws.services.s3.model.*;
import com.amazonaws.services.s3.transfer.TransferManager;
import com.amazonaws.services.s3.transfer.TransferManagerBuilder;
import com.amazonaws.services.securitytoken.AWSSecurityTokenService;
import com.amazonaws.services.securitytoken.AWSSecurityTokenServiceClientBuilder;
import com.amazonaws.services.securitytoken.model.GetCallerIdentityRequest;
import com.amazonaws.waiters.WaiterParameters;
import java.io.ByteArrayInputStream;
import java.io.File;
import java.io.FileInputStream;
import java.io.InputStream;
import java.net.URI;
import java.net.URL;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

public class Clients {
    static final long PART = 5 << 20;
    static final String BUCKET = "photos";
    static final String ODD = "a b/ü+%.txt";
    static final HttpClient HTTP = HttpClient.newHttpClient();

    interface Call {
        void run() throws Exception;
    }

    static void same(Object got, Object expected) {
        if (!Objects.deepEquals(got, expected)) {
            throw new AssertionError("got " + got + ", expected " + expected);
        }
    }

    /** Expects the service to refuse with this code and status. */
    static void refused(String code, int status, Call call) throws Exception {
        try {
            call.run();
        } catch (AmazonServiceException error) {
            same(List.of(error.getErrorCode(), error.getStatusCode()), List.of(code, status));
            same(error.getRequestId() != null, true);
            return;
        }
        throw new AssertionError("it was allowed, and should be " + code);
    }

    static <B extends AwsSyncClientBuilder<B, T>, T> T client(B builder, AWSCredentialsProvider credentials) {
        return builder
            .withCredentials(credentials)
            .withClientConfiguration(new ClientConfiguration().withMaxErrorRetry(0))
            .withEndpointConfiguration(new EndpointConfiguration(System.getenv("AWS_ENDPOINT_URL"), "us-east-1"))
            .build();
    }

    static AmazonS3 store(AWSCredentialsProvider credentials) {
        return client(AmazonS3ClientBuilder.standard().withPathStyleAccessEnabled(true), credentials);
    }

    static AmazonIdentityManagement people(AWSCredentialsProvider credentials) {
        return client(AmazonIdentityManagementClientBuilder.standard(), credentials);
    }

    static AWSSecurityTokenService tokens(AWSCredentialsProvider credentials) {
        return client(AWSSecurityTokenServiceClientBuilder.standard(), credentials);
    }

    static byte[] read(AmazonS3 s3, GetObjectRequest asked) throws Exception {
        try (S3Object object = s3.getObject(asked)) {
            return object.getObjectContent().readAllBytes();
        }
    }

    static String text(AmazonS3 s3, String key) throws Exception {
        return new String(read(s3, new GetObjectRequest(BUCKET, key)), StandardCharsets.UTF_8);
    }

    static List<String> keys(AmazonS3 s3, int size) {
        List<String> found = new ArrayList<>();
        ListObjectsV2Request asked = new ListObjectsV2Request().withBucketName(BUCKET).withMaxKeys(size);
        ListObjectsV2Result page;
        do {
            page = s3.listObjectsV2(asked);
            page.getObjectSummaries().forEach(each -> found.add(each.getKey()));
            asked.setContinuationToken(page.getNextContinuationToken());
        } while (page.isTruncated());
        return found;
    }

    static String policy(String action, String resource) {
        return """
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "%s", "Resource": "%s"}]}
            """.formatted(action, resource);
    }

    static HttpResponse<String> send(HttpRequest.Builder asked) throws Exception {
        return HTTP.send(asked.build(), HttpResponse.BodyHandlers.ofString());
    }

    static void objects(AmazonS3 s3, File large) throws Exception {
        same(s3.doesBucketExistV2(BUCKET), false);
        s3.createBucket(BUCKET);
        s3.waiters().bucketExists().run(new WaiterParameters<>(new HeadBucketRequest(BUCKET)));
        byte[] hello = "hello".getBytes(StandardCharsets.UTF_8);
        ObjectMetadata about = new ObjectMetadata();
        about.setContentType("text/plain");
        about.setContentLength(hello.length);
        about.addUserMetadata("color", "blue");
        // In signed chunks, as this SDK sends all bodies without TLS.
        s3.putObject(new PutObjectRequest(BUCKET, ODD, new ByteArrayInputStream(hello), about)
            .withTagging(new ObjectTagging(List.of(new com.amazonaws.services.s3.model.Tag("team", "blue + red=1")))));
        ObjectMetadata told = s3.getObjectMetadata(BUCKET, ODD);
        same(List.of(told.getContentLength(), told.getContentType(), told.getUserMetaDataOf("color")), List.of(5L, "text/plain", "blue"));
        same(s3.getObjectTagging(new GetObjectTaggingRequest(BUCKET, ODD)).getTagSet().get(0).getValue(), "blue + red=1");
        same(new String(read(s3, new GetObjectRequest(BUCKET, ODD).withRange(1, 2))), "el");
        same(s3.getObject(new GetObjectRequest(BUCKET, ODD).withNonmatchingETagConstraint(told.getETag())), null);
        s3.putObject(BUCKET, "empty", "");
        same(text(s3, "empty"), "");
        s3.putObject(BUCKET, "large-in-one", large);

        // In parts, there and back.
        byte[] whole = Files.readAllBytes(large.toPath());
        TransferManager transfers = TransferManagerBuilder.standard().withS3Client(s3).withMinimumUploadPartSize(PART)
            .withMultipartUploadThreshold(PART).withMultipartCopyThreshold(PART).withMultipartCopyPartSize(PART).build();
        transfers.upload(BUCKET, "large", large).waitForCompletion();
        try (InputStream stream = new FileInputStream(large)) {
            ObjectMetadata length = new ObjectMetadata();
            length.setContentLength(whole.length);
            transfers.upload(BUCKET, "stream", stream, length).waitForCompletion();
        }
        transfers.copy(BUCKET, "large", BUCKET, "large-copy").waitForCompletion();
        for (String key : List.of("large", "stream", "large-copy")) {
            same(s3.getObjectMetadata(BUCKET, key).getETag().endsWith("-3"), true);
            same(read(s3, new GetObjectRequest(BUCKET, key)), whole);
        }
        same(read(s3, new GetObjectRequest(BUCKET, "large-in-one")), whole);
        File back = new File("back.bin");
        transfers.download(BUCKET, "large", back).waitForCompletion();
        same(Files.readAllBytes(back.toPath()), whole);
        transfers.shutdownNow(false);

        s3.copyObject(BUCKET, ODD, BUCKET, "copy");
        same(text(s3, "copy"), "hello");
        same(keys(s3, 2), List.of(ODD, "copy", "empty", "large", "large-copy", "large-in-one", "stream"));
        ObjectListing folders = s3.listObjects(new ListObjectsRequest(BUCKET, null, null, "/", null));
        same(folders.getCommonPrefixes(), List.of("a b/"));
        refused("NoSuchKey", 404, () -> text(s3, "none"));
        refused("NoSuchBucket", 404, () -> s3.listObjectsV2("not-there"));
        s3.setBucketVersioningConfiguration(new SetBucketVersioningConfigurationRequest(
            BUCKET, new BucketVersioningConfiguration(BucketVersioningConfiguration.ENABLED)));
        s3.putObject(BUCKET, "empty", "not any more");
        same(s3.listVersions(BUCKET, "empty").getVersionSummaries().size(), 2);
    }

    static void presigned(AmazonS3 s3) throws Exception {
        URL put = s3.generatePresignedUrl(
            new GeneratePresignedUrlRequest(BUCKET, "copy", HttpMethod.PUT).withContentType("text/html"));
        HttpRequest.BodyPublisher body = HttpRequest.BodyPublishers.ofString("from elsewhere");
        same(send(HttpRequest.newBuilder(put.toURI()).header("Content-Type", "text/plain").PUT(body)).statusCode(), 403);
        same(send(HttpRequest.newBuilder(put.toURI()).header("Content-Type", "text/html").PUT(body)).statusCode(), 200);
        String get = s3.generatePresignedUrl(new GeneratePresignedUrlRequest(BUCKET, "copy", HttpMethod.GET)).toString();
        HttpResponse<String> answer = send(HttpRequest.newBuilder(URI.create(get)));
        same(List.of(answer.statusCode(), answer.body()), List.of(200, "from elsewhere"));
        same(send(HttpRequest.newBuilder(URI.create(get.replace("/copy?", "/large?")))).statusCode(), 403);
    }

    static void denials(AmazonIdentityManagement iam, File large) throws Exception {
        String user = iam.createUser(new CreateUserRequest("alice").withPath("/staff/")).getUser().getArn();
        iam.waiters().userExists().run(new WaiterParameters<>(new GetUserRequest().withUserName("alice")));
        AccessKey key = iam.createAccessKey(new CreateAccessKeyRequest("alice")).getAccessKey();
        String lists = iam.createPolicy(new CreatePolicyRequest().withPolicyName("lists")
            .withPolicyDocument(policy("s3:ListBucket", "arn:aws:s3:::photos"))).getPolicy().getArn();
        iam.attachUserPolicy(new AttachUserPolicyRequest().withUserName("alice").withPolicyArn(lists));
        String role = iam.createRole(new CreateRoleRequest().withRoleName("reader").withAssumeRolePolicyDocument("""
            {"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Principal": {"AWS": "%s"}, "Action": "sts:AssumeRole"}]}
            """.formatted(user))).getRole().getArn();
        iam.putRolePolicy(new PutRolePolicyRequest().withRoleName("reader").withPolicyName("reads")
            .withPolicyDocument(policy("s3:GetObject", "arn:aws:s3:::photos/*")));
        same(iam.listUsers(new ListUsersRequest().withPathPrefix("/staff/")).getUsers().get(0).getArn(), user);
        refused("EntityAlreadyExists", 409, () -> iam.createUser(new CreateUserRequest("alice")));

        AWSCredentialsProvider alice =
            new AWSStaticCredentialsProvider(new BasicAWSCredentials(key.getAccessKeyId(), key.getSecretAccessKey()));
        AmazonS3 other = store(alice);
        same(keys(other, 1000).size(), 7);
        refused("AccessDenied", 403, () -> text(other, "large"));
        refused("AccessDenied", 403, () -> other.putObject(BUCKET, "large", "x"));
        refused("AccessDenied", 403, () -> other.deleteObject(BUCKET, "large"));
        TransferManager transfers = TransferManagerBuilder.standard().withS3Client(other).withMinimumUploadPartSize(PART)
            .withMultipartUploadThreshold(PART).build();
        refused("AccessDenied", 403, () -> transfers.upload(BUCKET, "large", large).waitForCompletion());
        transfers.shutdownNow(false);
        refused("AccessDenied", 403, () -> people(alice).listUsers());

        // The role's temporary credentials, as the SDK itself gets and keeps them.
        AWSCredentialsProvider session = new STSAssumeRoleSessionCredentialsProvider.Builder(role, "tour")
            .withStsClient(tokens(alice)).build();
        String who = tokens(session).getCallerIdentity(new GetCallerIdentityRequest()).getArn();
        same(who.endsWith(":assumed-role/reader/tour"), true);
        AmazonS3 reader = store(session);
        same(text(reader, ODD), "hello");
        refused("AccessDenied", 403, () -> reader.putObject(BUCKET, "large", "x"));
        refused("AccessDenied", 403, () -> keys(reader, 1000));
        URL shown = reader.generatePresignedUrl(new GeneratePresignedUrlRequest(BUCKET, ODD, HttpMethod.GET));
        same(send(HttpRequest.newBuilder(shown.toURI())).body(), "hello");
    }

    static void end(AmazonS3 s3) {
        List<DeleteObjectsRequest.KeyVersion> gone = new ArrayList<>();
        s3.listVersions(BUCKET, null).getVersionSummaries()
            .forEach(each -> gone.add(new DeleteObjectsRequest.KeyVersion(each.getKey(), each.getVersionId())));
        same(s3.deleteObjects(new DeleteObjectsRequest(BUCKET).withKeys(gone)).getDeletedObjects().size(), gone.size());
        s3.deleteBucket(BUCKET);
        s3.waiters().bucketNotExists().run(new WaiterParameters<>(new HeadBucketRequest(BUCKET)));
        same(s3.listBuckets(), List.of());
    }

    public static void main(String[] words) throws Exception {
        File large = new File(words[0]);
        AWSCredentialsProvider own = DefaultAWSCredentialsProviderChain.getInstance();
        AmazonS3 s3 = store(own);
        objects(s3, large);
        presigned(s3);
        denials(people(own), large);
        same(Arrays.equals(read(s3, new GetObjectRequest(BUCKET, "large")), Files.readAllBytes(Path.of(words[0]))), true);
        end(s3);
    }
}
