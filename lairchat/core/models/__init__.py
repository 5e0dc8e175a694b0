from .forms import SubmittedForm
from .limits import LimitWindow
from .log import Epoch, Stream, StreamEntry
from .processes import Process
from .upkeep import ChoreRun, Lease

__all__ = ["ChoreRun", "Epoch", "Lease", "LimitWindow", "Process", "Stream", "StreamEntry", "SubmittedForm"]
