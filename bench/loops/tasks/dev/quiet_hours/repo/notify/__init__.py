from notify.outbox import Message, Outbox
from notify.quiet import QuietHours

__all__ = ["Message", "Outbox", "QuietHours"]
