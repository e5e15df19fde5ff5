"""Everything that may be late: each module is one trigger, the rest is what they share."""
