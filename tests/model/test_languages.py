"""The one table of languages: every name has a grammar that exists, or is listed as without; nothing stands twice."""

from __future__ import annotations

from collections import Counter

import identify.extensions
import pytest
from tree_sitter_language_pack import get_parser

from model.languages import BY_EXTENSION, BY_NAME, LANGUAGES, TITLES, grammar, headed, script
from streams.prepare.language import language


@pytest.mark.parametrize("name", [language.name for language in LANGUAGES] + list(TITLES))
def test_a_language_has_a_grammar_or_is_listed_as_without(name: str) -> None:
    parser = grammar(name)
    if parser is not None:
        get_parser(parser)  # type: ignore[arg-type]


@pytest.mark.parametrize("column", ["extensions", "names", "interpreters", "headed", "kernels"])
def test_nothing_stands_in_two_rows(column: str) -> None:
    times = Counter(word for language in LANGUAGES for word in getattr(language, column).split())
    assert [word for word, n in times.items() if n > 1] == []


def test_what_has_a_head_or_a_script_has_a_comment() -> None:
    assert all(language.comment for language in LANGUAGES if language.headed or language.script or language.title)
    assert headed("rs") is not None and headed("mjs") is None
    assert (script("julia").script, script("brainfuck").script) == ("jl", "txt")


OUR_NAMES = {  # of `identify` and `pygments`, where they differ from ours
    "c#": "c_sharp", "c++": "cpp", "shell": "bash", "zsh": "bash", "ksh": "bash", "jsx": "javascript",
    "tsx": "typescript",
    "plain-text": "text", "system verilog": "verilog", "systemverilog": "verilog", "objective-c": "objc",
    "objective-c++": "objc", "protobuf": "proto", "pyi": "python", "cython": "python", "xsd": "xml",
    "lhaskell": "haskell",
    "terraform": "hcl", "common-lisp": "lisp", "visual-basic": "visual_basic",
}  # fmt: skip


@pytest.mark.parametrize("extension", sorted(BY_EXTENSION))
def test_an_extension_means_what_identify_says(extension: str) -> None:
    """It tags an extension with all that it may hold; where tags are languages of ours, ours must be among them."""
    tags = {OUR_NAMES.get(tag, tag.replace("-", "_")) for tag in identify.extensions.EXTENSIONS.get(extension, ())}
    tags -= {"text", "binary"}  # nearly all are one of these
    known = tags & BY_NAME.keys()
    if known and extension not in APART:
        assert BY_EXTENSION[extension].name in known


APART = frozenset({"csh", "pxi", "xsl", "xslt"})
"""We say more: csh is no Bourne shell, a pxi is Cython, a stylesheet is XSLT."""


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("#!/usr/bin/env php", "php"), ("#!/usr/bin/env python3.11", "python"), ("#!/usr/bin/python3", "python"),
        ("#!/usr/bin/env -S python3 -u", "python"), ("#!/usr/bin/env -Snode --flag", "javascript"),
        ("#!/usr/bin/env A=1 ruby2.7", "ruby"), ("#! /bin/sh -e", "bash"), ("#!/usr/local/bin/perl5.36 -w", "perl"),
        ("#!/usr/bin/env Rscript", "r"), ("#!/usr/bin/tclsh8.6", "tcl"), ("#!", ""), ("#!/usr/bin/env", ""),
        ("#!/usr/bin/env -S uv run --script", "python"), ("#!/usr/bin/env -S pipx run", "python"),
        ("\ufeff#!/bin/sh", "bash"), ("#!/usr/bin/env -i", ""), ("#!/opt/thing", ""), ("# no", ""),
    ],
)  # fmt: skip
def test_the_interpreter_of_a_first_line(line: str, name: str) -> None:
    assert language("bin/run", f"{line}\nx") == name


