"""The handler as it is usually written for such a webhook: Powertools' resolver, logger and metrics, a pydantic model of the form, one item
put into DynamoDB by boto3, and TwiML by Twilio's builder. It checks no signature and fetches no token, which is in its favour.

https://docs.aws.amazon.com/powertools/python/latest/core/event_handler/api_gateway/
"""

import os
from typing import Any
from urllib.parse import parse_qsl

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, ConfigDict
from twilio.twiml.voice_response import VoiceResponse

logger = Logger(service="fallback")
metrics = Metrics(namespace="Fallback", service="fallback")
app = APIGatewayRestResolver()
table = boto3.resource("dynamodb").Table(os.environ["TABLE"])


class VoiceRequest(BaseModel):
    """A voice webhook of Twilio's."""

    model_config = ConfigDict(extra="allow")

    CallSid: str
    AccountSid: str
    From: str
    To: str
    CallStatus: str
    ErrorCode: int | None = None
    ErrorUrl: str | None = None


@app.post("/voice")
def voice() -> Response[str]:
    """Keep the event and take a voicemail."""
    request = VoiceRequest.model_validate(dict(parse_qsl(app.current_event.body or "", keep_blank_values=True)))
    logger.info("fallback", extra={"call": request.CallSid, "code": request.ErrorCode})
    metrics.add_metric(name="Requests", unit=MetricUnit.Count, value=1)
    table.put_item(
        Item={"pk": request.CallSid, "sk": app.current_event.request_context.request_id, **request.model_dump(exclude_none=True)}
    )
    twiml = VoiceResponse()
    twiml.say("We are sorry, our phone system is down. Please leave a message after the tone.")
    twiml.record(action="/v1/voice/recorded", max_length=180, finish_on_key="#", play_beep=True)
    twiml.hangup()
    return Response(status_code=200, content_type="text/xml", body=str(twiml))


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """The entry point of Lambda."""
    return app.resolve(event, context)
