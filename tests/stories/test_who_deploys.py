"""Who may deploy: the policy of `config/iam/deployer.json` is enough, and less than it is not."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from local.cdk import Cdk, CdkFailed
from ops.deploy_rights import deployer
from tests.stories.conftest import Deployed
from tests.stories.on_call import ROOT

NOTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}]}


def deploy(deployed: Deployed, name: str, policy: Mapping[str, object], outputs: Path) -> None:
    """Deploy what stands there once more, as somebody who has this policy alone. Raises CdkFailed."""
    cloud = deployed.cloud
    iam = cloud.client("iam")
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName=name, PolicyDocument=json.dumps(policy))
    made = iam.create_access_key(UserName=name)["AccessKey"]
    keys = {"AWS_ACCESS_KEY_ID": made["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": made["SecretAccessKey"]}
    cdk = Cdk({**cloud.environ, **keys}, ROOT, outputs.with_suffix(".log"))
    cdk.deploy(cloud.directory / "cdk.local", outputs)


def test_the_deployers_policy_is_enough_to_deploy(deployed: Deployed, tmp_path: Path) -> None:
    """It takes on the roles of `cdk bootstrap`, which do the rest."""
    deploy(deployed, "deployer", deployer(), tmp_path / "outputs.json")
    assert json.loads((tmp_path / "outputs.json").read_text())


def test_nobody_else_deploys(deployed: Deployed, tmp_path: Path) -> None:
    with pytest.raises(CdkFailed, match="not authorized"):
        deploy(deployed, "visitor", NOTHING, tmp_path / "outputs.json")