@pytest.mark.parametrize(
    ("path", "text", "name"),
    [
        ("a.v", "Require Import Arith.\nTheorem t : forall n, n = n.\n", "coq"),
        ("a.v", "module m(input a);\nendmodule\n", "verilog"),
        ("a.v", "module main\n\nfn main() {\n}\n", "vlang"),
        ("a.cls", "public with sharing class A {\n}\n", "apex"), ("a.cls", "\\NeedsTeXFormat{LaTeX2e}\n", "tex"),
        ("a.cls", "VERSION 1.0 CLASS\nBEGIN\n", "visual_basic"),
        ("a.pl", ":- module(a, [b/1]).\nb(X) :- c(X).\n", "prolog"), ("a.pl", "use strict;\nmy $x = 1;\n", "perl"),
        ("a.pl", "", "perl"),
        ("a.ts", '<?xml version="1.0"?>\n<!DOCTYPE TS>\n', "xml"), ("a.ts", "export const a = 1\n", "typescript"),
        ("a.fs", "#version 330\nvoid main() {}\n", "glsl"), ("a.fs", "module A\nlet x = 1\n", "fsharp"),
        ("a.m", "#import <A.h>\n", "objc"), ("a.m", "function y = f(x)\n", "matlab"),
        ("a.m", "(* ::Package:: *)\n", "mathematica"),
        ("a.h", "#include <vector>\n", "cpp"), ("a.h", "#include <stdio.h>\n", "c"),
        ("a.h", "@interface A\n@end\n", "objc"),
        ("a.C", "", "cpp"), ("a.H", "", "cpp"), ("a.c", "", "c"), ("a.r", "REBOL []\n", ""), ("a.R", "x <- 1\n", "r"),
        ("a.inc", "<?php\n", "php"), ("a.inc", "#define A\n", "c"), ("a.inc", "words\n", ""),
        ("a.d", "main.o: main.c\n", ""),
        ("a.d", "module a;\n", "d"), ("a.cl", "__kernel void f() {}\n", "opencl"), ("a.cl", "(defun f ())\n", "lisp"),
        ("Dockerfile.dev", "", "dockerfile"), ("x/Makefile.am", "", "make"), ("BUILD", "", "starlark"),
        ("a.bzl", "", "starlark"),
        ("a.tcl", "", "tcl"), ("a.sol", "", "solidity"), ("a.coffee", "", "coffeescript"), ("a.erb", "", "erb"),
        ("a.hbs", "", "handlebars"), ("a.pyw", "", "python"), ("a.gd", "", "gdscript"), ("a.vb", "", "visual_basic"),
        ("Makefile.PL", "use ExtUtils::MakeMaker;\n", "perl"), ("Makefile.js", "", "javascript"),
        ("Gemfile.lock", "", ""), ("dockerfile.go", "package d\n", "go"), ("dockerfile.ts", "", "typescript"),
        ("dockerfile.rs", "", "rust"),
        ("dockerfile.py", "", "python"), ("Jenkinsfile.java", "", "java"), ("Dockerfile.md", "# A\n", "markdown"),
        ("Makefile.in", "", "make"), ("Makefile.frag", "", "make"), ("Jenkinsfile.prod", "", "groovy"),
        ("Dockerfile.r", "# R\nARG A=1\n\nFROM r-base\n", "dockerfile"), ("Dockerfile.dev.py", "", "python"),
        ("Dockerfile", "", "dockerfile"), ("Gemfile.local", "", "ruby"), ("Dockerfile.txt", "", "dockerfile"),
        ("a.h", "/* This is the\n class of things\n using the table */\nint f(void);\n", "c"),
        ("a.h", "// namespace of\n/**\n@class Foo\n@interface x\n*/\nint f(void);\n", "c"),
        ("a.h", "/*" + "\n words" * 900 + "*/\nnamespace a {}\n", "cpp"),
        ("a.h", "struct A { virtual int f(); };\n", "cpp"), ("a.h", "struct A { A(const A&) = delete; };\n", "cpp"),
        ("a.h", "struct A {\npublic:\n  int x;\n};\n", "cpp"), ("a.h", "unsigned long virtual;\n", "c"),
        ("a.v", "Record x := { a : nat; b : nat }.\n", "coq"), ("a.v", "Record x := {\n  a : nat;\n}.\n", "coq"),
        ("a.v", "/* Definition of\n Lemma one */\nassign x = y;\n", "verilog"),
        ("a.v", "(*\nmodule a (\n*)\nLemma x : a = b.\n", "coq"),
        ("a.v", "module a;\nalways @(*) b = c;\nendmodule\n", "verilog"),
        ("a.fs", "(* The\n uniform distribution\n*)\nlet x = 1\n", "fsharp"),
        ("a.ts", '\ufeff<?xml version="1.0"?>\n<TS>\n', "xml"), ("a.ino", "", "cpp"), ("a.cshtml", "", "razor"),
        ("a.ejs", "", "ejs"), ("a.ahk", "", "autohotkey"), ("a.cairo", "", "cairo"), ("a.vy", "", "vyper"),
        ("a.m4", "", "m4"), ("a.csproj", "", "xml"), ("a.plist", "", "xml"), ("a.po", "", "po"),
    ],
)  # fmt: skip
def test_a_language_by_name_or_by_content(path: str, text: str, name: str) -> None:
    assert language(path, text) == name


def test_every_language_of_starcoder_has_a_row() -> None:
    """The 86 of its data (arXiv 2305.06161, table 1), by our names; literate variants are their languages."""
    assert set(STARCODER.split()) <= BY_NAME.keys()


STARCODER = (
    "ada agda alloy antlr applescript asm augeas awk batch bluespec c c_sharp clojure cmake coffeescript lisp cpp "
    "css cuda "
    "dart dockerfile elixir elm elisp erlang fsharp fortran glsl go groovy haskell html idris isabelle java jsp "
    "javascript "
    "json julia kotlin lean lua make maple markdown mathematica matlab ocaml pascal perl php powershell prolog "
    "proto python "
    "r racket rst ruby rust sas scala scheme bash smalltalk solidity sparql sql stan sml stata verilog tcl tcsh tex "
    "thrift "
    "typescript vhdl visual_basic xslt bison yaml zig"
)
