"""
Code that is wrong in one place: to show that the cases of a built-in rule notice.

Each comparison loses or gains its edge, each whole number in it is one more and one less, each ``and`` is an ``or`` and the other
way about, each ``not`` is dropped. What is only said (texts, and what is assigned to ``found`` or ``text``) is left alone.
"""

import ast
import copy
import inspect
import signal
from collections.abc import Iterator
from types import ModuleType

EDGES = {ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq}


def mutants(module: ModuleType, functions: list[str]) -> Iterator[tuple[str, ModuleType]]:
    """The module with one place of the named functions changed, each once, with where and what."""
    source = inspect.getsource(module)
    tree = ast.parse(source)
    places = [
        (node.name, n, m)
        for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name in functions
        for n, inner in enumerate(_judging(node)) for m in range(len(_changes(inner)))
    ]  # fmt: skip
    for name, n, m in places:
        changed = copy.deepcopy(tree)
        node = next(one for one in changed.body if getattr(one, "name", "") == name)
        place = list(_judging(node))[n]
        before = ast.unparse(place)
        _changes(place)[m]()
        made = ModuleType(module.__name__)
        made.__package__ = module.__package__
        exec(compile(ast.fix_missing_locations(changed), module.__file__, "exec"), made.__dict__)
        yield f"{name}, line {place.lineno}: {before} -> {ast.unparse(place)}", made


def _judging(node: ast.AST) -> Iterator[ast.AST]:
    """The parts of a function that decide something."""
    for one in ast.iter_child_nodes(node):
        if isinstance(one, ast.JoinedStr | ast.arguments) or _is_words(one):
            continue
        if _changes(one):
            yield one
        yield from _judging(one)


def _is_words(node: ast.AST) -> bool:
    if isinstance(node, ast.Assign):
        return getattr(node.targets[0], "id", "") in ("found", "text")
    return isinstance(node, ast.IfExp) and isinstance(node.body, ast.JoinedStr) and isinstance(node.orelse, ast.JoinedStr | ast.IfExp)


def _changes(node: ast.AST) -> list:
    found = []
    if isinstance(node, ast.Compare):
        for place, op in enumerate(node.ops):
            if type(op) in EDGES:
                found.append(lambda place=place, op=op: node.ops.__setitem__(place, EDGES[type(op)]()))
    elif isinstance(node, ast.Constant) and type(node.value) is int:
        found += [lambda by=by: setattr(node, "value", node.value + by) for by in (1, -1)]
    elif isinstance(node, ast.BoolOp):
        found.append(lambda: setattr(node, "op", ast.Or() if isinstance(node.op, ast.And) else ast.And()))
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        found.append(lambda: setattr(node, "op", ast.UAdd()))
    return found


def survivors(module: ModuleType, functions: list[str], holds) -> list[str]:
    """:param holds: whether every case finds what it expects with the module it is given; one that fails or never ends is noticed"""
    found = []
    for words, mutant in mutants(module, functions):
        before = signal.signal(signal.SIGALRM, _too_long)
        signal.alarm(10)
        try:
            is_missed = holds(mutant)
        except Exception:  # noqa: BLE001 - whatever goes wrong in it, it was noticed.
            is_missed = False
        finally:
            signal.alarm(0)
            signal.signal(signal.SIGALRM, before)
        if is_missed:
            found.append(words)
    return found


def _too_long(*_) -> None:
    raise TimeoutError
