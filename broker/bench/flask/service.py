# SPDX-FileCopyrightText: the thingpass authors
# SPDX-License-Identifier: Apache-2.0
"""The usual URL-signing service: Flask and boto3. It gives the same grant as the
broker, for a request of the same JSON, but checks next to nothing."""

import time

import boto3
from botocore.config import Config
from flask import Flask, jsonify, request

app = Flask(__name__)
app.json.compact = True
s3 = boto3.client(
    "s3",
    region_name="us-east-1",
    endpoint_url="https://s3.example.com",
    aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
    aws_secret_access_key="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
)


def only_if_new(request, **_):
    """boto3 1.26 has no IfNoneMatch for put_object."""
    request.headers["If-None-Match"] = "*"


s3.meta.events.register("before-sign.s3.PutObject", only_if_new)


@app.post("/upload-request/<thing>")
def grant(thing):
    wanted = request.get_json()
    now = int(time.time())
    key = "%s/%s/%s/%s.jpg" % (thing, wanted["kind"], time.strftime("%Y/%m/%d", time.gmtime(now)), wanted["id"])
    headers = {
        "Content-Type": wanted["contentType"],
        "If-None-Match": "*",
        "x-amz-checksum-sha256": wanted["sha256"],
        **{"x-amz-meta-" + name: value for name, value in wanted["metadata"].items()},
    }
    url = s3.generate_presigned_url(
        "put_object",
        Params={
            "Bucket": "photos",
            "Key": key,
            "ContentLength": wanted["size"],
            "ContentType": wanted["contentType"],
            "ChecksumSHA256": wanted["sha256"],
            "Metadata": wanted["metadata"],
        },
        ExpiresIn=900,
    )
    return jsonify(
        id=wanted["id"], status="success", time=now, mode="put", objectKey=key, uploadUrl=url, headers=headers, expiresAt=now + 900
    )
