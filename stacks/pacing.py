"""How much of the APIs is made at once.

API Gateway's control plane takes ten requests a second of a whole account, one new API in three seconds, one deployment in five, and
CloudFormation makes at once whatever depends on nothing: a first deployment failed on "Too Many Requests". So the APIs are made one after
another, and the parts of each in a few lanes.
https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import cast

from aws_cdk import CfnResource
from aws_cdk import aws_apigateway as apigateway

LANES = 4  #: parts of an API that are made at once
PARTS = (apigateway.CfnGatewayResponse, apigateway.CfnMethod, apigateway.CfnResource)


def pace(apis: Sequence[apigateway.RestApi]) -> None:
    """Have each part wait for the one that is `LANES` before it, each API's first parts for the deployment of the API before."""
    for first, second in pairwise(apis):
        _of(second).add_resource_dependency(_of(first))
    before: list[CfnResource] = []
    for api in apis:
        parts = [part for part in api.node.find_all() if isinstance(part, PARTS)]
        for earlier, later in zip([*before, *parts], parts[LANES - len(before) :], strict=False):
            later.add_resource_dependency(earlier)
        before = [_of(cast(apigateway.Deployment, api.latest_deployment))] * LANES


def _of(construct: apigateway.RestApi | apigateway.Deployment) -> CfnResource:
    """What stands in the template."""
    return cast(CfnResource, construct.node.default_child)
