"""The two functions that the answer function is measured against."""
