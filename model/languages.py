"""The one table of languages: how a file's language is known, how its comments begin, which grammar parses it.

Detection itself is `streams.prepare.language`; a name here is what documents, recipes and notebooks carry.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Language:
    """A row. Lists are words with a space between them."""

    name: str
    extensions: str
    """Without the dot, lower case."""
    names: str = ""
    """Whole file names, lower case."""
    interpreters: str = ""
    """In a first line `#!`, without version."""
    title: str = ""
    """GitHub linguist's name, where a head says it."""
    comment: str = ""
    """What a line comment begins with; empty: none is needed here."""
    closing: str = ""
    """What a comment of a line ends with, where a language has none that end with their line."""
    headed: str = ""
    """Extensions whose files get a head of a comment, in formats that have such."""
    script: str = ""
    """Extension of the script that a notebook of this kernel language becomes."""
    kernels: str = ""
    """What Jupyter's kernels and their languages are called beside the name and the title, lower case, no version."""
    magic: str = ""
    """A line of a notebook's cell that this matches is for the kernel and no program text (jupytext, magics.py)."""
    grammar: str | None = ""
    """tree-sitter's name; empty: the same; None: there is no grammar."""


PERCENT = r"\s*%{1,3}[A-Za-z]"
DOTNET = r"\s*#![A-Za-z]|\s*#r\s"
"""Lines for the kernel, as Jupyter's own magics and as .NET's kernels write them."""

LANGUAGES: tuple[Language, ...] = (
    Language("python", "py pyi pyx pxd", names="build workspace sconstruct", interpreters="python",
             title="Python", comment="#", headed="py", script="py",
             kernels="ipython pyspark xpython xeus-python pypy conda-env-python sage sagemath", magic=PERCENT),
    Language("javascript", "js mjs cjs jsx", interpreters="node", title="JavaScript", comment="//",
             headed="js", script="js", kernels="node nodejs ijavascript jslab", magic=PERCENT),
    Language("typescript", "ts tsx mts cts", title="TypeScript", comment="//", headed="ts",
             script="ts", kernels="deno tslab", magic=PERCENT),
    Language("java", "java", title="Java", comment="//", headed="java", script="java",
             kernels="ijava rapaio-jupyter-kernel", magic=PERCENT),
    Language("kotlin", "kt kts", title="Kotlin", comment="//", headed="kt", script="kts", magic=PERCENT),
    Language("scala", "scala sc", comment="//", script="scala", kernels="almond spark spylon spylon-kernel toree",
             magic=PERCENT),
    Language("groovy", "groovy gradle", names="jenkinsfile", comment="//", script="groovy", magic=PERCENT),
    Language("c", "c h", title="C", comment="//", headed="c", script="c", kernels="xc", magic=PERCENT),
    Language("cpp", "cc cpp cxx hpp hh hxx ipp", title="C++", comment="//",
             headed="cc cpp", script="cpp", kernels="c++ xcpp cling root xeus-cling", magic=PERCENT),
    Language("c_sharp", "cs", title="C#", comment="//", headed="cs", script="cs", kernels="c# csharp .net-csharp",
             magic=DOTNET, grammar="csharp"),
    Language("objc", "m mm"),
    Language("go", "go", names="go.mod", title="Go", comment="//", headed="go", script="go",
             kernels="golang gophernotes gonb", magic=r"\s*(?:%{1,3}|!\*?)[A-Za-z]"),
    Language("rust", "rs", title="Rust", comment="//", headed="rs", script="rs", kernels="evcxr",
             magic=r"\s*:[A-Za-z]"),
    Language("ruby", "rb rake gemspec", names="rakefile gemfile vagrantfile", interpreters="ruby",
             title="Ruby", comment="#", headed="rb", script="rb", kernels="iruby", magic=PERCENT),
    Language("php", "php", interpreters="php", title="PHP", comment="//", headed="php",
             script="php", magic=PERCENT),
    Language("perl", "pl pm", interpreters="perl", comment="#", script="pl", kernels="iperl", magic=PERCENT),
    Language("lua", "lua", interpreters="lua", title="Lua", comment="--", headed="lua",
             script="lua", kernels="ilua xlua", magic=PERCENT),
    Language("swift", "swift", title="Swift", comment="//", headed="swift", script="swift", magic=PERCENT),
    Language("dart", "dart"),
    Language("haskell", "hs", comment="--", script="hs", kernels="ihaskell", magic=r"\s*(?:%{1,3}|:)[A-Za-z]"),
    Language("ocaml", "ml mli", comment="(*", closing="*)", script="ml", kernels="ocaml-jupyter", magic=PERCENT),
    Language("fsharp", "fs fsx", comment="//", script="fsx", kernels="f# .net-fsharp ifsharp", magic=DOTNET),
    Language("erlang", "erl hrl", comment="%", script="erl"),
    Language("elixir", "ex exs", comment="#", script="exs", kernels="ielixir", magic=PERCENT),
    Language("clojure", "clj cljs cljc edn", comment=";;", script="clj", kernels="clojupyter", magic=PERCENT),
    Language("lisp", "lisp cl el scm rkt", comment=";;", script="lisp",
             kernels="common-lisp clisp scheme racket", magic=PERCENT, grammar="commonlisp"),
    Language("julia", "jl", comment="#", script="jl", magic=PERCENT),
    Language("r", "r", interpreters="Rscript", comment="#", script="r", kernels="ir xr ark", magic=PERCENT),
    Language("matlab", "mat", comment="%", script="m", kernels="octave xeus-octave imatlab"),
    Language("bash", "sh bash zsh ksh", names=".bashrc .profile", interpreters="bash sh zsh dash",
             title="Shell", comment="#", headed="sh", script="sh", kernels="shell", magic=PERCENT),
    Language("fish", "fish", interpreters="fish"),
    Language("powershell", "ps1 psm1", comment="#", script="ps1", kernels="pwsh .net-powershell", magic=DOTNET),
    Language("batch", "bat cmd", grammar=None),
    Language("awk", "awk", interpreters="awk", grammar=None),
    Language("sql", "sql", title="SQL", comment="--", headed="sql", script="sql",
             kernels="postgres postgresql mysql mariadb sqlite xsql xsqlite tsql mssql", magic=PERCENT),
    Language("html", "html htm xhtml"),
    Language("css", "css"),
    Language("scss", "scss sass less"),
    Language("vue", "vue"),
    Language("svelte", "svelte"),
    Language("json", "json jsonc json5", names="package-lock.json"),
    Language("yaml", "yaml yml"),
    Language("toml", "toml", names="cargo.lock"),
    Language("ini", "ini cfg conf properties"),
    Language("xml", "xml xsd"),
    Language("markdown", "md markdown mdx"),
    Language("rst", "rst"),
    Language("tex", "tex sty cls", grammar="latex"),
    Language("text", "txt", grammar=None),
    Language("make", "mk mak", names="makefile gnumakefile"),
    Language("cmake", "cmake", names="cmakelists.txt"),
    Language("dockerfile", "dockerfile", names="dockerfile"),
    Language("proto", "proto"),
    Language("thrift", "thrift"),
    Language("graphql", "graphql gql"),
    Language("hcl", "tf hcl"),
    Language("nix", "nix"),
    Language("vim", "vim", names=".vimrc"),
    Language("asm", "s asm"),
    Language("cuda", "cu cuh"),
    Language("glsl", "glsl vert frag"),
    Language("verilog", "v sv svh"),
    Language("vhdl", "vhd vhdl"),
    Language("zig", "zig"),
    Language("nim", "nim"),
    Language("fortran", "f f90 f95 f03", comment="!", script="f90", kernels="lfortran"),
    Language("pascal", "pas"),
    Language("cython", "pxi", grammar=None),
    Language("jinja", "j2 jinja jinja2", grammar=None),
    Language("diff", "diff patch", grammar=None),
    Language("csv", "csv tsv"),
    Language("svg", "svg", grammar=None),
)  # fmt: skip

