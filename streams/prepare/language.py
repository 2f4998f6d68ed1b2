"""The programming language of a file: by its name, by its content where several languages share an extension, and by
its first line where the name says nothing."""

from __future__ import annotations

import re
from collections.abc import Callable

from model.languages import BY_EXTENSION, BY_FILE_NAME, BY_INTERPRETER

HEAD = 4_096
"""Characters of a text that are looked at; of a text whose comments are taken out first, four times as many."""
DATA = frozenset({"json", "yaml", "toml", "ini", "xml", "csv", "svg", "text"})
"""Languages that hold data: they have size limits of their own."""
MARKUP = frozenset({"html", "json", "markdown", "xml", "tex", "rst", "svg", "text", "csv"})
"""Languages whose long lines are no sign of a generated file (The Stack v2 exempts these)."""
_SUFFIXED = ("dockerfile", "containerfile", "makefile", "jenkinsfile", "vagrantfile", "gemfile")
"""Names that an ending is added to: `Dockerfile.dev`."""
_VARIANTS = frozenset({"am", "in", "inc", "frag", "nix", "d", "conf", "service", "txt", "text"})
"""Such endings that are extensions of languages elsewhere: `Makefile.am`, PHP's `Makefile.frag`, `Dockerfile.txt`."""
_SHOUTED = ("build", "workspace", "install")
"""File names in capitals; in small letters anybody may call a program so."""
_VERSION = re.compile(r"[-.\d]+$")


def language(path: str, text: str) -> str:
    """A lower-case name, "" when unknown. Looks at no more than the first 16,384 characters of the text."""
    name = path.rsplit("/", 1)[-1]
    head = text[: 4 * HEAD].removeprefix("\ufeff")
    lower = name.lower()
    extension = lower.rsplit(".", 1)[-1] if "." in lower else ""
    if name.endswith((".C", ".H")):  # what distinguishes C++ from C on systems that know case
        return "cpp"
    if not extension and (told := _by_shebang(head)):
        return told
    if (row := BY_FILE_NAME.get(lower)) and (lower not in _SHOUTED or name.isupper() or extension):
        return row.name
    if variant := _variant(lower, extension, head):
        return variant
    if by_content := _BY_CONTENT.get(extension):
        return by_content(head)
    row = BY_EXTENSION.get(extension)
    return row.name if row else _by_shebang(head)


def _variant(name: str, extension: str, head: str) -> str:
    """The language of a well-known name with an ending that says no language: `Dockerfile.dev`."""
    known = name.partition(".")[0]
    if known not in _SUFFIXED or extension == "lock":  # what a program wrote of `Gemfile`
        return ""
    row = BY_FILE_NAME[known]
    if extension in _VARIANTS or extension not in BY_EXTENSION:
        return row.name
    return row.name if row.name == "dockerfile" and _IMAGE.match(head) else ""  # `Dockerfile.r`: of an image for R


_IMAGE = re.compile(r"(?:[ \t]*(?:#[^\n]*|ARG[ \t][^\n]*)?\n)*FROM[ \t]+\S")
_C_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)|//[^\n]*", re.S)
_ML_COMMENT = re.compile(r"\(\*(?!\)).*?(?:\*\)|\Z)", re.S)
"""Of Coq and F#; `(*)` is an operator there, and a list of signals in Verilog."""


def _pattern(*lines: str, anywhere: str = "") -> Callable[[str], bool]:
    """Whether a line begins, behind spaces, as one of `lines` says, or `anywhere` is found."""
    whole = "|".join([rf"^[ \t]*(?:{'|'.join(lines)})"] * bool(lines) + [anywhere] * bool(anywhere))
    compiled = re.compile(whole, re.M)
    return lambda text: compiled.search(text[:HEAD]) is not None


def _outside(comment: re.Pattern[str], test: Callable[[str], bool]) -> Callable[[str], bool]:
    """The test of what is no comment."""
    return lambda text: test(comment.sub(" ", text))


