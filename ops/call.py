"""`fallback call`: the story of one call or text."""

import json
from typing import Annotated

import typer
from rich.markup import escape

from lambdas.answer.journal import OF_CALL_OR_MESSAGE, is_sid
from ops.deployment import OpsError
from ops.desk import Desk
from ops.options import PRODUCTION, EnvironmentOption, JsonOption, RegionsOption, ShowOption
from ops.screen import out
from ops.story import told
from ops.words import clock


def call(
    sid: Annotated[str, typer.Argument(help="SID of a call (CA…) or text (SM…, MM…)")],
    as_json: JsonOption = False,
    show_numbers: ShowOption = False,
    environment: EnvironmentOption = PRODUCTION,
    region: RegionsOption = None,
) -> None:
    """The story of one call or text. What failed, what we answered by which rule, what the caller did.

    Examples:

        fallback call CA0123456789abcdef0123456789abcdef

        fallback call SM0123456789abcdef0123456789abcdef --json
    """
    if not is_sid(sid, *OF_CALL_OR_MESSAGE):
        raise OpsError(f"{sid!r} is no SID of a call or text: CA, SM or MM and 32 hexadecimal digits, as the command `errors` shows them")
    desk = Desk.open(environment, region, show_numbers, f"the story of {sid}")
    items = [desk.view(item) for item in desk.history.story(sid)]
    if not items:
        raise OpsError(
            f"{sid} is not in the table of {desk.title}: it never reached the fallback, or its events have expired; try --region"
        )
    if as_json:
        for item in items:
            print(json.dumps(item))
        return
    out.print(f"[bold]{sid}[/]  {desk.title}")
    for chapter in told(items):
        out.print(f"\n{clock(chapter.moment)}  [bold]{escape(chapter.title)}[/]")
        for line in chapter.details:
            out.print(f"          {escape(line)}")