BY_NAME = {language.name: language for language in LANGUAGES}
BY_EXTENSION = {e: language for language in LANGUAGES for e in language.extensions.split()}
BY_FILE_NAME = {n: language for language in LANGUAGES for n in language.names.split()}
BY_INTERPRETER = {i: language for language in LANGUAGES for i in language.interpreters.split()}
BY_KERNEL = {k: language.name for language in LANGUAGES for k in language.kernels.split()}
MAX_KERNEL = 64
"""Characters of an unknown kernel's name."""
UNKNOWN_SCRIPT = Language("", "", comment="#", script="txt")
_VERSION = re.compile(r"[-_ ]?v?[\d.]+[a-z]?$")
TITLES = {
    "c#": "c_sharp", "c++": "cpp", "emacs lisp": "elisp", "f#": "fsharp", "jupyter notebook": "python",
    "objective-c": "objc", "protocol buffer": "proto", "shell": "bash", "vim script": "vim",
}  # fmt: skip
"""Names that events of others use, lower case, where they differ from ours."""


def grammar(name: str) -> str | None:
    """tree-sitter's name of a language, however it is written; None: there is none. An unknown name is its own."""
    known = TITLES.get(name.lower(), name.lower())
    language = BY_NAME.get(known)
    return (language.grammar if language.grammar is None else language.grammar or known) if language else known


def headed(extension: str) -> Language | None:
    """The language whose files with this extension (without the dot) get a head of a comment."""
    language = BY_EXTENSION.get(extension)
    return language if language and extension in language.headed.split() else None


def kernel(name: str) -> str:
    """Our name of a notebook's language, however its kernel says it: `C++17`, `julia-1.6`, `ir`; Python where it says
    nothing. An unknown name is its own, in lower case."""
    name = " ".join(name.lower().split())
    bare = _VERSION.sub("", name) or name
    for said in (name, bare, bare.partition(" ")[0]):
        known = BY_KERNEL.get(said, TITLES.get(said, said))
        if known in BY_NAME:
            return known
    return name[:MAX_KERNEL] or "python"


def script(name: str) -> Language:
    """The language of a notebook's script; one without a known kernel becomes a text with `#` comments."""
    language = BY_NAME.get(kernel(name))
    return language if language and language.script else UNKNOWN_SCRIPT
