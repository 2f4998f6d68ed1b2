"""Rules about what code does, by its syntax tree: comments, strings, functions, imports, whether it parses."""

from __future__ import annotations

import re
from dataclasses import dataclass

from model import bounds
from model.grammars import MAX_BYTES
from streams.prepare import names
from streams.prepare.rules.examples import CODE_TEXT, file
from streams.prepare.rules.rule import CODE, Found, NoParameters, Range, Rule, RuleInput, at_most
from streams.prepare.rules.words import signal
from streams.prepare.syntax import plain_value, returns_at_once


@dataclass(frozen=True)
class CommentParameters:
    least: float = 0.01
    """The smallest share."""
    most: float = 0.8
    """The greatest share."""
    docstrings: bool = True
    """Whether strings that stand alone count as comments (Python)."""

    def __post_init__(self) -> None:
        bounds.shares(self, "least", "most")
        bounds.in_order(self, "least", "most")


@dataclass(frozen=True)
class PhraseParameters:
    phrases: tuple[str, ...] = ("print",)
    """What a line holds, lower case."""
    most: float = 0.4
    """The largest share of lines."""
    whole: bool = False
    """Whether a phrase must be whole words: `pass` is not in `password`."""

    def __post_init__(self) -> None:
        bounds.not_empty(self, "phrases")
        bounds.shares(self, "most")


@dataclass(frozen=True)
class NamesParameters:
    role: str = "function"
    """Of what: function, class or variable."""
    pattern: str = "[A-Za-z_$][A-Za-z0-9_]*"
    """What a name should be, a regular expression."""
    least: float = 0.5
    """The smallest share of names that are."""

    def __post_init__(self) -> None:
        bounds.among(self, "role", ("function", "class", "variable"))
        bounds.shares(self, "least")
        try:
            re.compile(self.pattern)
        except re.error as error:
            raise ValueError(f"pattern {self.pattern!r} is no regular expression: {error}") from error


_JOINED = re.compile(r"""=\s*["'][^"'\n]*["']\s*\+\s*["']""")
_WORD = re.compile(r"\S+")
_PREPROCESSOR = re.compile(r"\s*(?:#\s*\w+|struct\b|using\b|extern\b|typedef\b)")
_MAIN = re.compile(r"\bmain\s{0,80}\([^()]{0,500}\)\s{0,200}\{")
_LONG = 20


def comments(s: RuleInput, p: CommentParameters) -> Found:
    if s.syntax is None:
        return 0.0, ""
    share = s.syntax.share("comment")
    if p.docstrings and s.document.language == "python":
        share += s.syntax.docstrings
    return Range(p.least, p.most).found(share, "share of comments")


def syntax_errors(s: RuleInput, p: NoParameters) -> Found:
    broken = s.syntax is not None and s.syntax.broken
    return float(broken), "it does not parse" if broken else ""


def _of_lines(s: RuleInput, count: float) -> float:
    return count / max(1, len(s.lines))


def functions(s: RuleInput) -> float:
    return _of_lines(s, s.syntax.count("function")) if s.syntax else 0.0


def trivial_functions(s: RuleInput) -> float:
    return _of_lines(s, s.syntax.count("function", returns_at_once)) if s.syntax else 0.0


def imports(s: RuleInput) -> float:
    return _of_lines(s, s.syntax.count("import")) if s.syntax else 0.0


def no_logic(s: RuleInput) -> float:
    """Functions' heads, imports, classes, and assignments and returns of what is not computed."""
    tree = s.syntax
    if tree is None:
        return 0.0
    heads = tree.count("function") + tree.count("import") + tree.count("class")
    return _of_lines(s, heads + tree.count("variable", plain_value) + tree.count("return", plain_value))


def variables(s: RuleInput) -> float:
    return float(s.syntax.count("variable")) if s.syntax else 1.0


def mains(s: RuleInput) -> float:
    return float(len(_MAIN.findall(s.text)))


def preprocessor(s: RuleInput) -> float:
    return _of_lines(s, sum(bool(_PREPROCESSOR.match(line)) for line in s.lines))


