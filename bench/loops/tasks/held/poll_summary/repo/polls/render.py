"""Polls as text."""

from polls.stats import summary


def line(title, answers):
    """Return one line for a poll."""
    count, mean, top = summary(answers)
    if count == 0:
        return f"{title}: no answers"
    return f"{title}: {mean:.2f} ({count} answers, mostly {top})"


def ranking(polls):
    """Return the titles of {title: answers}, the best mean first."""
    return sorted(polls, key=lambda title: -summary(polls[title])[1])
