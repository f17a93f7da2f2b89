# SPDX-FileCopyrightText: the thingpass authors
# SPDX-License-Identifier: Apache-2.0
"""Signs the requests of the files that are named with botocore, and says which signatures differ."""

import datetime
import json
import sys

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials


class At(S3SigV4Auth):
    """Has the payload's hash told, and leaves the headers as they are."""

    def __init__(self, case):
        headers = dict(case["headers"])
        token = headers.get("x-amz-security-token")
        super().__init__(Credentials(case["accessKeyId"], case["secretAccessKey"], token), "s3", case["region"])
        self.case = case

    def payload(self, request):
        return self.case["payload"]


def signature(case):
    url = "https://" + dict(case["headers"])["host"] + case["path"]
    if case["query"]:
        url += "?" + case["query"]
    request = AWSRequest(method=case["method"], url=url, headers=dict(case["headers"]))
    moment = datetime.datetime.fromtimestamp(case["time"], datetime.timezone.utc)
    request.context["timestamp"] = moment.strftime("%Y%m%dT%H%M%SZ")
    auth = At(case)
    canonical = auth.canonical_request(request)
    return auth.signature(auth.string_to_sign(request, canonical), request)


def main(names):
    wrong = total = 0
    for name in names:
        with open(name, encoding="utf-8") as file:
            for case in json.load(file)["cases"]:
                total += 1
                got = signature(case)
                if got != case["signature"]:
                    wrong += 1
                    print(f"{name}: {case['name']}: {got}")
    print(f"{total} signatures, {wrong} differ")
    return wrong or total == 0


sys.exit(main(sys.argv[1:]) != 0)
