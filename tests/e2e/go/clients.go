// What a program does with the AWS SDK for Go, version 2. Argument: a large file.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/feature/s3/manager"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

const (
	part = 5 << 20
	odd  = "a b/ü+%.txt"
	wait = time.Minute
)

var (
	background = context.Background()
	bucket     = aws.String("photos")
)

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func must[T any](value T, err error) T {
	check(err)
	return value
}

func same(got, expected any) {
	if !reflect.DeepEqual(got, expected) {
		panic(fmt.Sprintf("got %v, expected %v", got, expected))
	}
}

// Expects the service to refuse with this code.
func refused(code string, err error) {
	var answer smithy.APIError
	if !errors.As(err, &answer) || answer.ErrorCode() != code {
		panic(fmt.Sprintf("expected %s: %v", code, err))
	}
}

// Settings of a program with these credentials, or with those of the environment.
func settings(given aws.CredentialsProvider) aws.Config {
	url := os.Getenv("AWS_ENDPOINT_URL")
	resolve := func(_, region string, _ ...any) (aws.Endpoint, error) {
		return aws.Endpoint{URL: url, SigningRegion: region, HostnameImmutable: true}, nil
	}
	options := []func(*config.LoadOptions) error{
		config.WithEndpointResolverWithOptions(aws.EndpointResolverWithOptionsFunc(resolve)),
		config.WithRetryMaxAttempts(1),
	}
	if given != nil {
		options = append(options, config.WithCredentialsProvider(given))
	}
	return must(config.LoadDefaultConfig(background, options...))
}

func store(from aws.Config) *s3.Client {
	return s3.NewFromConfig(from, func(o *s3.Options) { o.UsePathStyle = true })
}

func get(client *s3.Client, key string, more ...func(*s3.GetObjectInput)) ([]byte, error) {
	input := &s3.GetObjectInput{Bucket: bucket, Key: &key}
	for _, each := range more {
		each(input)
	}
	answer, err := client.GetObject(background, input)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	return io.ReadAll(answer.Body)
}

func put(client *s3.Client, key string, body io.Reader, more ...func(*s3.PutObjectInput)) error {
	input := &s3.PutObjectInput{Bucket: bucket, Key: &key, Body: body}
	for _, each := range more {
		each(input)
	}
	_, err := client.PutObject(background, input)
	return err
}

func keys(client *s3.Client, size int32) []string {
	found := []string{}
	pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: bucket, MaxKeys: size})
	for pages.HasMorePages() {
		for _, each := range must(pages.NextPage(background)).Contents {
			found = append(found, *each.Key)
		}
	}
	return found
}

// Status and body of a request as a presigned URL asks for it.
func send(method, url string, headers http.Header, body []byte) (int, []byte) {
	request := must(http.NewRequest(method, url, bytes.NewReader(body)))
	for name, values := range headers {
		if name != "Host" && name != "Content-Length" {
			request.Header[name] = values
		}
	}
	answer := must(http.DefaultClient.Do(request))
	defer answer.Body.Close()
	return answer.StatusCode, must(io.ReadAll(answer.Body))
}

func policy(effect, action, resource string) *string {
	statement := map[string]any{"Effect": effect, "Action": action, "Resource": resource}
	document := map[string]any{"Version": "2012-10-17", "Statement": []any{statement}}
	return aws.String(string(must(json.Marshal(document))))
}

