"""Messages on their way to a phone."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Message:
    text: str
    urgent: bool = False


@dataclass
class Outbox:
    """Sends at once, or holds messages back while a user has quiet hours."""

    quiet: tuple = ()
    sent: list = field(default_factory=list)
    held: list = field(default_factory=list)

    def post(self, message, minute):
        if not message.urgent and self.is_quiet(minute):
            self.held.append(message)
        else:
            self.sent.append(message)

    def is_quiet(self, minute):
        return any(hours.covers(minute) for hours in self.quiet)

    def tick(self, minute):
        """Send what was held, as one digest if it is more than one message."""
        if self.is_quiet(minute) or not self.held:
            return
        if len(self.held) == 1:
            self.sent.append(self.held[0])
        else:
            self.sent.append(Message(f"{len(self.held)} new: {self.held[0].text} ..."))
        self.held.clear()
