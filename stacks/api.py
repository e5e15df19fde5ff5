"""Three REST APIs: voice and messaging, which answer TwiML whatever happens, and callbacks, which tell Twilio the truth.

API Gateway's *gateway responses* are what a caller gets when the function is broken, throttled or gone. They are set type by type, and the
same document stands under each content type that could be asked for. They are per API, not per route, hence an API a medium.
https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from config.settings import Settings
from stacks.functions import keep, log_group

STAGE = "v1"
#: Above the function's own five seconds, well below Twilio's fifteen.
INTEGRATION_TIMEOUT = Duration.seconds(8)
XML = "text/xml"
CONTENT_TYPES = ("application/json", "text/xml", "application/xml")
#: What API Gateway may answer by itself. For authorizers, API keys and usage plans, of which there are none, the two defaults do: a type
#: that is not set takes what they say. The others are set all the same: that it takes the status too is documented, and untried.
RESPONSE_TYPES = (
    "ACCESS_DENIED", "API_CONFIGURATION_ERROR", "BAD_REQUEST_BODY", "BAD_REQUEST_PARAMETERS", "DEFAULT_4XX", "DEFAULT_5XX", "EXPIRED_TOKEN",
    "INTEGRATION_FAILURE", "INTEGRATION_TIMEOUT", "INVALID_SIGNATURE", "MISSING_AUTHENTICATION_TOKEN", "REQUEST_TOO_LARGE",
    "RESOURCE_NOT_FOUND", "THROTTLED", "UNSUPPORTED_MEDIA_TYPE", "WAF_FILTERED",
)  # fmt: skip
#: What a callback's sender did wrong; everything else is our fault, and Twilio should try again.
SENDERS_FAULT = {
    "MISSING_AUTHENTICATION_TOKEN": "404",
    "RESOURCE_NOT_FOUND": "404",
    "REQUEST_TOO_LARGE": "413",
    "UNSUPPORTED_MEDIA_TYPE": "415",
}
#: Where the status tells the truth, it need only be set where another one would come, or where Twilio is to try again.
TRUTHFUL_TYPES = ("DEFAULT_4XX", "DEFAULT_5XX", "INTEGRATION_FAILURE", "INTEGRATION_TIMEOUT", "THROTTLED", *SENDERS_FAULT)
#: No address, number or user agent: what the alarms and an engineer need of a request that never reached the function.
ACCESS_LOG = {
    "requestId": "$context.requestId",
    "time": "$context.requestTimeEpoch",
    "method": "$context.httpMethod",
    "resource": "$context.resourcePath",
    "status": "$context.status",
    "errorType": "$context.error.responseType",
    "integrationStatus": "$context.integration.status",
    "integrationLatency": "$context.integration.latency",
    "latency": "$context.responseLatency",
}


@dataclass(frozen=True)
class Static:
    """What an API answers by itself: a document with status 200, or nothing with the true status."""

    document: str | None

    @property
    def types(self) -> Sequence[str]:
        """The types of gateway responses that are set."""
        return RESPONSE_TYPES if self.document else TRUTHFUL_TYPES

    def status(self, response_type: str) -> str:
        """The status of a gateway response."""
        return "200" if self.document else SENDERS_FAULT.get(response_type, "503")


class Api(Construct):
    """One REST API with its gateway responses, health check, static document and access log."""

    def __init__(self, scope: Construct, name: str, settings: Settings, static: Static, description: str, *, binary: bool = False) -> None:
        super().__init__(scope, name)
        self.settings = settings
        self.access_log = log_group(self, "AccessLog", settings.retention.logs)
        self.api = apigateway.RestApi(
            self,
            "Api",
            rest_api_name=f"fallback-{settings.environment}-{name.lower()}",
            description=description,
            cloud_watch_role=False,
            endpoint_configuration=apigateway.EndpointConfiguration(types=[apigateway.EndpointType.REGIONAL]),
            deploy_options=self.stage(),
            binary_media_types=["*/*"] if binary else None,
        )
        keep(self.api, f"{name}Api")
        keep(self.api.deployment_stage, f"{name}Stage")
        for response_type in static.types:
            self.gateway_response(response_type, static)
        if not binary:  # API Gateway's mocks answer 500 where everything is binary
            self.mock("health", ("GET",), "application/json", '{"status": "ok"}')
        if static.document:
            self.mock("static", ("GET", "POST"), XML, static.document)

    def stage(self) -> apigateway.StageOptions:
        """The one stage; its throttle is sized for a storm, because Twilio does not slow down when told to (error 11217)."""
        return apigateway.StageOptions(
            stage_name=STAGE,
            throttling_rate_limit=self.settings.api.rate,
            throttling_burst_limit=self.settings.api.burst,
            access_log_destination=apigateway.LogGroupLogDestination(self.access_log),
            access_log_format=apigateway.AccessLogFormat.custom(log_format(self.settings.environment)),
        )

    @property
    def url(self) -> str:
        """The stage's address. Built from the API's id alone, so that a function may know it without a circle of dependencies."""
        return f"https://{self.api.rest_api_id}.execute-api.{self.settings.region}.amazonaws.com/{STAGE}"

    @property
    def host(self) -> str:
        """The host name that numbers at Twilio point at."""
        return self.url.removeprefix("https://").removesuffix(f"/{STAGE}")

    def gateway_response(self, name: str, static: Static) -> None:
        """One type of answer that API Gateway gives by itself."""
        body = static.document or '{"error": "$context.error.responseType"}'
        self.api.add_gateway_response(
            name,
            type=apigateway.ResponseType.of(name),
            status_code=static.status(name),
            response_headers={"Content-Type": f"'{XML if static.document else 'application/json'}'"},
            templates=dict.fromkeys(CONTENT_TYPES, body),
        )

    def mock(self, path: str, methods: tuple[str, ...], content_type: str, body: str) -> None:
        """A resource that API Gateway answers alone."""
        header = "method.response.header.Content-Type"
        integration = apigateway.MockIntegration(
            passthrough_behavior=apigateway.PassthroughBehavior.NEVER,
            request_templates=dict.fromkeys(("application/json", "application/x-www-form-urlencoded"), '{"statusCode": 200}'),
            integration_responses=[
                apigateway.IntegrationResponse(
                    status_code="200",
                    response_templates={"application/json": body},
                    response_parameters={header: f"'{content_type}'"},
                )
            ],
        )
        resource = self.api.root.add_resource(path)
        for method in methods:
            responses = [apigateway.MethodResponse(status_code="200", response_parameters={header: True})]
            resource.add_method(method, integration, method_responses=responses)

    def serve(self, path: str, alias: lambda_.Alias, methods: tuple[str, ...] = ("POST", "GET")) -> None:
        """Let the function answer a path. GET is served too: Twilio asks so when a number is configured so."""
        integration = apigateway.LambdaIntegration(alias, timeout=INTEGRATION_TIMEOUT, scope_permission_to_method=False)
        resource = self.api.root.resource_for_path(path)
        for method in methods:
            resource.add_method(method, integration)


def log_format(environment: str) -> str:
    """One JSON object a line. API Gateway writes `-` for whatever it does not know, a time too, so every value is quoted: a line that is
    not JSON is counted by no metric filter."""
    return json.dumps({"environment": environment} | ACCESS_LOG, separators=(",", ":"))