def string_chars(s: RuleInput) -> float:
    """Python's docstrings are none."""
    if s.syntax is None:
        return 0.0
    return s.syntax.share("string") - (s.syntax.docstrings if s.document.language == "python" else 0.0)


def long_strings(s: RuleInput) -> float:
    """Lines of strings with more than twenty words."""
    if s.syntax is None:
        return 0.0
    lines = (line for text in s.syntax.texts("string") for line in text.split("\n"))
    return _of_lines(s, sum(len(line) > _LONG and len(line.split()) > _LONG for line in lines))


def long_words(s: RuleInput) -> float:
    """Characters of words in strings that are longer than twenty, links left out."""
    if s.syntax is None:
        return 0.0
    words = (word for text in s.syntax.texts("string") for word in _WORD.findall(text))
    return sum(len(word) for word in words if len(word) > _LONG and "://" not in word) / max(1, s.syntax.size)


def concatenations(s: RuleInput) -> float:
    """Lines that join two literal strings."""
    return _of_lines(s, sum(_JOINED.search(line) is not None for line in s.lines))


def statements(s: RuleInput) -> float:
    """At the top of the tree."""
    return _of_lines(s, s.syntax.count_top) if s.syntax else 0.0


def ill_named(s: RuleInput, p: NamesParameters) -> Found:
    if s.syntax is None:
        return 0.0, ""
    names = list(s.syntax.names(p.role))
    share = sum(re.fullmatch(p.pattern, name) is not None for name in names) / max(1, len(names))
    if not names or share >= p.least:
        return share, ""
    return share, f"{share:.2f} of the names of a {p.role} are as they should be, less than {p.least:g}"


def placeholders(s: RuleInput) -> float:
    """Lines of comments that say what is still to be written."""
    if s.syntax is None:
        return 0.0
    lines = (line.lower() for text in s.syntax.texts("comment") for line in text.split("\n"))
    return _of_lines(s, sum("your code here" in line or "fixme" in line or "todo" in line for line in lines))


def phrases(s: RuleInput, p: PhraseParameters) -> Found:
    ends = r"\b" if p.whole else ""
    pattern = re.compile("|".join(f"{ends}{re.escape(phrase)}{ends}" for phrase in p.phrases), re.I)
    lines = sum(pattern.search(line) is not None for line in s.lines)
    return at_most(p.most).found(_of_lines(s, lines), f"share of lines with {' or '.join(p.phrases)}")


def test_file(s: RuleInput, p: NoParameters) -> Found:
    found = names.TEST.search(s.document.path)
    return float(bool(found)), "a test, by its name" if found else ""


_LOGIC = "total = 0\nfor item in items:\n    if item.price > limit:\n        total += item.price\nprint(total)\n"
_DEFINED = "def total(items):\n    result = 0\n    for item in items:\n        result += item\n    return result\n"
_NO_LOGIC = "import os\nimport sys\n\nNAME = 'a'\nSIZE = 3\n\n\ndef name():\n    return NAME\n"
_LETTER = 's = """' + "The parser stops at the second bracket and names the wrong line of the text. " * 3 + '"""\n'
_KEY = 'key = "' + "QmFzZTY0IGlzIG5vdCBjb2Rl" * 5 + '"\n'
_PRINTS = file("print('one')\nprint('two')\nprint('three')\n")
_DOCUMENTED = file('"""Adds."""\n\n# Two numbers.\n' + CODE_TEXT)

