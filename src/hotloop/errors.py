"""Errors a user can act on: each names its cause and the next step."""

from __future__ import annotations


class HotloopError(Exception):
    """An expected failure. `exit_status` is what the command line returns for it."""

    exit_status = 1

    def __init__(self, cause: str, next_step: str = "") -> None:
        super().__init__(f"{cause}\n  next: {next_step}" if next_step else cause)
        self.cause = cause
        self.next_step = next_step


class UsageError(HotloopError):
    """The command line or a configuration file asks for something that makes no sense."""

    exit_status = 2


class EnvironmentFault(HotloopError):
    """This machine or endpoint cannot do it: no model, no endpoint, no disk, no consent."""

    exit_status = 3


class BackendError(EnvironmentFault):
    """The endpoint failed. `status` is its HTTP status (0 when no answer came).

    `retry_after_s` is what the server asks to wait before the next try, where it does.
    """

    retry_after_s: float | None = None

    def __init__(self, cause: str, next_step: str = "", status: int = 0) -> None:
        super().__init__(cause, next_step)
        self.status = status


class ToolError(HotloopError):
    """A tool could not do what an action asked; the model is told, the loop goes on."""
