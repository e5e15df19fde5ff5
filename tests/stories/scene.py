"""A small stack of its own for the tests of the local cloud: one API, one function behind an alias, its journal, and who keeps the journal.

Deployed by CloudFormation itself, without the CDK: seconds less, and nothing of the product is in it.
"""

import json
from typing import Any

from local.cloud import LocalCloud

#: Answers as the form field `do` says, and always says in the journal that it was asked.
ANSWER = """
import json, os, sys, time, urllib.parse
def handler(event, context):
    form = dict(urllib.parse.parse_qsl(event.get("body") or ""))
    print(json.dumps({"journal": 1, "call": form.get("call", "none")}))
    if form.get("do") == "raise": raise ValueError("out of order")
    if form.get("do") == "exit": sys.exit(3)
    if form.get("do") == "hang": time.sleep(60)
    if form.get("do") == "text": return "hello"
    if form.get("do") == "nothing": return None
    if form.get("do") == "unknown field": return {"status": 200}
    if form.get("do") == "object": return {"statusCode": 200, "body": {"a": 1}}
    if form.get("do") == "too large": return {"statusCode": 200, "body": "x" * 7_000_000}
    if form.get("do") == "import": import pydantic
    shown = {"event": event, "environ": dict(os.environ), "started": STARTED}
    return {"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": json.dumps(shown)}
STARTED = str(time.monotonic_ns())
"""

#: Keeps each journal line as an item: what it was handed, how, and in which order.
KEEPER = """
import base64, gzip, json, os, time, boto3
def handler(event, context):
    if os.environ["BROKEN"] == "yes": raise RuntimeError("broken")
    failed = "Records" in event
    payloads = [json.loads(record["body"])["requestPayload"] for record in event["Records"]] if failed else [event]
    table = boto3.resource("dynamodb").Table(os.environ["TABLE"])
    for payload in payloads:
        data = json.loads(gzip.decompress(base64.b64decode(payload["awslogs"]["data"])))
        for line in data["logEvents"]:
            call = json.loads(line["message"])["call"]
            at = f"{time.monotonic_ns():020}"
            table.put_item(Item={"call": call, "at": at, "line": line["id"], "lines": len(data["logEvents"]), "after_failure": failed})
    return {"batchItemFailures": []}
"""


def trusting(service: str) -> dict[str, Any]:
    """Who may take a role."""
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}]}


XML = {"gatewayresponse.header.Content-Type": "'text/xml'"}
FORM = "application/x-www-form-urlencoded"


def deploy(cloud: LocalCloud) -> dict[str, str]:
    """Make the stack; returns its outputs."""
    cloudformation = cloud.client("cloudformation")
    cloudformation.create_stack(StackName="scene", TemplateBody=json.dumps(template()), Capabilities=["CAPABILITY_IAM"])
    cloudformation.get_waiter("stack_create_complete").wait(StackName="scene", WaiterConfig={"Delay": 1, "MaxAttempts": 20})
    outputs = cloudformation.describe_stacks(StackName="scene")["Stacks"][0]["Outputs"]
    return {output["OutputKey"]: output["OutputValue"] for output in outputs}


def template() -> dict[str, Any]:
    resources = functions() | keeping() | api()
    shown = ("Api", "Answer", "Keeper", "Table", "Journal", "Access", "Secret")
    return {"Resources": resources, "Outputs": {name: {"Value": {"Ref": name}} for name in shown}}


def resource(kind: str, *after: str, **properties: Any) -> dict[str, Any]:
    return {"Type": f"AWS::{kind}", "DependsOn": list(after), "Properties": properties}


def attribute(name: str, of: str = "Arn") -> dict[str, Any]:
    return {"Fn::GetAtt": [name, of]}


def function(code: str, role: str, seconds: int, **more: Any) -> dict[str, Any]:
    basics = {"Runtime": "python3.13", "Handler": "index.handler", "Code": {"ZipFile": code}, "Timeout": seconds}
    return resource("Lambda::Function", role, Role=attribute(role), **basics, **more)