RULES: tuple[Rule, ...] = (
    Rule("comments", CODE, f"Few or many comments, by the syntax tree; texts above {MAX_BYTES // 1024} KiB are not "
         "parsed. SantaCoder reads Python's tokens and guesses at the others.", comments,
         (file(CODE_TEXT), file("# One.\n# Two.\n# Three.\n" * 4)), (_DOCUMENTED, file(CODE_TEXT, "a.coq", "coq")),
         CommentParameters),
    Rule("syntax_errors", CODE, "It does not parse, where there is a grammar.", syntax_errors,
         (file("def f(:\n    return ]\n"),), (file(CODE_TEXT), file("any text", "a.txt", "text"))),
    Rule("functions", CODE, "Many heads of functions.", signal(functions, "functions a line"),
         (file("def f(): pass\ndef g(): pass\n"),), (_DOCUMENTED,), Range, at_most(0.2)),
    Rule("trivial_functions", CODE, "Functions that return at once.",
         signal(trivial_functions, "such functions a line"),
         (file("def f():\n    return 1\n\n\ndef g():\n    return 2\n"),), (file(_LOGIC),), Range, at_most(0.1)),
    Rule("imports", CODE, "Imports. OpenCoder counts every line that holds the word.",
         signal(imports, "imports a line"),
         (file("import os\nimport sys\nx = 1\n"),), (file(CODE_TEXT + "# Nothing is to import.\n" * 9),), Range,
         at_most(0.3)),
    Rule("no_logic", CODE, "Little but heads, imports, plain assignments and plain returns.",
         signal(no_logic, "lines without logic"), (file(_NO_LOGIC),), (file(_LOGIC),), Range, at_most(0.5)),
    Rule("variables", CODE, "No variable.", signal(variables, "variables"), (_PRINTS,), (file(_LOGIC),), Range,
         Range(1)),
    Rule("mains", CODE, "More than one main function.", signal(mains, "main functions"),
         (file("int main() {}\nint main(void) {}\n", "a.c", "c"),), (file("int main() {}\n", "a.c", "c"),), Range,
         at_most(1)),
    Rule("preprocessor", CODE, "Lines for the preprocessor, and declarations.",
         signal(preprocessor, "share of lines for the preprocessor"),
         (file('#include "a.h"\n#define B 1\nint x;\n#endif\n' + "#define C 1\n" * 9, "a.c", "c"),),
         (file("int f(void) {\n  return 0;\n}\n", "a.c", "c"),), Range, at_most(0.8)),
    Rule("string_chars", CODE, "Much of it is strings.", signal(string_chars, "share of strings"), (file(_LETTER),),
         (file(_LOGIC),), Range, at_most(0.6)),
    Rule("long_strings", CODE, "Lines of strings with more than twenty words.",
         signal(long_strings, "long strings a line"),
         (file(_LETTER),), (file(_LOGIC),), Range, at_most(0.2)),
    Rule("long_words", CODE, "Words of more than twenty characters in strings, links left out.",
         signal(long_words, "share of long words"), (file(_KEY),), (file(_LETTER),), Range, at_most(0.4)),
    Rule("concatenations", CODE, "Lines that join two literal strings.",
         signal(concatenations, "share of lines that join strings"), (file("a = 'b' + 'c'\n" * 3),), (file(_LOGIC),),
         Range, at_most(0.2)),
    Rule("statements", CODE, "Many statements at the top, for its lines.", signal(statements, "statements a line"),
         (file("a(); b(); c(); d();", "a.js", "javascript"),), (file(_DEFINED),), Range, at_most(1)),
    Rule("names", CODE, "Names of functions, classes or variables that are not as they should be.", ill_named,
         (file("def X1():\n    pass\n"),), (file(_DEFINED),), NamesParameters, NamesParameters("function", "[a-z_]+")),
    Rule("placeholders", CODE, "Comments that say what is still to be written.",
         signal(placeholders, "such comments a line"), (file("def f():\n    # TODO: write it\n    pass\n"),),
         (file(_LOGIC + "todo = 1\n"),), Range, at_most(0.01)),
    Rule("phrases", CODE, "Lines that hold one of some phrases.", phrases, (_PRINTS,), (file(_LOGIC),),
         PhraseParameters),
    Rule("tests", CODE, "A test, by its name or folder.", test_file,
         (file(CODE_TEXT, "a/b_test.go", "go"), file(CODE_TEXT, "src/test/A.java", "java")),
         (file(CODE_TEXT, "src/contest.py"), file(CODE_TEXT, "a/latest.py"))),
)  # fmt: skip
