"""How each command of the pages is tried, beyond being read: run without AWS, in moto, on the local cloud; or why not."""

import re

from tests.unit.page_commands import FOREIGN, MORE, Command, commands

#: What is read and not run, by a pattern of the command, and why. The first pattern that matches counts.
NOT_RUN: tuple[tuple[str, str], ...] = (
    (r"make (?:run|test|check-config|redeploy)\b", "tests/afternoon.py types it in a clone of its own"),
    (r"python -m local\.(?:demo --stay|call redeploy|call ready)\b|sh local/setup\.sh", "tests/afternoon.py starts it and waits for it"),
    (r"make cdk ARGS=(?:deploy|synth|diff|destroy)", "the stories deploy with the same CLI; what follows it is read"),
    (r"make cdk ARGS=(?:bootstrap|drift)", "asks an AWS account for what the local cloud has not"),
    (r"fallback console", "serves until somebody ends it: tests/stories/test_console.py"),
    (r"fallback preview .*--diff", "compares with a branch or tag of the reader's: test_preview.py has its own"),
    (r"fallback tokens check", "invokes a function of the stack: tests/stories/test_on_call.py"),
    (r"fallback (?:key|tokens) .*…(?:@|$)", "what stands for the … is the reader's: the whole SIDs are run"),
    (r"fallback key \S+ SK\.\.\.", "what stands for the ... is the reader's: the whole SIDs are run"),
    (r"fallback voicemails status", "reads the queues of a stack: tests/stories/test_voicemail.py"),
    (r"aws (?:iam|secretsmanager|kms|service-quotas) ", "changes, or asks for, what the account has and the stack has not"),
    (r"aws (?:dynamodb (?:update|delete)-table|logs delete-log-group)", "removes data"),
    (
        r"aws lambda (?:remove|add)-permission|aws lambda (?:put|delete)-function-concurrency",
        "tests/stories/watched.py breaks and restores it",
    ),
    (r"aws lambda update-alias", "tests/stories/test_roll_back.py"),
    (r"aws apigateway update-stage", "the local cloud has no throttle of a stage"),
    (r"aws cloudwatch set-alarm-state", "tests/stories/test_watched.py has alarms that go off by themselves"),
    (r"aws sqs (?:purge-queue|receive-message)", "would take what other stories wait for"),
    (r"aws lambda invoke", "tests/stories/test_watched.py and test_on_call.py invoke workers"),
)


def typed(command: Command) -> str:
    """The command as NOT_RUN names it."""
    first, *words = command.words
    return " ".join([first.removeprefix(".venv/bin/"), *words])


def reason(command: Command) -> str:
    """Why a command is not run; nothing for one that is."""
    return next((why for pattern, why in NOT_RUN if re.match(pattern, typed(command))), "")


def whole() -> list[Command]:
    """The commands of the pages that lack nothing and are ours or Amazon's."""
    return [command for command in commands() if MORE not in command.words and command.words[0].removeprefix(".venv/bin/") not in FOREIGN]


def run(program: str) -> list[Command]:
    """Those of a program that are run, in the order of the pages."""
    return [command for command in whole() if typed(command).startswith(f"{program} ") or typed(command) == program if not reason(command)]
