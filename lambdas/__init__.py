"""What runs on AWS Lambda: `answer` (the answer path) and `workers` (everything that may be late)."""