def role(*allowed: str) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": list(allowed), "Resource": "*"}
    policies = [{"PolicyName": "own", "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]}}]
    return resource("IAM::Role", AssumeRolePolicyDocument=trusting("lambda.amazonaws.com"), Policies=policies)


def functions() -> dict[str, Any]:
    return {
        "Journal": resource("Logs::LogGroup"),
        "Secret": resource("SecretsManager::Secret", SecretString="{}"),
        "AnswerRole": role("logs:PutLogEvents"),
        "Answer": function(ANSWER, "AnswerRole", 1, LoggingConfig={"LogGroup": {"Ref": "Journal"}}),
        "Version": resource("Lambda::Version", FunctionName={"Ref": "Answer"}),
        "Live": resource("Lambda::Alias", Name="live", FunctionName={"Ref": "Answer"}, FunctionVersion=attribute("Version", "Version")),
        "MayAnswer": resource(
            "Lambda::Permission",
            Action="lambda:InvokeFunction",
            FunctionName={"Ref": "Live"},
            Principal="apigateway.amazonaws.com",
            SourceArn={"Fn::Sub": "arn:aws:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/v1/*"},
        ),
    }


def keeping() -> dict[str, Any]:
    key = [{"AttributeName": "call", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}]
    types = [{"AttributeName": name, "AttributeType": "S"} for name in ("call", "at")]
    destination = {"OnFailure": {"Destination": attribute("Failed")}}
    return {
        "Table": resource("DynamoDB::Table", KeySchema=key, AttributeDefinitions=types, BillingMode="PAY_PER_REQUEST"),
        "Failed": resource("SQS::Queue", VisibilityTimeout=600),
        "KeeperRole": role("dynamodb:PutItem", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:SendMessage"),
        "Keeper": function(KEEPER, "KeeperRole", 10, Environment={"Variables": {"TABLE": {"Ref": "Table"}, "BROKEN": "no"}}),
        "OnFailure": resource(
            "Lambda::EventInvokeConfig", FunctionName={"Ref": "Keeper"}, Qualifier="$LATEST", DestinationConfig=destination
        ),
        "FromFailed": resource(
            "Lambda::EventSourceMapping",
            FunctionName={"Ref": "Keeper"},
            EventSourceArn=attribute("Failed"),
            FunctionResponseTypes=["ReportBatchItemFailures"],
        ),
        "MayKeep": resource(
            "Lambda::Permission",
            Action="lambda:InvokeFunction",
            FunctionName={"Ref": "Keeper"},
            Principal="logs.amazonaws.com",
            SourceArn=attribute("Journal"),
        ),
        "Subscription": resource(
            "Logs::SubscriptionFilter",
            "MayKeep",
            LogGroupName={"Ref": "Journal"},
            DestinationArn=attribute("Keeper"),
            FilterPattern='"journal"',
        ),
    }


def api() -> dict[str, Any]:
    line = '{"id":"$context.requestId","type":"$context.error.responseType","status":"$context.status","path":"$context.resourcePath"}'
    methods = {
        "Post": method("POST", lambda_integration(5000)),
        "Get": method("GET", lambda_integration(5000)),
        "Put": method("PUT", lambda_integration(200)),
    }
    mocks = {"MockGet": method("GET", mock(), "Static"), "MockPost": method("POST", mock(), "Static")}
    errors = {kind: gateway_response(f"DEFAULT_{kind}") for kind in ("4XX", "5XX")}
    return {
        "Access": resource("Logs::LogGroup"),
        "Api": resource("ApiGateway::RestApi", Name="scene", EndpointConfiguration={"Types": ["REGIONAL"]}),
        "Voice": resource("ApiGateway::Resource", RestApiId={"Ref": "Api"}, ParentId=attribute("Api", "RootResourceId"), PathPart="voice"),
        "Static": resource(
            "ApiGateway::Resource", RestApiId={"Ref": "Api"}, ParentId=attribute("Api", "RootResourceId"), PathPart="static"
        ),
        **methods,
        **mocks,
        **errors,
        "Deployment": resource("ApiGateway::Deployment", *methods, *mocks, *errors, RestApiId={"Ref": "Api"}),
        "Stage": resource(
            "ApiGateway::Stage",
            RestApiId={"Ref": "Api"},
            StageName="v1",
            DeploymentId={"Ref": "Deployment"},
            AccessLogSetting={"DestinationArn": attribute("Access"), "Format": line},
        )
        | {"DependsOn": "Account"},
        "LogRole": resource("IAM::Role", AssumeRolePolicyDocument=trusting("apigateway.amazonaws.com")),
        "Account": resource("ApiGateway::Account", CloudWatchRoleArn=attribute("LogRole")),
    }


def method(verb: str, integration: dict[str, Any], path: str = "Voice") -> dict[str, Any]:
    responses = [{"StatusCode": "200", "ResponseParameters": {"method.response.header.Content-Type": True}}]
    basics = {"RestApiId": {"Ref": "Api"}, "ResourceId": {"Ref": path}, "HttpMethod": verb, "AuthorizationType": "NONE"}
    return resource("ApiGateway::Method", **basics, Integration=integration, MethodResponses=responses)


def lambda_integration(milliseconds: int) -> dict[str, Any]:
    uri = {"Fn::Sub": "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Live}/invocations"}
    return {"Type": "AWS_PROXY", "IntegrationHttpMethod": "POST", "Uri": uri, "TimeoutInMillis": milliseconds}


def mock() -> dict[str, Any]:
    ok = '{"statusCode": 200}'
    response = {
        "StatusCode": "200",
        "ResponseParameters": {"method.response.header.Content-Type": "'text/xml'"},
        "ResponseTemplates": {"application/json": "<Response/>"},
    }
    return {
        "Type": "MOCK",
        "PassthroughBehavior": "NEVER",
        "RequestTemplates": {"application/json": ok, FORM: ok},
        "IntegrationResponses": [response],
    }


def gateway_response(kind: str) -> dict[str, Any]:
    text = "<Response><!-- $context.error.responseType --></Response>"
    basics = {"RestApiId": {"Ref": "Api"}, "ResponseType": kind, "StatusCode": "200"}
    return resource("ApiGateway::GatewayResponse", **basics, ResponseParameters=XML, ResponseTemplates={"application/json": text})