_is_objc = _outside(_C_COMMENT, _pattern(r"#import\b", r"@(?:interface|implementation|protocol|class|end)\b"))
_is_cpp = _outside(_C_COMMENT, _pattern(
    r"class[ \t]+\w+", r"namespace\b", r"template[ \t]*<", r"using[ \t]+\w+", r"#include[ \t]*<[a-z_]+>",
    r"enum[ \t]+class\b", r"(?:public|private|protected)(?:[ \t]+(?:slots|Q_SLOTS))?[ \t]*:",
    anywhere=r"\bstd::|\boperator[ \t]*(?:[=!<>+*/-]{1,3}|\(\)|\[\])[ \t]*\(|\bvirtual[ \t]+[\w~:]"
    r"|=[ \t]*(?:delete|default)[ \t]*;|\bconst[ \t]+[\w:]+[ \t]*&[ \t]*[\w,)]|\b(?:static|reinterpret)_cast<",
))  # fmt: skip
_is_included = _pattern(r"#[ \t]*include\b")
_is_coq = _pattern(
    r"(?:Require|From|Import|Export|Theorem|Lemma|Corollary|Example|Definition|Proof|Fixpoint|CoFixpoint|Inductive"
    r"|CoInductive|Variant|Record|Structure|Class|Instance|Axiom|Parameters?|Variables?|Hypothes[ie]s|Context|Section"
    r"|Module|Notation|Ltac|Local|Global|Program|Polymorphic)\b(?:[^;\n]*$|[^\n]*:=)"
)  # fmt: skip
_is_verilog = _pattern(
    r"module[ \t]+\w+[ \t]*[(#;]", r"`(?:timescale|define|include)\b", anywhere=r"\bendmodule\b"
)  # fmt: skip
_is_v = _pattern(r"(?:pub[ \t]+)?(?:fn|struct|enum)[ \t]+\w+.*\{", r"module[ \t]+\w+[ \t]*$")
_is_perl = _pattern(
    r"use[ \t]+(?:strict|warnings|v?5)", r"package[ \t]+\w", r"my[ \t]*[(%@$]", r"sub[ \t]+\w+", r"#!.*perl"
)
_is_prolog = _pattern(r":-", r"[a-z]\w*(?:\(.*\))?[ \t]*:-", r"[a-z]\w*\(.*\)\.[ \t]*$")
_is_mathematica = _pattern(r"\(\*", r"BeginPackage\[", r"[A-Z]\w*\[.*\][ \t]*:?=", anywhere=r"\ANotebook\[")
_is_rebol = _pattern(r"(?:REBOL|Red)[ \t]*(?:/\w+[ \t]*)?\[")
_is_tex = _pattern(
    anywhere=r"\\(?:NeedsTeXFormat|ProvidesClass|documentclass|LoadClass|DeclareOption|def|newcommand)\b"
)
_is_visual_basic = _pattern(r"VERSION \d", r"Attribute VB_", r"(?:Private|Public)[ \t]+(?:Sub|Function|Const|Dim)\b")
_is_glsl = _outside(_ML_COMMENT, _pattern(
    r"#version[ \t]+\d", r"(?:uniform|varying|attribute|precision)[ \t]+\w+", r"void[ \t]+main[ \t]*\(",
    anywhere=r"\bgl_\w+",
))  # fmt: skip
_is_forth = _pattern(r":[ \t]+\S+", r"\\ ")
_is_php = _pattern(anywhere=r"<\?(?:php|=)")
_is_pascal = _pattern(r"(?:procedure|function|unit|interface|implementation)\b[^{(]*;", anywhere=r"\{\$\w+")
_is_c = _pattern(r"#[ \t]*(?:include|define|ifn?def|pragma)\b", r"/[*/]")
_is_assembly = _pattern(
    r"\.(?:macro|equ|section|globl?)\b", r"%(?:define|macro)\b", r"\w+:[ \t]*\w+", r"(?:mov\w*|equ)\b"
)
_is_apex = _pattern(r"(?:public|private|global)\b[\w \t]*\b(?:class|interface|enum)[ \t]+\w+")
_is_kernel = _pattern(anywhere=r"\b(?:__kernel|kernel[ \t]+void|__global)\b")
_is_dependencies = _pattern(r"\S+\.(?:o|obj|lo)[ \t]*:")
_is_puppet = _pattern(r"(?:class|define|node)[ \t]+[\w:'\"]+.*[{(]", anywhere="=>")
_is_xml = _pattern(anywhere=r"\A\s*<(?:\?xml|!DOCTYPE|TS\b)")
_is_qmake = _pattern(r"(?:TARGET|TEMPLATE|QT|SOURCES|HEADERS|CONFIG)[ \t]*[+-]?=")
_is_llvm = _pattern(r"define[ \t].*@", r"target[ \t]+(?:triple|datalayout)", r"; ModuleID")


