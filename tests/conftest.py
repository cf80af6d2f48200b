"""What every test run has in common: one thread each, no windows, the same examples every time."""

import atexit
import os
import shutil
import tempfile

# Before NumPy is imported: the suite runs in one process for each core, and a pool of BLAS
# threads in each of those would compete for the same cores.
for pool in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(pool, "1")
os.environ.setdefault("MPLBACKEND", "Agg")
# The same bits at each call; what is compiled in the background has tests of its own.
os.environ.setdefault("CHAINRULE_TIERS", "off")

# What is compiled is kept for one run, its workers and subprocesses, and not in the user's folder.
if "CHAINRULE_CACHE" not in os.environ:
    os.environ["CHAINRULE_CACHE"] = tempfile.mkdtemp(prefix="chainrule-")
    atexit.register(shutil.rmtree, os.environ["CHAINRULE_CACHE"], ignore_errors=True)

from hypothesis import HealthCheck, settings  # noqa: E402 - the variables above come first

# A failure in CI must be one that everybody can repeat; `--hypothesis-profile=explore` looks for
# new ones. No deadline: how long one example takes is a fact about the machine.
settings.register_profile(
    "repeatable",
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("explore", settings.get_profile("repeatable"), derandomize=False)
settings.load_profile("repeatable")
