"""The CDK stacks: each file a logical unit, composed in `fallback_stack.py`."""