def _first(text: str, default: str, **tests: Callable[[str], bool]) -> str:
    """The first language whose test the text passes."""
    return next((name for name, test in tests.items() if test(text)), default)


def _by_v(text: str) -> str:
    text = _C_COMMENT.sub(" ", _ML_COMMENT.sub(" ", text))
    return _first(text, "verilog", verilog=_is_verilog, coq=_is_coq, vlang=_is_v)


def _by_cls(text: str) -> str:
    return _first(text, "tex", visual_basic=_is_visual_basic, tex=_is_tex, apex=_is_apex)


def _by_inc(text: str) -> str:
    """An include file of whatever language: nobody's name says it."""
    return _first(text, "", php=_is_php, pascal=_is_pascal, cpp=_is_cpp, c=_is_c, asm=_is_assembly)


_BY_CONTENT: dict[str, Callable[[str], str]] = {
    "h": lambda text: _first(text, "c", objc=_is_objc, cpp=_is_cpp),
    "m": lambda text: _first(text, "matlab", objc=_is_objc, mathematica=_is_mathematica, c=_is_included),
    "v": _by_v,
    "pl": lambda text: "prolog" if _is_prolog(text) and not _is_perl(text) else "perl",
    "pro": lambda text: "" if _is_qmake(text) else "prolog",
    "ts": lambda text: "xml" if _is_xml(text) else "typescript",
    "r": lambda text: "" if _is_rebol(text) else "r",
    "cls": _by_cls,
    "fs": lambda text: _first(text, "fsharp", glsl=_is_glsl, forth=_is_forth),
    "inc": _by_inc,
    "cl": lambda text: "opencl" if _is_kernel(text) else "lisp",
    "d": lambda text: "" if _is_dependencies(text) else "d",
    "ll": lambda text: "llvm" if _is_llvm(text) else "flex",
    "pp": lambda text: "pascal" if _is_pascal(text) and not _is_puppet(text) else "puppet",
    "nb": lambda text: "mathematica" if _is_mathematica(text) else "",
}
"""Extensions that several languages have; the most usual one where nothing speaks against it."""


def _by_shebang(text: str) -> str:
    """By the interpreter of a first line `#!`: behind `env`, its options and variables; without path and version."""
    if not text.startswith("#!"):
        return ""
    words = text[2:258].split("\n")[0].split()
    programs = [word.rsplit("/", 1)[-1] for word in words]
    if programs and programs[0] == "env":
        programs = [w.removeprefix("-S") for w in programs[1:] if "=" not in w and (w[:1] != "-" or w[:2] == "-S")]
        programs = [word for word in programs if word]
    if not programs:
        return ""
    name = programs[0].lower()
    row = BY_INTERPRETER.get(name) or BY_INTERPRETER.get(_VERSION.sub("", name))
    return row.name if row else ""
