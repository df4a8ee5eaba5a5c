"""Count sizes: no Python file above 400 lines, no function above 50; exit status 1 if one is."""
# ruff: noqa: T201

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

FILE_LINES = 400
FUNCTION_LINES = 50
FOLDERS = ("src", "tests", "benchmarks", "docs", "tools")


def too_long(path: Path) -> Iterator[str]:
    """Name what is too long in one file."""
    text = path.read_text(encoding="utf-8")
    lines = len(text.splitlines())
    if lines > FILE_LINES:
        yield f"{path}: {lines} lines, {FILE_LINES} at most"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            size = (node.end_lineno or node.lineno) - node.lineno + 1
            if size > FUNCTION_LINES:
                where = f"{path}:{node.lineno}"
                yield f"{where}: {node.name} has {size} lines, {FUNCTION_LINES} at most"


def main(root: Path) -> int:
    """Print every file and function that is too long, and the totals."""
    files = [file for folder in FOLDERS for file in sorted((root / folder).rglob("*.py"))]
    faults = [fault for file in files for fault in too_long(file)]
    for fault in faults:
        print(fault)
    source = [file for file in files if file.is_relative_to(root / "src")]
    lines = sum(len(file.read_text(encoding="utf-8").splitlines()) for file in source)
    print(f"{len(source)} files in src, {lines} lines; {len(faults)} too long")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(Path(__file__).resolve().parent.parent))
