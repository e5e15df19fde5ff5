"""The commands that messages to people name: whole, so that they ask the environment and region that a message is about.

How `fallback` is run is for the page to say that each message names: nobody knows from here where it lies on a reader's machine.
"""

import os


def command_line(words: str, environment: str) -> str:
    """`fallback status --environment production --region us-west-2`. Lambda tells each function its region."""
    return f"fallback {words} --environment {environment} --region {os.environ['AWS_REGION']}"
