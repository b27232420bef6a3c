from printq.farm import Printer, PrinterBusy
from printq.job import BadMove, Job

__all__ = ["BadMove", "Job", "Printer", "PrinterBusy"]
