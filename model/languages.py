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
    Language("python", "py pyi pyw pyx pxd", names="sconstruct sconscript wscript snakefile",
             interpreters="python pypy uv pipx",
             title="Python", comment="#", headed="py", script="py",
             kernels="ipython pyspark xpython xeus-python pypy conda-env-python sage sagemath", magic=PERCENT),
    Language("javascript", "js mjs cjs jsx es6", interpreters="node nodejs bun", title="JavaScript", comment="//",
             headed="js", script="js", kernels="node nodejs ijavascript jslab", magic=PERCENT),
    Language("typescript", "ts tsx mts cts", interpreters="deno tsx ts-node", title="TypeScript",
             comment="//", headed="ts",
             script="ts", kernels="deno tslab", magic=PERCENT),
    Language("java", "java", title="Java", comment="//", headed="java", script="java",
             kernels="ijava rapaio-jupyter-kernel", magic=PERCENT),
    Language("kotlin", "kt kts", title="Kotlin", comment="//", headed="kt", script="kts", magic=PERCENT),
    Language("scala", "scala sc sbt", interpreters="scala", comment="//", script="scala",
             kernels="almond spark spylon spylon-kernel toree",
             magic=PERCENT),
    Language("groovy", "groovy gradle gvy", names="jenkinsfile", interpreters="groovy", comment="//",
             script="groovy", magic=PERCENT),
    Language("c", "c h", title="C", comment="//", headed="c", script="c", kernels="xc", magic=PERCENT),
    Language("cpp", "cc cpp cxx c++ hpp hh hxx h++ ipp inl tpp ixx cppm ino", title="C++", comment="//",
             headed="cc cpp", script="cpp", kernels="c++ xcpp cling root xeus-cling", magic=PERCENT),
    Language("c_sharp", "cs csx cake", title="C#", comment="//", headed="cs", script="cs",
             kernels="c# csharp .net-csharp",
             magic=DOTNET, grammar="csharp"),
    Language("objc", "m mm"),
    Language("go", "go", names="go.mod", title="Go", comment="//", headed="go", script="go",
             kernels="golang gophernotes gonb", magic=r"\s*(?:%{1,3}|!\*?)[A-Za-z]"),
    Language("rust", "rs", interpreters="rust-script cargo", title="Rust", comment="//", headed="rs", script="rs",
             kernels="evcxr", magic=r"\s*:[A-Za-z]"),
    Language("ruby", "rb rake gemspec ru podspec jbuilder rabl",
             names="rakefile gemfile vagrantfile podfile fastfile brewfile guardfile capfile",
             interpreters="ruby jruby rake",
             title="Ruby", comment="#", headed="rb", script="rb", kernels="iruby", magic=PERCENT),
    Language("php", "php phtml php3 php4 php5 phps", interpreters="php", title="PHP", comment="//", headed="php",
             script="php", magic=PERCENT),
    Language("perl", "pl pm t psgi", interpreters="perl", comment="#", script="pl", kernels="iperl", magic=PERCENT),
    Language("lua", "lua rockspec", names=".luacheckrc", interpreters="lua luajit", title="Lua", comment="--",
             headed="lua",
             script="lua", kernels="ilua xlua", magic=PERCENT),
    Language("swift", "swift", title="Swift", comment="//", headed="swift", script="swift", magic=PERCENT),
    Language("dart", "dart"),
    Language("haskell", "hs lhs hsc", interpreters="runhaskell runghc stack", comment="--", script="hs",
             kernels="ihaskell", magic=r"\s*(?:%{1,3}|:)[A-Za-z]"),
    Language("ocaml", "ml mli mll mly", interpreters="ocaml", comment="(*", closing="*)", script="ml",
             kernels="ocaml-jupyter", magic=PERCENT),
    Language("fsharp", "fs fsx fsi", comment="//", script="fsx", kernels="f# .net-fsharp ifsharp", magic=DOTNET),
    Language("erlang", "erl hrl escript", names="rebar.config", interpreters="escript", comment="%", script="erl"),
    Language("elixir", "ex exs", names="mix.lock", interpreters="elixir", comment="#", script="exs",
             kernels="ielixir", magic=PERCENT),
    Language("clojure", "clj cljs cljc edn", comment=";;", script="clj", kernels="clojupyter", magic=PERCENT),
    Language("lisp", "lisp lsp cl asd", interpreters="sbcl clisp", comment=";;", script="lisp",
             kernels="common-lisp clisp", magic=PERCENT, grammar="commonlisp"),
    Language("scheme", "scm ss sld", interpreters="guile csi", comment=";;", script="scm", magic=PERCENT),
    Language("racket", "rkt rktd rktl", interpreters="racket", comment=";;", script="rkt", magic=PERCENT),
    Language("elisp", "el", names=".emacs", comment=";;"),
    Language("julia", "jl", interpreters="julia", comment="#", script="jl", magic=PERCENT),
    Language("r", "r rprofile", names=".rprofile", interpreters="rscript", comment="#", script="r",
             kernels="ir xr ark", magic=PERCENT),
    Language("matlab", "mat", comment="%", script="m", kernels="octave xeus-octave imatlab"),
    Language("bash", "sh bash zsh ksh bats ebuild eclass",
             names=".bashrc .bash_profile .profile .zshrc .zshenv pkgbuild gradlew",
             interpreters="bash sh zsh dash ash ksh mksh busybox",
             title="Shell", comment="#", headed="sh", script="sh", kernels="shell", magic=PERCENT),
    Language("fish", "fish", interpreters="fish"),
    Language("powershell", "ps1 psm1 psd1", interpreters="pwsh", comment="#", script="ps1",
             kernels="pwsh .net-powershell", magic=DOTNET),
    Language("batch", "bat cmd", grammar=None),
    Language("awk", "awk gawk", interpreters="awk gawk mawk", grammar=None),
    Language("sql", "sql ddl plsql pls pkb pks", title="SQL", comment="--", headed="sql", script="sql",
             kernels="postgres postgresql mysql mariadb sqlite xsql xsqlite tsql mssql", magic=PERCENT),
    Language("html", "html htm xhtml shtml"),
    Language("css", "css"),
    Language("scss", "scss sass less"),
    Language("vue", "vue"),
    Language("svelte", "svelte"),
    Language("json", "json jsonc json5 jsonl ndjson geojson topojson webmanifest har avsc",
             names="package-lock.json .babelrc .eslintrc .prettierrc composer.lock pipfile.lock"),
    Language("yaml", "yaml yml", names=".clang-format .clang-tidy"),
    Language("toml", "toml", names="cargo.lock poetry.lock uv.lock pipfile"),
    Language("ini", "ini cfg conf properties desktop service editorconfig",
             names=".editorconfig .gitconfig .npmrc .pylintrc .flake8"),
    Language("xml", "xml xsd csproj vbproj fsproj vcxproj props targets plist storyboard xib resx wsdl rss atom xaml "
             "xlf xliff gpx kml nuspec dtd"),
    Language("markdown", "md markdown mdx mkd rmd qmd"),
    Language("rst", "rst rest"),
    Language("asciidoc", "adoc asciidoc asc", grammar=None),
    Language("tex", "tex sty cls ltx dtx ins bib", grammar="latex"),
    Language("text", "txt text", names="readme authors changes changelog todo news install", grammar=None),
    Language("make", "mk mak make am", names="makefile gnumakefile kbuild", interpreters="make"),
    Language("cmake", "cmake", names="cmakelists.txt"),
    Language("dockerfile", "dockerfile containerfile", names="dockerfile containerfile"),
    Language("proto", "proto"),
    Language("thrift", "thrift"),
    Language("graphql", "graphql gql"),
    Language("hcl", "tf hcl tfvars nomad"),
    Language("nix", "nix"),
    Language("vim", "vim vimrc", names=".vimrc _vimrc .gvimrc"),
    Language("asm", "s asm nasm a51"),
    Language("cuda", "cu cuh"),
    Language("glsl", "glsl vert frag geom comp tesc tese vsh fsh shader"),
    Language("verilog", "v sv svh"),
    Language("vhdl", "vhd vhdl"),
    Language("zig", "zig"),
    Language("nim", "nim nims nimble"),
    Language("fortran", "f for ftn f77 f90 f95 f03 f08", comment="!", script="f90", kernels="lfortran"),
    Language("pascal", "pas dpr lpr dpk"),
    Language("cython", "pxi", grammar=None),
    Language("jinja", "j2 jinja jinja2 njk", grammar=None),
    Language("diff", "diff patch", grammar=None),
    Language("csv", "csv tsv"),
    Language("svg", "svg", grammar=None),
    Language("ada", "ada adb ads"), Language("agda", "agda"), Language("alloy", "als", grammar=None),
    Language("antlr", "g4", grammar=None), Language("apex", "apex trigger"),
    Language("applescript", "applescript scpt", interpreters="osascript", grammar=None),
    Language("autohotkey", "ahk", grammar=None), Language("cairo", "cairo"), Language("ejs", "ejs", grammar=None),
    Language("razor", "cshtml razor", grammar=None), Language("vyper", "vy", grammar=None),
    Language("astro", "astro"), Language("augeas", "aug", grammar=None), Language("bicep", "bicep"),
    Language("bison", "y yy ypp", grammar=None), Language("bluespec", "bsv", grammar=None),
    Language("clarity", "clar"), Language("cobol", "cob cbl cpy"), Language("coffeescript", "coffee", names="cakefile",
             interpreters="coffee", grammar=None),
    Language("coq", "coq", grammar=None), Language("crystal", "cr", interpreters="crystal", grammar=None),
    Language("d", "d di"), Language("elm", "elm"), Language("erb", "erb", grammar="embeddedtemplate"),
    Language("fennel", "fnl"), Language("flex", "l ll lex", grammar=None), Language("forth", "fth 4th forth",
             grammar=None),
    Language("gdscript", "gd"), Language("gleam", "gleam"), Language("go_template", "gotmpl tmpl", grammar=None),
    Language("handlebars", "hbs handlebars mustache", grammar=None), Language("hare", "ha"),
    Language("haxe", "hx"), Language("hlsl", "hlsl fx fxh hlsli"), Language("idris", "idr", grammar=None),
    Language("isabelle", "thy", grammar=None), Language("jsonnet", "jsonnet libsonnet"),
    Language("jsp", "jsp jspx", grammar=None), Language("just", "just", names="justfile", grammar=None),
    Language("lean", "lean", grammar=None), Language("liquid", "liquid", grammar=None),
    Language("m4", "m4 ac", names="configure.ac", grammar=None), Language("maple", "mpl", grammar=None),
    Language("mathematica", "nb wl wls", interpreters="wolframscript", grammar=None),
    Language("mermaid", "mermaid mmd"), Language("meson", "meson", names="meson.build meson_options.txt"),
    Language("metal", "metal", grammar=None), Language("ninja", "ninja"), Language("odin", "odin"),
    Language("opencl", "opencl", grammar=None), Language("org", "org"), Language("po", "po pot"),
    Language("pony", "pony"), Language("prisma", "prisma"), Language("prolog", "pro prolog", interpreters="swipl",
             grammar=None),
    Language("pug", "pug jade", grammar=None), Language("puppet", "pp"), Language("purescript", "purs"),
    Language("qml", "qml", grammar="qmljs"), Language("raku", "raku rakumod p6 pm6", interpreters="raku", grammar=None),
    Language("rego", "rego"), Language("rescript", "res resi", grammar=None), Language("sas", "sas", grammar=None),
    Language("smalltalk", "st", grammar=None), Language("sml", "sml sig fun", grammar=None),
    Language("solidity", "sol"), Language("sparql", "sparql rq"), Language("stan", "stan", grammar=None),
    Language("starlark", "bzl star bazel", names="build workspace module.bazel tiltfile"),
    Language("stata", "do ado", grammar=None), Language("stylus", "styl", grammar=None),
    Language("tablegen", "td"), Language("tcl", "tcl tk", interpreters="tclsh wish expect"),
    Language("tcsh", "csh tcsh", interpreters="csh tcsh", grammar=None), Language("twig", "twig"),
    Language("typst", "typ"), Language("vlang", "vv", grammar="v"),
    Language("llvm", "llvm"),
    Language("visual_basic", "vb bas vbs frm", grammar=None), Language("wgsl", "wgsl"),
    Language("xslt", "xsl xslt", grammar="xml"),
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
    "c#": "c_sharp", "c++": "cpp", "emacs lisp": "elisp", "f#": "fsharp", "html+razor": "razor",
    "jupyter notebook": "python", "objective-c": "objc", "protocol buffer": "proto", "shell": "bash",
    "vim script": "vim", "makefile": "make", "batchfile": "batch", "assembly": "asm", "common lisp": "lisp",
    "objective-c++": "objc", "systemverilog": "verilog", "standard ml": "sml", "wolfram language": "mathematica",
    "plpgsql": "sql", "plsql": "sql", "tsql": "sql", "visual basic .net": "visual_basic", "restructuredtext": "rst",
    "html+erb": "erb", "go template": "go_template", "rocq prover": "coq", "sass": "scss", "less": "scss",
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
