"""What the templates promise of voicemails: private, kept, tried again, collected a few at a time."""

import json
from typing import Any

import pytest
from aws_cdk import App
from aws_cdk.assertions import Template

from answerbook.compile import compile_book
from config.settings import Settings, load
from config.tables import Retention, Voicemail
from stacks.fallback_stack import FallbackStack
from tests.stacks.conftest import ENVIRONMENTS

Json = dict[str, Any]


def template(**tables: Any) -> Json:
    """The template of `local` with other settings."""
    settings: Settings = load("local").model_copy(update=tables)
    return dict(Template.from_stack(FallbackStack(App(), settings, compile_book(settings))).to_json())


def synthesized(**tables: Any) -> Json:
    """Its resources."""
    return dict(template(**tables)["Resources"])


def statements(production: Json, function: str) -> dict[str, list[str]]:
    """What a function's role may do, and to what."""
    role = production["Resources"][function]["Properties"]["Role"]["Fn::GetAtt"][0]
    found: dict[str, list[str]] = {}
    for resource in production["Resources"].values():
        if resource["Type"] == "AWS::IAM::Policy" and {"Ref": role} in resource["Properties"]["Roles"]:
            for statement in resource["Properties"]["PolicyDocument"]["Statement"]:
                actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
                for action in actions:
                    found.setdefault(action, []).append(json.dumps(statement["Resource"]))
    return found


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_bucket_is_private_versioned_and_talks_tls_alone(templates: dict[str, Template], environment: str) -> None:
    resources = templates[environment].to_json()["Resources"]
    bucket = resources["VoicemailBucket"]["Properties"]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    policies = [each for each in resources.values() if each["Type"] == "AWS::S3::BucketPolicy"]
    denied = [each for policy in policies for each in policy["Properties"]["PolicyDocument"]["Statement"] if each["Effect"] == "Deny"]
    assert {"Bool": {"aws:SecureTransport": "false"}} in [each["Condition"] for each in denied]


def test_files_expire_as_the_settings_say_and_so_does_what_was_deleted() -> None:
    """Also delete markers and uploads that were never finished: nothing of a caller stays for ever."""
    resources = synthesized(retention=Retention(voicemails=90, replaced=7))
    rules = {rule["Id"]: rule for rule in resources["VoicemailBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]}
    assert rules["files"]["ExpirationInDays"] == 90
    assert rules["files"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 7}
    assert rules["files"]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}
    assert rules["markers"]["ExpiredObjectDeleteMarker"] is True
    assert resources["CollectFunction"]["Properties"]["Environment"]["Variables"]["VOICEMAIL_DAYS"] == "90"


def test_s3s_own_key_or_one_of_the_stack() -> None:
    """One setting encrypts files and notifications with a customer key; the bucket key keeps its price down."""
    plain = synthesized()["VoicemailBucket"]["Properties"]["BucketEncryption"]["ServerSideEncryptionConfiguration"][0]
    assert plain["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    encrypted = template(voicemail=Voicemail(customer_key=True))
    resources = encrypted["Resources"]
    assert encrypted["Outputs"]["VoicemailKeyArn"]["Value"] == {"Fn::GetAtt": ["VoicemailKey", "Arn"]}, "`fallback policies` asks for it"
    own = resources["VoicemailBucket"]["Properties"]["BucketEncryption"]["ServerSideEncryptionConfiguration"][0]
    assert own["ServerSideEncryptionByDefault"]["KMSMasterKeyID"] == {"Fn::GetAtt": ["VoicemailKey", "Arn"]}
    assert own["BucketKeyEnabled"] is True
    assert resources["NotificationTopic"]["Properties"]["KmsMasterKeyId"] == {"Fn::GetAtt": ["VoicemailKey", "Arn"]}
    assert resources["VoicemailKey"]["Properties"]["EnableKeyRotation"] is True
    assert resources["VoicemailKey"]["DeletionPolicy"] == "RetainExceptOnCreate"
    allowed = statements({"Resources": resources}, "CollectFunction")
    assert {"kms:Decrypt", "kms:GenerateDataKey"} <= allowed.keys()


def test_a_message_is_hidden_six_times_as_long_as_a_worker_may_take(production: Json) -> None:
    queue = production["Resources"]["VoicemailQueue"]["Properties"]
    assert queue["VisibilityTimeout"] == 6 * production["Resources"]["CollectFunction"]["Properties"]["Timeout"]
    assert queue["RedrivePolicy"]["deadLetterTargetArn"] == {"Fn::GetAtt": ["VoicemailDeadLetters", "Arn"]}
    assert production["Resources"]["VoicemailDeadLetters"]["Properties"]["MessageRetentionPeriod"] == 14 * 86_400


def test_recordings_are_collected_one_by_one_and_a_few_at_a_time() -> None:
    """Twilio limits requests at a time; the cap is a setting."""
    resources = synthesized(voicemail=Voicemail(concurrency=4))
    mappings = [each["Properties"] for each in resources.values() if each["Type"] == "AWS::Lambda::EventSourceMapping"]
    [ours] = [each for each in mappings if each["FunctionName"] == {"Ref": "CollectFunction"}]
    assert (ours["BatchSize"], ours["ScalingConfig"]) == (1, {"MaximumConcurrency": 4})
    assert ours["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_collect_may_do_what_it_does_and_no_more(production: Json) -> None:
    """It deletes nothing, neither in the bucket nor in the table."""
    assert statements(production, "CollectFunction").keys() == {
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "sqs:ReceiveMessage",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:ChangeMessageVisibility",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
        "dynamodb:Query",
        "s3:PutObject",
        "s3:GetObject",
        "sns:Publish",
        "secretsmanager:GetSecretValue",
    }


def test_the_keys_of_twilio_are_not_its_tokens(production: Json) -> None:
    """What fetches recordings cannot sign as Twilio does."""
    secrets = statements(production, "CollectFunction")["secretsmanager:GetSecretValue"]
    assert secrets == [json.dumps({"Ref": "TwilioKeys"})]


def test_nothing_points_functions_elsewhere_than_to_twilio(templates: dict[str, Template]) -> None:
    """The stand-in's address is the emulator's own; no template knows it."""
    for template in templates.values():
        assert "TWILIO_API_BASE" not in json.dumps(template.to_json())
