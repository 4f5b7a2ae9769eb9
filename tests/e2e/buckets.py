"""Buckets and what is in them, as several tests of S3 make and read them."""

import urllib.error
import urllib.request

import server

PHOTOS = "photos"


def make(person, name=PHOTOS, **objects):
    """A bucket with objects: `make(person, cat=b"meow")`."""
    person.s3.create_bucket(Bucket=name)
    put(person, name, **objects)
    return name


def put(person, bucket, **objects):
    s3 = person.s3
    for key, body in objects.items():
        s3.put_object(Bucket=bucket, Key=key, Body=body)


def text(person, key, bucket=PHOTOS, **more):
    """The bytes of an object."""
    return person.s3.get_object(Bucket=bucket, Key=key, **more)["Body"].read()


def keys(s3, bucket=PHOTOS, operation="list_objects_v2", size=1000, **more):
    """All keys of a bucket, in pages of this size."""
    pages = s3.get_paginator(operation).paginate(Bucket=bucket, PaginationConfig={"PageSize": size}, **more)
    return [each["Key"] for page in pages for each in page.get("Contents", [])]


def arn(bucket=PHOTOS, key=""):
    return f"arn:aws:s3:::{bucket}{key and '/' + key}"


def ask(url, method="GET", body=None, headers=None):
    """Status, headers and bytes of the answer to a request of somebody without any client."""
    request = urllib.request.Request(url, data=body, method=method, headers=headers or {})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=server.DEADLINE) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


def form(url, fields, file, name="note.txt"):
    """Status, headers and bytes of the answer to a form that a browser sends."""
    boundary = "a-boundary-of-the-browser"
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'.encode()
        for field, value in fields.items()
    ]
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
    parts.append(head.encode() + b"Content-Type: text/plain\r\n\r\n" + file)
    body = b"".join(parts) + f"\r\n--{boundary}--\r\n".encode()
    return ask(url, "POST", body, {"Content-Type": f"multipart/form-data; boundary={boundary}"})


def code(body):
    """The code in an error that S3 answers."""
    return body.decode().partition("<Code>")[2].partition("</Code>")[0]
