"""What cdk-nag reports and why it stands: each finding is acknowledged where it arises, with its reason.

https://github.com/cdklabs/cdk-nag/blob/main/RULES.md#aws-solutions
"""

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct

SIGNED = "Twilio signs its requests and the function verifies them; an authorizer would be one more thing that can fail"
REASONS = {
    "AwsSolutions-APIG2": "requests are checked by the function: a request that API Gateway refused would leave a caller without words",
    "AwsSolutions-APIG3": "a web ACL costs more than the idle stack; strangers cost no more than the static answer. docs/decisions.md",
    "AwsSolutions-APIG4": SIGNED,
    "AwsSolutions-COG4": SIGNED,
    "AwsSolutions-APIG6": "execution logs would hold phone numbers; the access log and the journal are kept instead",
    "AwsSolutions-SMG4": "Auth Tokens are rotated at Twilio; the function takes several at a time and follows a rotation by itself",
    "AwsSolutions-L1": "Python 3.13 is what the tests run under; what is tested is what is deployed",
}


def acknowledge(construct: IConstruct, **further: str) -> None:
    """Acknowledge the findings above below a construct, and further ones by id."""
    for rule, reason in (REASONS | further).items():
        Validations.of(construct).acknowledge(Acknowledgment(id=f"AwsSolutions::{rule}", reason=reason))
