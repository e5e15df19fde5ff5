"""What a deployment into the local cloud says of itself: URLs to post to, and where to look for what came of it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self


@dataclass(frozen=True)
class Outputs:
    """`outputs.json`. The URLs can be posted to by any client that trusts `ca_bundle` and signs with `auth_token`."""

    voice_url: str
    sms_url: str
    trunk_url: str
    recording_url: str
    account_sid: str
    auth_token: str
    table: str
    region: str
    endpoint: str
    ca_bundle: str
    rest_apis: dict[str, str]  # voice, messaging, callbacks: their ids
    journal_group: str
    tokens_secret: str
    answer_function: str
    voicemail_bucket: str
    voicemail_queue: str
    voicemail_dead_letters: str
    notification_topic: str
    keys_secret: str
    collect_function: str
    reconcile_function: str
    probe_function: str  # nothing where there is no probe
    stack: str

    @classmethod
    def of(
        cls,
        stacks: Mapping[str, Mapping[str, str]],
        *,
        endpoint: str,
        region: str,
        ca_bundle: str,
        trunk: str,
        account_sid: str,
        auth_token: str,
    ) -> Self:
        """From the outputs file of the CDK CLI; the stack is the one that names a voice API. Raises `KeyError` without one."""
        stack, named = next(((name, outputs) for name, outputs in stacks.items() if "VoiceApiId" in outputs), ("", {}))
        apis = {name.lower(): named[f"{name}ApiId"] for name in ("Voice", "Messaging", "Callbacks")}
        urls = {name: f"{endpoint}/restapis/{api}/v1/_user_request_" for name, api in apis.items()}
        return cls(
            voice_url=f"{urls['voice']}/voice",
            sms_url=f"{urls['messaging']}/sms",
            trunk_url=f"{urls['voice']}/trunk/{trunk}",
            recording_url=f"{urls['callbacks']}/recording",
            account_sid=account_sid,
            auth_token=auth_token,
            table=named["EventTableName"],
            region=region,
            endpoint=endpoint,
            ca_bundle=ca_bundle,
            rest_apis=apis,
            journal_group=named["JournalGroupName"],
            tokens_secret=named["TokensSecretArn"],
            answer_function=named["AnswerFunctionName"],
            voicemail_bucket=named["VoicemailBucketName"],
            voicemail_queue=named["VoicemailQueueUrl"],
            voicemail_dead_letters=named["VoicemailDeadLettersUrl"],
            notification_topic=named["NotificationTopicArn"],
            keys_secret=named["TwilioKeysSecretArn"],
            collect_function=named["CollectFunctionName"],
            reconcile_function=named["ReconcileFunctionName"],
            probe_function=named.get("ProbeFunctionName", ""),
            stack=stack,
        )

    def entry(self, path: str) -> str:
        """The address of an entry of the voice API, as in `/sip/office`."""
        return self.voice_url.removesuffix("/voice") + path

    @classmethod
    def read(cls, path: Path) -> Self:
        """What the last deployment wrote. Raises `OSError` if there was none."""
        fields: dict[str, Any] = json.loads(path.read_text())
        return cls(**fields)

    def write(self, path: Path) -> None:
        """Write it as JSON, readable by the owner alone: it holds the token."""
        path.touch(mode=0o600)
        path.write_text(json.dumps(asdict(self), indent=2) + "\n")