func objects(client *s3.Client, large string) {
	must(client.CreateBucket(background, &s3.CreateBucketInput{Bucket: bucket}))
	check(s3.NewBucketExistsWaiter(client).Wait(background, &s3.HeadBucketInput{Bucket: bucket}, wait))
	check(put(client, odd, strings.NewReader("hello"), func(o *s3.PutObjectInput) {
		o.Metadata, o.ContentType = map[string]string{"color": "blue"}, aws.String("text/plain")
	}))
	check(s3.NewObjectExistsWaiter(client).Wait(background, &s3.HeadObjectInput{Bucket: bucket, Key: aws.String(odd)}, wait))
	told := must(client.HeadObject(background, &s3.HeadObjectInput{Bucket: bucket, Key: aws.String(odd)}))
	same([]any{told.ContentLength, *told.ContentType, told.Metadata["color"]}, []any{int64(5), "text/plain", "blue"})
	same(string(must(get(client, odd, func(o *s3.GetObjectInput) { o.Range = aws.String("bytes=1-2") }))), "el")
	check(put(client, "empty", strings.NewReader("")))
	same(len(must(get(client, "empty"))), 0)
	for _, algorithm := range types.ChecksumAlgorithm("").Values() {
		check(put(client, "sum", strings.NewReader("hello"), func(o *s3.PutObjectInput) { o.ChecksumAlgorithm = algorithm }))
		same(string(must(get(client, "sum", func(o *s3.GetObjectInput) { o.ChecksumMode = types.ChecksumModeEnabled }))), "hello")
	}

	// A file in parts, there and back.
	whole := must(os.ReadFile(large))
	file := must(os.Open(large))
	defer file.Close()
	uploader := manager.NewUploader(client, func(u *manager.Uploader) { u.PartSize = part })
	must(uploader.Upload(background, &s3.PutObjectInput{Bucket: bucket, Key: aws.String("large"), Body: file}))
	// A stream that cannot be read twice, with sums of its parts.
	stream := &s3.PutObjectInput{
		Bucket: bucket, Key: aws.String("stream"), Body: io.MultiReader(bytes.NewReader(whole)),
		ChecksumAlgorithm: types.ChecksumAlgorithmSha256,
	}
	must(uploader.Upload(background, stream))
	downloader := manager.NewDownloader(client, func(d *manager.Downloader) { d.PartSize = part })
	for _, key := range []string{"large", "stream"} {
		back := manager.NewWriteAtBuffer(nil)
		must(downloader.Download(background, back, &s3.GetObjectInput{Bucket: bucket, Key: &key}))
		same(bytes.Equal(back.Bytes(), whole), true)
		head := must(client.HeadObject(background, &s3.HeadObjectInput{Bucket: bucket, Key: &key}))
		same(strings.HasSuffix(*head.ETag, `-3"`), true)
	}
	source := aws.String("photos/" + strings.NewReplacer(" ", "%20", "ü", "%C3%BC", "+", "%2B", "%", "%25").Replace(odd))
	must(client.CopyObject(background, &s3.CopyObjectInput{Bucket: bucket, Key: aws.String("copy"), CopySource: source}))
	same(string(must(get(client, "copy"))), "hello")
	same(keys(client, 2), []string{odd, "copy", "empty", "large", "stream", "sum"})
	_, err := get(client, "none")
	var none *types.NoSuchKey
	same(errors.As(err, &none), true)
}

func presigned(client *s3.Client) {
	signer := s3.NewPresignClient(client)
	body := []byte("from elsewhere")
	input := &s3.PutObjectInput{Bucket: bucket, Key: aws.String("copy"), ContentType: aws.String("text/html"), ContentLength: int64(len(body))}
	asked := must(signer.PresignPutObject(background, input))
	status, text := send(asked.Method, asked.URL, asked.SignedHeader, body)
	same([]any{status, string(text)}, []any{200, ""})
	shown := must(signer.PresignGetObject(background, &s3.GetObjectInput{Bucket: bucket, Key: aws.String("copy")}))
	status, text = send(shown.Method, shown.URL, shown.SignedHeader, nil)
	same([]any{status, string(text)}, []any{200, string(body)})
	status, _ = send(shown.Method, strings.Replace(shown.URL, "/copy?", "/large?", 1), shown.SignedHeader, nil)
	same(status, 403)
}

// A user with a key, and a role that the user may take.
func people(client *iam.Client) (aws.CredentialsProvider, string) {
	user := must(client.CreateUser(background, &iam.CreateUserInput{
		UserName: aws.String("alice"), Tags: []iamtypes.Tag{{Key: aws.String("team"), Value: aws.String("blue")}},
	})).User
	check(iam.NewUserExistsWaiter(client).Wait(background, &iam.GetUserInput{UserName: user.UserName}, wait))
	key := must(client.CreateAccessKey(background, &iam.CreateAccessKeyInput{UserName: user.UserName})).AccessKey
	lists := must(client.CreatePolicy(background, &iam.CreatePolicyInput{
		PolicyName: aws.String("lists"), PolicyDocument: policy("Allow", "s3:ListBucket", "arn:aws:s3:::photos"),
	})).Policy
	check(iam.NewPolicyExistsWaiter(client).Wait(background, &iam.GetPolicyInput{PolicyArn: lists.Arn}, wait))
	must(client.AttachUserPolicy(background, &iam.AttachUserPolicyInput{UserName: user.UserName, PolicyArn: lists.Arn}))
	trust := fmt.Sprintf(`{"Version": "2012-10-17", "Statement": [
		{"Effect": "Allow", "Principal": {"AWS": %q}, "Action": "sts:AssumeRole"}]}`, *user.Arn)
	role := must(client.CreateRole(background, &iam.CreateRoleInput{
		RoleName: aws.String("reader"), AssumeRolePolicyDocument: &trust,
	})).Role
	check(iam.NewRoleExistsWaiter(client).Wait(background, &iam.GetRoleInput{RoleName: role.RoleName}, wait))
	must(client.PutRolePolicy(background, &iam.PutRolePolicyInput{
		RoleName: role.RoleName, PolicyName: aws.String("reads"),
		PolicyDocument: policy("Allow", "s3:GetObject", "arn:aws:s3:::photos/*"),
	}))
	_, err := client.CreateUser(background, &iam.CreateUserInput{UserName: user.UserName})
	var exists *iamtypes.EntityAlreadyExistsException
	same(errors.As(err, &exists), true)
	names := []string{}
	pages := iam.NewListUsersPaginator(client, &iam.ListUsersInput{MaxItems: aws.Int32(1)})
	for pages.HasMorePages() {
		for _, each := range must(pages.NextPage(background)).Users {
			names = append(names, *each.UserName)
		}
	}
	same(names, []string{"alice"})
	return credentials.NewStaticCredentialsProvider(*key.AccessKeyId, *key.SecretAccessKey, ""), *role.Arn
}

