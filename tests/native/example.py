"""The example of docs/native.md: ``python tests/native/example.py`` writes anew what it prints.

The code that is shown is the loop around the first call of a vector function, up to where it is
unrolled, and its end.
"""

import contextlib
import io
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
from chainrule.native import llvm
from chainrule.native.program import compile_graph

PAGE = Path(__file__).parents[2] / "docs" / "native.md"
BLOCK = re.compile(r"^```python\n(.*?)^```\n\n```\n(.*?)^```\n", re.DOTALL | re.MULTILINE)
CODE = re.compile(r"^```llvm\n(.*?)^```\n", re.DOTALL | re.MULTILINE)


def loop_of(code: str) -> str:
    """The loop to show."""
    call = code.index("call <4 x double> @expit")
    start, end = code.rindex("\nloop", 0, call) + 1, code.index("\ndone", call) + 1
    lines = code[start:end].splitlines(keepends=True)
    sums = [k for k, line in enumerate(lines) if re.search(r"fadd .*%r\d+, ", line)]
    return "".join([*lines[: sums[0] + 1], "  …\n", *lines[sums[-1] + 1 :]])


def written_anew(text: str) -> str:
    """The page with what its programs print now."""
    names: dict = {}

    def run(match: re.Match) -> str:
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(match[1], names)
        return f"```python\n{match[1]}```\n\n```\n{printed.getvalue()}```\n"

    text = BLOCK.sub(run, text)
    code = compile_graph(names["lowered"].graph, machine=llvm.machine("avx2")).text()
    return CODE.sub(lambda _: f"```llvm\n{loop_of(code)}```\n", text)


if __name__ == "__main__":
    PAGE.write_text(written_anew(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
