"""Who may deploy: the policy of `config/iam/deployer.json` is enough, and less than it is not."""

import json
from collections.abc import Mapping
from pathlib import Path

import boto3
import pytest

from local.cdk import Cdk, CdkFailed
from ops.deploy_rights import deployer
from stacks.capacity import quota_of
from stacks.standing import stands
from tests.stories.conftest import Deployed
from tests.stories.on_call import ROOT

NOTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}]}


def keys(deployed: Deployed, name: str, policy: Mapping[str, object]) -> dict[str, str]:
    """The credentials of somebody who has this policy alone."""
    iam = deployed.cloud.client("iam")
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName=name, PolicyDocument=json.dumps(policy))
    made = iam.create_access_key(UserName=name)["AccessKey"]
    return {"AWS_ACCESS_KEY_ID": made["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": made["SecretAccessKey"]}


def deploy(deployed: Deployed, name: str, policy: Mapping[str, object], outputs: Path) -> None:
    """Deploy what stands there once more, as somebody who has this policy alone. Raises CdkFailed."""
    cloud = deployed.cloud
    cdk = Cdk({**cloud.environ, **keys(deployed, name, policy)}, ROOT, outputs.with_suffix(".log"))
    cdk.deploy(cloud.directory / "cdk.local", outputs)


def test_the_deployers_policy_is_enough_to_deploy(deployed: Deployed, tmp_path: Path) -> None:
    """It takes on the roles of `cdk bootstrap`, which do the rest."""
    deploy(deployed, "deployer", deployer(), tmp_path / "outputs.json")
    assert json.loads((tmp_path / "outputs.json").read_text())


def test_nobody_else_deploys(deployed: Deployed, tmp_path: Path) -> None:
    with pytest.raises(CdkFailed, match="not authorized"):
        deploy(deployed, "visitor", NOTHING, tmp_path / "outputs.json")


@pytest.mark.parametrize(("name", "policy", "sees"), [("looker", deployer(), True), ("stranger", NOTHING, False)])
def test_the_deployers_policy_is_enough_to_see_what_the_synthesis_asks(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch, name: str, policy: Mapping[str, object], sees: bool
) -> None:
    """Whether the stack stands, and how much Lambda runs at once."""
    account = deployed.cloud.client("sts").get_caller_identity()["Account"]
    for variable, value in {**deployed.cloud.environ, **keys(deployed, name, policy), "CDK_DEFAULT_ACCOUNT": account}.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # it would keep the credentials of whoever asked first
    region, nowhere = deployed.outputs.region, "fallback-nowhere"
    assert (stands(deployed.outputs.stack, region), stands(nowhere, region)) == ((True, False) if sees else (None, None))
    if sees:  # the local cloud lets everybody see the account's settings
        assert quota_of(region) == deployed.cloud.settings.capacity.quota
