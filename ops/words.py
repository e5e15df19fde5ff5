"""Times, lengths and counts as people read them."""

from datetime import UTC, datetime, timedelta


def clock(moment: datetime) -> str:
    """`02:41:07` today, `Nov 19 02:41` on another day; UTC."""
    there = moment.astimezone(UTC)
    today = there.date() == datetime.now(UTC).date()
    return f"{there:%H:%M:%S}" if today else f"{there:%b} {there.day} {there:%H:%M}"


def length(span: timedelta) -> str:
    """`45 s`, `12 min`, `3 h 20 min`, `2 d 4 h`."""
    seconds = int(span.total_seconds())
    if seconds < 60:
        return f"{seconds} s"
    days, hours, minutes = seconds // 86400, seconds % 86400 // 3600, seconds % 3600 // 60
    parts = [(days, "d"), (hours, "h"), (minutes, "min")]
    return " ".join(f"{amount} {unit}" for amount, unit in parts if amount)


def count(amount: int, noun: str) -> str:
    """`1 call`, `2 calls`, `no calls`."""
    return f"{amount or 'no'} {noun if amount == 1 else noun + 's'}"
