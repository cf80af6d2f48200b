"""What no fork may interrupt: a child process would inherit locks that nobody releases there.

Such are LLVM's own, and those of modules that another thread is importing.
"""

from __future__ import annotations

import logging  # noqa: F401 (its lock is to be taken after ours by a fork, as by who logs at work)
import os
import threading

#: Held while the compiler is at work, and across a fork. It is the only lock of ours that a fork
#: takes, so there is no order in which two could be taken the wrong way round.
working = threading.RLock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=working.acquire, after_in_parent=working.release, after_in_child=working.release
    )
