import pytest

from printq import BadMove, Job, Printer


@pytest.fixture
def printer():
    printer = Printer(spool_grams=500)
    for name, grams in [("benchy", 15), ("vase", 120), ("bracket", 60)]:
        printer.add(Job(name, grams))
    return printer


def states(printer):
    return {job.name: job.state for job in printer.jobs}


def test_one_after_the_other(printer):
    assert printer.next_up().name == "benchy"
    assert printer.next_up() is None
    assert printer.done().name == "vase"
    assert printer.spool_grams == 485


def test_too_little_filament():
    printer = Printer(spool_grams=50)
    printer.add(Job("vase", 120))
    assert printer.add(Job("hook", 8)) is printer.next_up()


def test_paused_job_keeps_the_bed(printer):
    job = printer.next_up()
    job.move("pause")
    assert printer.next_up() is None
    job.move("resume")
    assert job.attempts == 1


def test_cancelled_job_is_over(printer):
    job = printer.next_up()
    job.move("cancel")
    assert job.is_over()
    with pytest.raises(BadMove, match="cannot resume benchy, it is cancelled"):
        job.move("resume")


def test_failed_job_goes_to_the_end(printer):
    printer.next_up()
    assert printer.spoiled(4).name == "vase"
    assert [job.name for job in printer.jobs] == ["vase", "bracket", "benchy"]


def test_retry_while_another_job_prints(printer):
    printer.next_up()
    printer.spoiled(4)
    assert printer.retry_all().name == "vase"
    assert states(printer) == {"vase": "printing", "bracket": "queued", "benchy": "queued"}


def test_retry_on_a_free_bed():
    printer = Printer()
    job = printer.add(Job("benchy", 15))
    printer.next_up()
    assert printer.spoiled(3) is None
    assert printer.retry_all() is job
    assert job.history == ["queued", "printing", "failed", "queued", "printing"]
    assert job.attempts == 2
