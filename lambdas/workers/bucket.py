"""The bucket of voicemails and media: a file is stored once, and counts as stored once it was read back and matched.

One PutObject, never a multipart upload (its checksum would be one of checksums), only where there is nothing yet. botocore takes an answer
that was cut inside its headers for success, so the answer to the upload proves nothing; reading back does.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""

import hashlib
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from io import BufferedIOBase
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from lambdas.workers.transport import Deadline

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CHUNK = 64 * 1024
DIGEST = "sha256"  #: the metadata that says what the object has to be
THERE_ALREADY = "PreconditionFailed"


class NotMatching(Exception):
    """What was read back is not what was stored."""


@dataclass(frozen=True)
class Copy:
    """A verified object: its key, SHA-256 in hexadecimal digits, and length in bytes."""

    key: str
    sha256: str
    length: int


class Bucket:
    """One bucket."""

    def __init__(self, client: "S3Client", name: str) -> None:
        self.client = client
        self.name = name

    def store(self, key: str, file: BufferedIOBase, content_type: str, facts: Mapping[str, str], deadline: Deadline) -> Copy:
        """Store a file under a key unless something is there already, which then had passed the same checks; read it back.

        Raises NotMatching, TimeoutError, ClientError, BotoCoreError.
        """
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256")
        file.seek(0)
        try:
            self.client.put_object(
                Bucket=self.name,
                Key=key,
                Body=file,  # type: ignore[arg-type] # boto3 takes any file; its stubs want typing.IO
                ContentType=content_type,
                Metadata={DIGEST: digest.hexdigest(), **facts},
                ChecksumSHA256=b64encode(digest.digest()).decode(),
                IfNoneMatch="*",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != THERE_ALREADY:
                raise
        return self.read_back(key, deadline)

    def read_back(self, key: str, deadline: Deadline) -> Copy:
        """Read an object and hold it against the digest that it was stored with. Raises as `store` does."""
        answer = self.client.get_object(Bucket=self.name, Key=key)
        digest, length = hashlib.sha256(), 0
        for chunk in answer["Body"].iter_chunks(CHUNK):
            deadline.within(1)
            digest.update(chunk)
            length += len(chunk)
        if digest.hexdigest() != answer["Metadata"].get(DIGEST):
            raise NotMatching(f"{key} was read back as {length} bytes that are not those stored")
        return Copy(key, digest.hexdigest(), length)
