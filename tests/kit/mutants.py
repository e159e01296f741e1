"""Does a test fail when a rule is changed? `make mutants` changes the registry's domain in one place after the other.

Each mutant is one comparison, condition, number or raise that is another; the tests of the domain run against it in a
process of their own. What no test noticed is printed, with the line as it was, and ends the run with 1.
"""

import ast
import importlib.abc
import importlib.machinery
import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Final

import click

_ROOT: Final = Path(__file__).parents[2]
_DOMAIN: Final = _ROOT / "relay" / "registry" / "domain"
_TESTS: Final = ("tests/registry/domain", "tests/registry/test_service.py", "tests/registry/test_support.py")
# Which mutant a process tests, `file:number`.
_VARIABLE: Final = "TESTED_MUTANT"
# The number of no mutant.
_NONE: Final = -1
# Seconds. A mutant that makes a loop endless has been noticed.
_LONGEST: Final = 120

_OTHER: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """One place of a file that can be another: its line, and what would be there."""

    line: int
    change: str


class _Changer(ast.NodeTransformer):
    """Finds the places that can be changed, in order, and changes the one that is wanted."""

    def __init__(self, wanted: int | None) -> None:
        self.places: list[Place] = []
        self._wanted = wanted

    def _here(self, node: ast.expr | ast.stmt, change: str) -> bool:
        self.places.append(Place(node.lineno, change))
        return len(self.places) - 1 == self._wanted

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:  # as ast calls it
        return node if node.name == "__repr__" else self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        for number, operator in enumerate(node.ops):
            other = _OTHER[type(operator)]
            if self._here(node, f"{type(operator).__name__} is {other.__name__}"):
                node.ops[number] = other()
        return node

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        self.generic_visit(node)
        if self._here(node, "and is or, or is and"):
            node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        return node

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        self.generic_visit(node)
        return node.operand if isinstance(node.op, ast.Not) and self._here(node, "not is gone") else node

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if type(node.value) is int and self._here(node, f"{node.value} is {node.value + 1}"):
            return ast.copy_location(ast.Constant(node.value + 1), node)
        return node

    def visit_If(self, node: ast.If) -> ast.AST:
        self.generic_visit(node)
        for value in (True, False):
            if self._here(node, f"the condition is {value}"):
                node.test = ast.copy_location(ast.Constant(value), node.test)
        return node

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        return ast.copy_location(ast.Pass(), node) if self._here(node, "the raise is gone") else node


def _changed(path: Path, wanted: int | None) -> tuple[ast.Module, list[Place]]:
    changer = _Changer(wanted)
    tree = changer.visit(ast.parse(path.read_text(), str(path)))
    return ast.fix_missing_locations(tree), changer.places


class _Loader(importlib.machinery.SourceFileLoader):
    """Loads one module as its mutant."""

    def __init__(self, name: str, path: Path, number: int) -> None:
        super().__init__(name, str(path))
        self._mutant = path, number

    def get_code(self, fullname: str) -> CodeType:
        return compile(_changed(*self._mutant)[0], str(self._mutant[0]), "exec")


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, path: Path, number: int) -> None:
        self._name = ".".join(path.relative_to(_ROOT).with_suffix("").parts)
        self._loader = _Loader(self._name, path, number)

    def find_spec(self, fullname: str, path: object, target: object = None) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._name:
            return None
        return importlib.util.spec_from_loader(fullname, self._loader)


# In the process of a mutant this is a plugin of pytest: read before anything of the relay is.
if (_told := os.environ.get(_VARIABLE)) is not None:
    _file, _, _number = _told.rpartition(":")
    sys.meta_path.insert(0, _Finder(Path(_file), int(_number)))


def _survives(path: Path, number: int) -> bool:
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "tests.kit.mutants", "-p", "no:cacheprovider"]
    try:
        done = subprocess.run(
            [*command, "-m", "not slow", *_TESTS],
            cwd=_ROOT,
            env={**os.environ, _VARIABLE: f"{path}:{number}"},
            capture_output=True,
            timeout=_LONGEST,
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def _mutants(only: tuple[str, ...]) -> Iterator[tuple[Path, int, Place]]:
    for path in sorted(_DOMAIN.glob("*.py")):
        if not only or path.stem in only:
            for number, place in enumerate(_changed(path, None)[1]):
                yield path, number, place


@click.command()
@click.argument("only", nargs=-1, metavar="[MODULE]...")
@click.option("--at-once", default=os.cpu_count() or 1, show_default=True)
def main(*, only: tuple[str, ...], at_once: int) -> None:
    """Change the registry's domain, or only these modules of it, in one place after the other."""
    if not _survives(_DOMAIN / "rules.py", _NONE):
        raise click.ClickException("the tests fail without any change: what they would notice says nothing")
    mutants = list(_mutants(only))
    unnoticed = 0
    with ThreadPoolExecutor(at_once) as threads:
        survived = threads.map(lambda mutant: _survives(mutant[0], mutant[1]), mutants)
        for (path, _, place), survives in zip(mutants, survived, strict=True):
            if survives:
                line = path.read_text().splitlines()[place.line - 1].strip()
                unnoticed += 1
                click.echo(f"{path.name}:{place.line}: {place.change}: {line}")
    click.echo(f"{len(mutants)} mutants, {unnoticed} that no test noticed")
    sys.exit(1 if unnoticed else 0)


if __name__ == "__main__":
    main()
