"""What the pages on deploying, privacy and versions say is what the template, the settings and the project say."""

import re
import tomllib
from typing import Any

import pytest
import yaml

from config.settings import load
from config.tables import Retention
from lambdas.workers.events import ASIDE_DAYS, STRANGER_DAYS
from ops.cost import idle, with_free
from ops.deploy_rights import resources
from ops.forget import BACKUPS, QUEUES
from stacks.fallback_stack import AS_A_FALLBACK
from tests.unit.page_commands import PAGES, ROOT, lines

WORKFLOW = ROOT / "config" / "examples" / "github-deploy.yml"
DEPLOYING = (ROOT / "docs" / "deploying.md").read_text()
PRIVACY = (ROOT / "docs" / "privacy.md").read_text()


# --- the workflow


@pytest.fixture(scope="module")
def workflow() -> dict[Any, Any]:
    """The workflow; YAML reads its key `on` as true."""
    return dict(yaml.safe_load(WORKFLOW.read_text()))


def steps(workflow: dict[Any, Any]) -> list[dict[str, Any]]:
    """The steps of all jobs."""
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def test_actions_are_pinned_to_a_commit_and_say_which_version_that_is(workflow: dict[Any, Any]) -> None:
    used = [step["uses"] for step in steps(workflow) if "uses" in step]
    assert used
    assert [action for action in used if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action)] == []
    assert len(re.findall(r"uses: \S+ # v\d+\.\d+\.\d+$", WORKFLOW.read_text(), re.MULTILINE)) == len(used)


def test_each_job_gets_its_credentials_by_openid_connect_and_stores_none(workflow: dict[Any, Any]) -> None:
    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        assert job["permissions"] == {"id-token": "write", "contents": "read"}
        [credentials] = [step for step in job["steps"] if "configure-aws-credentials" in step.get("uses", "")]
        assert set(credentials["with"]) == {"role-to-assume", "aws-region"}
        assert all(step["with"]["persist-credentials"] is False for step in job["steps"] if "checkout" in step.get("uses", ""))
    assert "secrets." not in WORKFLOW.read_text()


def test_production_comes_after_staging_and_in_an_environment_that_can_ask_for_approval(workflow: dict[Any, Any]) -> None:
    assert workflow["jobs"]["production"]["needs"] == "staging"
    assert {name: job["environment"] for name, job in workflow["jobs"].items()} == {"staging": "staging", "production": "production"}


def test_the_workflow_types_what_the_page_says(workflow: dict[Any, Any]) -> None:
    """For staging the same commands with the other name."""
    shown = set(lines(DEPLOYING))
    assert [step["run"] for step in steps(workflow) if "run" in step and step["run"].replace("staging", "production") not in shown] == []


# --- deploying


def test_the_page_names_all_that_stays_after_removal() -> None:
    """Read from the template with everything switched on; log groups beside the journal and the audit trail by their type."""
    retained = {
        name: each["Type"] for name, each in resources().items() if each.get("DeletionPolicy") in ("Retain", "RetainExceptOnCreate")
    }
    table = DEPLOYING.partition("| stays |")[2].partition("\n\n")[0]
    named = set(re.findall(r"`([A-Z]\w+)`", table))
    unnamed = {kind for name, kind in retained.items() if name not in named}
    assert named <= set(retained)
    assert unnamed == {"AWS::Logs::LogGroup", "AWS::Lambda::Version"}  # a version goes with its function
    assert "`AWS::Logs::LogGroup`" in table
    assert "AWS::ApiGateway::RestApi" not in retained.values()


# --- privacy


def test_the_page_says_how_long_each_thing_is_kept() -> None:
    """The days of the settings' defaults; what is fixed is fixed in the template and in the command that says it too."""
    for name, field in Retention.model_fields.items():
        assert re.search(rf"\| {field.default} \| `\[retention\] {name}` \|", PRIVACY), name
    audit = resources()["AuditTrail"]["Properties"]["RetentionInDays"]
    assert re.search(rf"audit trail: .*\| {audit} \| fixed \|", PRIVACY)
    assert re.search(rf"backups .*\| {BACKUPS} \| fixed \|", PRIVACY)
    assert re.search(rf"SQS dead letters \| {QUEUES} \| fixed \|", PRIVACY)
    assert re.search(rf"nobody vouches for.*\| {STRANGER_DAYS} \| fixed \|", PRIVACY)
    assert re.search(rf"could not become events .*\| {ASIDE_DAYS} \| fixed \|", PRIVACY)
    queues = [each["Properties"] for each in resources().values() if each["Type"] == "AWS::SQS::Queue"]
    assert {queue["MessageRetentionPeriod"] for queue in queues} == {QUEUES * 86_400}


def test_the_page_names_where_data_lie() -> None:
    """By the logical ids of the template."""
    assert {"EventTable", "VoicemailBucket", "Journal", "AuditTrail"} <= set(re.findall(r"`(\w+)`", PRIVACY)) & set(resources())


def test_the_readme_says_what_an_idle_stack_costs() -> None:
    """As docs/cost.md computes it, to ten cents."""
    [told] = re.findall(r"costs about \$(\d\.\d\d) a month", (ROOT / "README.md").read_text())
    assert float(told) == pytest.approx(with_free(list(idle(load("production")))), abs=0.1)


def test_the_readme_shows_the_urls_as_the_stack_prints_them() -> None:
    """With the connection overrides that the outputs have."""
    text = (ROOT / "README.md").read_text()
    assert f"`VoiceUrl` as printed, with `{AS_A_FALLBACK['voice']}&e=…`" in text
    assert f"`SmsUrl` as printed, with `{AS_A_FALLBACK['sms']}&e=…`" in text


# --- versions, and what leads where


def test_the_changelog_knows_the_version_of_the_project() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    released = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d{2}-\d{2}$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert released[0] == version


def test_the_reading_order_leads_to_every_page() -> None:
    """And a page that nobody is sent to is not there."""
    order = (ROOT / "docs" / "README.md").read_text()
    missing = [page.name for page in PAGES if page.name not in order and page.parent.name == "docs" and page.name != "README.md"]
    assert missing == []


def test_every_link_of_every_page_leads_somewhere() -> None:
    """To a file, and to a heading of it where one is named."""
    for page in PAGES:
        text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
        for target, heading in re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)", text):
            file = (page.parent / target) if target else page
            assert file.exists(), f"{page.name}: {target}"
            if heading and file.suffix == ".md":
                assert heading in anchors(file.read_text()), f"{page.name}: {target}#{heading}"


def anchors(text: str) -> set[str]:
    """The names of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
