"""The one table of languages: how a file's language is known, how its comments begin, which grammar parses it.

Detection itself is `streams.prepare.language`; a name here is what documents, recipes and notebooks carry.
"""

from __future__ import annotations

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
    headed: str = ""
    """Extensions whose files get a head of a comment, in formats that have such."""
    script: str = ""
    """Extension of the script that a notebook of this kernel language becomes."""
    grammar: str | None = ""
    """tree-sitter's name; empty: the same; None: there is no grammar."""


LANGUAGES: tuple[Language, ...] = (
    Language("python", "py pyi pyx pxd", names="build workspace sconstruct", interpreters="python",
             title="Python", comment="#", headed="py", script="py"),
    Language("javascript", "js mjs cjs jsx", interpreters="node", title="JavaScript", comment="//",
             headed="js", script="js"),
    Language("typescript", "ts tsx mts cts", title="TypeScript", comment="//", headed="ts", script="ts"),
    Language("java", "java", title="Java", comment="//", headed="java"),
    Language("kotlin", "kt kts", title="Kotlin", comment="//", headed="kt"),
    Language("scala", "scala sc", comment="//", script="scala"),
    Language("groovy", "groovy gradle", names="jenkinsfile"),
    Language("c", "c h", title="C", comment="//", headed="c"),
    Language("cpp", "cc cpp cxx hpp hh hxx ipp", title="C++", comment="//", headed="cc cpp", script="cpp"),
    Language("c_sharp", "cs", title="C#", comment="//", headed="cs", grammar="csharp"),
    Language("objc", "m mm"),
    Language("go", "go", names="go.mod", title="Go", comment="//", headed="go"),
    Language("rust", "rs", title="Rust", comment="//", headed="rs", script="rs"),
    Language("ruby", "rb rake gemspec", names="rakefile gemfile vagrantfile", interpreters="ruby",
             title="Ruby", comment="#", headed="rb", script="rb"),
    Language("php", "php", interpreters="php", title="PHP", comment="//", headed="php"),
    Language("perl", "pl pm", interpreters="perl"),
    Language("lua", "lua", interpreters="lua", title="Lua", comment="--", headed="lua"),
    Language("swift", "swift", title="Swift", comment="//", headed="swift"),
    Language("dart", "dart"),
    Language("haskell", "hs"),
    Language("ocaml", "ml mli"),
    Language("fsharp", "fs fsx"),
    Language("erlang", "erl hrl"),
    Language("elixir", "ex exs"),
    Language("clojure", "clj cljs cljc edn"),
    Language("lisp", "lisp cl el scm rkt", grammar="commonlisp"),
    Language("julia", "jl", comment="#", script="jl"),
    Language("r", "r", interpreters="Rscript", comment="#", script="r"),
    Language("matlab", "mat"),
    Language("bash", "sh bash zsh ksh", names=".bashrc .profile", interpreters="bash sh zsh dash",
             title="Shell", comment="#", headed="sh", script="sh"),
    Language("fish", "fish", interpreters="fish"),
    Language("powershell", "ps1 psm1"),
    Language("batch", "bat cmd", grammar=None),
    Language("awk", "awk", interpreters="awk", grammar=None),
    Language("sql", "sql", title="SQL", comment="--", headed="sql"),
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
    Language("fortran", "f f90 f95 f03"),
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


def script(name: str) -> Language:
    """The language of a notebook's script; Python's for a kernel language that has none here."""
    language = BY_NAME.get(name)
    return language if language and language.script else BY_NAME["python"]
