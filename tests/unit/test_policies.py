"""`fallback policies`: what a role may do follows from what is deployed."""

import pytest
from moto import mock_aws

from ops.deployment import Deployment
from ops.policies import document

KEY = "arn:aws:kms:us-west-2:123456789012:key/1"
OUTPUTS = {"EventTableName": "events", "VoicemailBucketName": "voicemails", "AuditGroupName": "audit"}


def allowed(role: str, outputs: dict[str, str]) -> dict[str, list[str]]:
    """Each action of a role's policy, and what it may be done to."""
    with mock_aws():
        statements = document(role, Deployment("production", "us-west-2", outputs))["Statement"]
    return {action: statement["Resource"] for statement in statements for action in statement["Action"]}


@pytest.mark.usefixtures("nobody")
def test_whoever_hears_voicemails_may_use_the_key_that_encrypts_them() -> None:
    """Only where the settings ask for one: S3's own key needs no right of anybody's."""
    assert allowed("responder", OUTPUTS | {"VoicemailKeyArn": KEY})["kms:Decrypt"] == [KEY]
    assert "kms:Decrypt" not in allowed("responder", OUTPUTS)
    assert "kms:Decrypt" not in allowed("reader", OUTPUTS | {"VoicemailKeyArn": KEY})


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials that mean nothing."""
    for name, value in (("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")):
        monkeypatch.setenv(name, value)
