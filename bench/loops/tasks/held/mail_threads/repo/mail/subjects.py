"""Subjects of mails, without what replies and forwards put in front of them."""

PREFIXES = ("re: ", "fwd: ", "aw: ")


def base_subject(subject):
    """Return a subject in lower case without reply and forward prefixes."""
    text = subject.strip().lower()
    changed = True
    while changed:
        changed = False
        for prefix in PREFIXES:
            if text.startswith(prefix):
                text = text.lstrip(prefix)
                changed = True
    return text


def is_reply(subject):
    """Tell whether a subject is that of a reply or forward."""
    return subject.strip().lower().startswith(PREFIXES)
