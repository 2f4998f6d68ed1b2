"""The programming language of a file, by its name and, where the name says nothing, by its first line."""

from __future__ import annotations

import re

_BY_EXTENSION = {
    "python": "py pyi pyx pxd", "javascript": "js mjs cjs jsx", "typescript": "ts tsx mts cts",
    "java": "java", "kotlin": "kt kts", "scala": "scala sc", "groovy": "groovy gradle",
    "c": "c h", "cpp": "cc cpp cxx hpp hh hxx ipp", "c_sharp": "cs", "objc": "m mm", "go": "go", "rust": "rs",
    "ruby": "rb rake gemspec", "php": "php", "perl": "pl pm", "lua": "lua", "swift": "swift", "dart": "dart",
    "haskell": "hs", "ocaml": "ml mli", "fsharp": "fs fsx", "erlang": "erl hrl", "elixir": "ex exs",
    "clojure": "clj cljs cljc edn", "lisp": "lisp cl el scm rkt", "julia": "jl", "r": "r", "matlab": "mat",
    "bash": "sh bash zsh ksh", "fish": "fish", "powershell": "ps1 psm1", "batch": "bat cmd", "awk": "awk",
    "sql": "sql", "html": "html htm xhtml", "css": "css", "scss": "scss sass less", "vue": "vue", "svelte": "svelte",
    "json": "json jsonc json5", "yaml": "yaml yml", "toml": "toml", "ini": "ini cfg conf properties", "xml": "xml xsd",
    "markdown": "md markdown mdx", "rst": "rst", "tex": "tex sty cls", "text": "txt", "make": "mk mak",
    "cmake": "cmake", "dockerfile": "dockerfile", "proto": "proto", "thrift": "thrift", "graphql": "graphql gql",
    "hcl": "tf hcl", "nix": "nix", "vim": "vim", "asm": "s asm", "cuda": "cu cuh", "glsl": "glsl vert frag",
    "verilog": "v sv svh", "vhdl": "vhd vhdl", "zig": "zig", "nim": "nim", "fortran": "f f90 f95 f03", "pascal": "pas",
    "cython": "pxi", "jinja": "j2 jinja jinja2", "diff": "diff patch", "csv": "csv tsv", "svg": "svg",
}  # fmt: skip
_EXTENSIONS = {e: language for language, row in _BY_EXTENSION.items() for e in row.split()}
_NAMES = {
    "makefile": "make", "gnumakefile": "make", "dockerfile": "dockerfile", "cmakelists.txt": "cmake",
    "rakefile": "ruby", "gemfile": "ruby", "vagrantfile": "ruby", "jenkinsfile": "groovy", "build": "python",
    "workspace": "python", "sconstruct": "python", ".bashrc": "bash", ".profile": "bash", ".vimrc": "vim",
    "go.mod": "go", "cargo.lock": "toml", "package-lock.json": "json",
}  # fmt: skip
_SHEBANG = re.compile(r"#!\s*\S*?(?:/env\s+(?:-S\s+)?)?(?:\S*/)?([A-Za-z]+)[\d.]*\b")
_INTERPRETERS = {
    "python": "python", "bash": "bash", "sh": "bash", "zsh": "bash", "dash": "bash", "node": "javascript",
    "ruby": "ruby", "perl": "perl", "lua": "lua", "php": "php", "awk": "awk", "fish": "fish", "Rscript": "r",
}  # fmt: skip
_OBJC = re.compile(r"^\s*(#import\b|@(interface|implementation|protocol)\b)", re.M)
_CPP = re.compile(r"^\s*(class\s+\w+|namespace\b|template\s*<|using\s+\w+)", re.M)

DATA = frozenset({"json", "yaml", "toml", "ini", "xml", "csv", "svg", "text"})
"""Languages that hold data: they have size limits of their own."""
MARKUP = frozenset({"html", "json", "markdown", "xml", "tex", "rst", "svg", "text", "csv"})
"""Languages whose long lines are no sign of a generated file (The Stack v2 exempts these)."""


def language(path: str, text: str) -> str:
    """A lower-case name, "" when unknown. Looks at no more than the first 4,096 characters of the text."""
    name = path.rsplit("/", 1)[-1].lower()
    found = _NAMES.get(name) or _EXTENSIONS.get(name.rsplit(".", 1)[-1] if "." in name else "")
    if found == "c" and name.endswith(".h"):
        return _header(text[:4096])
    if found == "objc" and name.endswith(".m") and not _OBJC.search(text[:4096]):
        return "matlab"
    return found or _by_shebang(text)


def _header(text: str) -> str:
    if _OBJC.search(text):
        return "objc"
    return "cpp" if _CPP.search(text) else "c"


def _by_shebang(text: str) -> str:
    if not text.startswith("#!"):
        return ""
    interpreter = _SHEBANG.match(text[: text.find("\n")] if "\n" in text[:256] else text[:256])
    return _INTERPRETERS.get(interpreter.group(1), "") if interpreter else ""