func denials(other aws.Config, role, large string) {
	client := store(other)
	all := keys(client, 1000)
	same(len(all), 6)
	_, err := get(client, "large")
	refused("AccessDenied", err)
	refused("AccessDenied", put(client, "large", strings.NewReader("x")))
	_, err = client.DeleteObject(background, &s3.DeleteObjectInput{Bucket: bucket, Key: aws.String("large")})
	refused("AccessDenied", err)
	file := must(os.Open(large))
	defer file.Close()
	_, err = manager.NewUploader(client).Upload(background, &s3.PutObjectInput{Bucket: bucket, Key: aws.String("large"), Body: file})
	refused("AccessDenied", err)
	_, err = iam.NewFromConfig(other).ListUsers(background, &iam.ListUsersInput{})
	refused("AccessDenied", err)

	// The role's temporary credentials, as the SDK itself gets and keeps them.
	provider := stscreds.NewAssumeRoleProvider(sts.NewFromConfig(other), role, func(o *stscreds.AssumeRoleOptions) {
		o.RoleSessionName = "tour"
	})
	session := settings(aws.NewCredentialsCache(provider))
	who := must(sts.NewFromConfig(session).GetCallerIdentity(background, &sts.GetCallerIdentityInput{}))
	same(strings.HasSuffix(*who.Arn, ":assumed-role/reader/tour"), true)
	reader := store(session)
	same(string(must(get(reader, odd))), "hello")
	refused("AccessDenied", put(reader, "large", strings.NewReader("x")))
	_, err = reader.ListObjectsV2(background, &s3.ListObjectsV2Input{Bucket: bucket})
	refused("AccessDenied", err)
	// Presigned with a session's token.
	shown := must(s3.NewPresignClient(reader).PresignGetObject(background, &s3.GetObjectInput{Bucket: bucket, Key: aws.String(odd)}))
	status, text := send(shown.Method, shown.URL, shown.SignedHeader, nil)
	same([]any{status, string(text)}, []any{200, "hello"})
}

func end(client *s3.Client) {
	var gone []types.ObjectIdentifier
	for _, key := range keys(client, 1000) {
		gone = append(gone, types.ObjectIdentifier{Key: aws.String(key)})
	}
	deleted := must(client.DeleteObjects(background, &s3.DeleteObjectsInput{Bucket: bucket, Delete: &types.Delete{Objects: gone}}))
	same([]int{len(deleted.Deleted), len(deleted.Errors)}, []int{len(gone), 0})
	check(s3.NewObjectNotExistsWaiter(client).Wait(background, &s3.HeadObjectInput{Bucket: bucket, Key: aws.String("large")}, wait))
	must(client.DeleteBucket(background, &s3.DeleteBucketInput{Bucket: bucket}))
	check(s3.NewBucketNotExistsWaiter(client).Wait(background, &s3.HeadBucketInput{Bucket: bucket}, wait))
	same(len(must(client.ListBuckets(background, &s3.ListBucketsInput{})).Buckets), 0)
}

func main() {
	large := os.Args[1]
	own := settings(nil)
	client := store(own)
	objects(client, large)
	presigned(client)
	alice, role := people(iam.NewFromConfig(own))
	check(put(client, "copy", strings.NewReader("hello")))
	denials(settings(alice), role, large)
	same(bytes.Equal(must(get(client, "large")), must(os.ReadFile(large))), true)
	end(client)
}
