"""A printer works through its jobs one after the other."""


class PrinterBusy(RuntimeError):
    """The printer would have to print two jobs at once."""


class Printer:
    def __init__(self, spool_grams=1000):
        self.spool_grams = spool_grams
        self.jobs = []

    def add(self, job):
        self.jobs.append(job)
        return job

    def current(self):
        """Return the job on the bed, or None."""
        on_bed = [job for job in self.jobs if job.state in ("printing", "paused")]
        if len(on_bed) > 1:
            raise PrinterBusy(f"{on_bed[0].name} is still {on_bed[0].state}")
        return on_bed[0] if on_bed else None

    def next_up(self):
        """Begin the first queued job for which there is filament, if the bed is free."""
        if self.current() is not None:
            return None
        for job in self.jobs:
            if job.state == "queued" and job.grams <= self.spool_grams:
                job.move("begin")
                return job
        return None

    def done(self):
        job = self.current()
        if job is None:
            raise LookupError("nothing on the bed")
        job.move("finish")
        self.spool_grams -= job.grams
        return self.next_up()

    def spoiled(self, grams):
        """The print went wrong; the filament is lost."""
        job = self.current()
        job.move("fail")
        self.spool_grams -= grams
        # to the end of the line, others have waited for their first attempt
        self.jobs.remove(job)
        self.jobs.append(job)
        return self.next_up()

    def retry_all(self):
        for job in self.jobs:
            if job.state == "failed":
                job.move("retry")
        return self.current() or self.next_up()
