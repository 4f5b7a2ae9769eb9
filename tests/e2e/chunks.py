"""Bodies in signed chunks, as some SDKs send them (S3 API reference, "Signature calculations … multiple chunks")."""

import base64
import datetime
import hashlib
import hmac
import zlib
from urllib.parse import urlsplit

REGION, SERVICE = "us-east-1", "s3"
EMPTY = hashlib.sha256(b"").hexdigest()
SIZE = 64 * 1024


def mac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256)


class Signed:
    """A PUT whose body is signed chunk by chunk, and its trailer if there is one."""

    def __init__(self, url, credentials, body, trailer=None):
        self.url, self.credentials, self.trailer = url, credentials, trailer
        self.date = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
        self.scope = f"{self.date[:8]}/{REGION}/{SERVICE}/aws4_request"
        key = ("AWS4" + credentials.secret_access_key).encode()
        for part in self.scope.split("/"):
            key = mac(key, part).digest()
        self.key = key
        self.headers = self._head(len(body))
        self.frames = self._frames(body)

    def _head(self, length):
        kind = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" + ("-TRAILER" if self.trailer else "")
        headers = {
            "content-encoding": "aws-chunked",
            "host": urlsplit(self.url).netloc,
            "x-amz-content-sha256": kind,
            "x-amz-date": self.date,
            "x-amz-decoded-content-length": str(length),
        }
        if self.trailer:
            headers["x-amz-trailer"] = self.trailer
        names = ";".join(sorted(headers))
        lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
        canonical = f"PUT\n{urlsplit(self.url).path}\n\n{lines}\n{names}\n{kind}"
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        self.seed = self._sign("AWS4-HMAC-SHA256", digest)
        credential = f"Credential={self.credentials.access_key_id}/{self.scope}"
        headers["authorization"] = f"AWS4-HMAC-SHA256 {credential},SignedHeaders={names},Signature={self.seed}"
        return headers

    def _sign(self, algorithm, *rest):
        return mac(self.key, "\n".join([algorithm, self.date, self.scope, *rest])).hexdigest()

    def _frames(self, body):
        """The chunks, the empty one that ends them, and what trails."""
        frames, previous = [], self.seed
        for start in [*range(0, len(body), SIZE), len(body)]:
            piece = body[start : start + SIZE]
            digest = hashlib.sha256(piece).hexdigest()
            previous = self._sign("AWS4-HMAC-SHA256-PAYLOAD", previous, EMPTY, digest)
            frames.append(f"{len(piece):x};chunk-signature={previous}\r\n".encode() + piece)
            if piece:
                frames[-1] += b"\r\n"
        if not self.trailer:
            return [*frames, b"\r\n"]
        line = f"{self.trailer}:{base64.b64encode(zlib.crc32(body).to_bytes(4)).decode()}\n"
        signature = self._sign("AWS4-HMAC-SHA256-TRAILER", previous, hashlib.sha256(line.encode()).hexdigest())
        return [*frames, line.replace("\n", "\r\n").encode(), f"x-amz-trailer-signature:{signature}\r\n\r\n".encode()]

    def request(self, frames=None):
        """What `buckets.ask` takes."""
        return self.url, "PUT", b"".join(frames or self.frames), self.headers

    def tampered(self):
        """Requests that somebody changed on the way."""
        first, second, *rest = self.frames
        flipped = first[:-3] + bytes([first[-3] ^ 1]) + first[-2:]
        yield self.request([flipped, second, *rest])
        yield self.request([second, first, *rest])
        yield self.request([first, *rest])
        yield self.request([first, second, *rest[:1]]) if self.trailer else self.request([first, second])
        if self.trailer:
            yield self.request([*self.frames[:-2], b"x-amz-checksum-crc32:AAAAAA==\r\n", self.frames[-1]])
