// What a program does with the AWS SDK for JavaScript. Arguments: a large file, key id and secret of who may only list.
import assert from "node:assert/strict";
import { createReadStream, readFileSync } from "node:fs";
import {
  CopyObjectCommand, CreateBucketCommand, DeleteBucketCommand, DeleteObjectCommand, DeleteObjectsCommand, GetObjectCommand,
  HeadObjectCommand, ListObjectsV2Command, NoSuchKey, PutObjectCommand, S3Client, paginateListObjectsV2,
} from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";

const [large, accessKeyId, secretAccessKey] = process.argv.slice(2);
const settings = { endpoint: process.env.AWS_ENDPOINT_URL, forcePathStyle: true, maxAttempts: 1 };
const s3 = new S3Client(settings);
const Bucket = "photos";
const bytes = async (key, more = {}) => {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key: key, ...more }));
  return Buffer.from(await Body.transformToByteArray());
};
const keys = async (client, size) => {
  const found = [];
  for await (const page of paginateListObjectsV2({ client, pageSize: size }, { Bucket })) {
    found.push(...(page.Contents ?? []).map((each) => each.Key));
  }
  return found;
};

await s3.send(new CreateBucketCommand({ Bucket }));
const odd = "a b/ü+%.txt";
await s3.send(new PutObjectCommand({ Bucket, Key: odd, Body: "hello", Metadata: { color: "blue" }, ContentType: "text/plain" }));
const told = await s3.send(new HeadObjectCommand({ Bucket, Key: odd }));
assert.deepEqual([told.ContentLength, told.ContentType, told.Metadata.color], [5, "text/plain", "blue"]);
assert.equal((await bytes(odd, { Range: "bytes=1-2" })).toString(), "el");
await s3.send(new PutObjectCommand({ Bucket, Key: "empty", Body: "" }));
assert.equal((await bytes("empty")).length, 0);
for (const ChecksumAlgorithm of ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"]) {
  await s3.send(new PutObjectCommand({ Bucket, Key: "sum", Body: "hello", ChecksumAlgorithm }));
  assert.equal((await bytes("sum", { ChecksumMode: "ENABLED" })).toString(), "hello");
}

// A stream in parts.
const whole = readFileSync(large);
const upload = new Upload({ client: s3, params: { Bucket, Key: "large", Body: createReadStream(large) }, partSize: 5 << 20 });
await upload.done();
assert.ok((await bytes("large")).equals(whole));
assert.match((await s3.send(new HeadObjectCommand({ Bucket, Key: "large" }))).ETag, /-3"$/);
// A stream in one piece, in chunks with a checksum behind them.
await s3.send(new PutObjectCommand({ Bucket, Key: "stream", Body: createReadStream(large), ContentLength: whole.length }));
assert.ok((await bytes("stream")).equals(whole));
await s3.send(new CopyObjectCommand({ Bucket, Key: "copy", CopySource: `${Bucket}/${encodeURIComponent(odd)}` }));
assert.equal((await bytes("copy")).toString(), "hello");
const all = [odd, "copy", "empty", "large", "stream", "sum"];
assert.deepEqual(await keys(s3, 2), all);
await assert.rejects(bytes("none"), NoSuchKey);

const other = new S3Client({ ...settings, credentials: { accessKeyId, secretAccessKey } });
assert.deepEqual(await keys(other, 1000), all);
for (const command of [
  new GetObjectCommand({ Bucket, Key: "large" }),
  new PutObjectCommand({ Bucket, Key: "large", Body: "x" }),
  new DeleteObjectCommand({ Bucket, Key: "large" }),
]) {
  await assert.rejects(other.send(command), { name: "AccessDenied", $fault: "client" });
}
const denied = new Upload({ client: other, params: { Bucket, Key: "large", Body: createReadStream(large) }, partSize: 5 << 20 });
await assert.rejects(denied.done(), { name: "AccessDenied" });
assert.ok((await bytes("large")).equals(whole));

const gone = await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: all.map((Key) => ({ Key })) } }));
assert.equal(gone.Deleted.length, all.length);
assert.equal((await s3.send(new ListObjectsV2Command({ Bucket }))).KeyCount, 0);
await s3.send(new DeleteBucketCommand({ Bucket }));
