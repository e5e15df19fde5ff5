"""Everything that may be late: each module is one trigger, the rest is what they share."""

import warnings

# A run in which nothing has to be counted is no mistake: most metrics are emitted only when something happens, and cost nothing otherwise.
warnings.filterwarnings("ignore", "No application metrics to publish")
