from .forms import SubmittedForm
from .limits import LimitWindow
from .log import Epoch, Stream, StreamEntry
from .processes import Process

__all__ = ["Epoch", "LimitWindow", "Process", "Stream", "StreamEntry", "SubmittedForm"]
