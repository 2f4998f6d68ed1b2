"""Recipes as files, and the commands that show, compare and review them."""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from midstream.cli import main
from model.mapping import SettingsError
from streams.document import Document
from streams.event import Answer, Patch, Pull, Question, Remark, Repository, encode
from streams.prepare.expand import expand
from streams.prepare.recipes import edits
from streams.prepare.recipes.patches import replayable
from streams.prepare.recipes.reading import read, recipe, resolve, shipped
from streams.prepare.recipes.recipe import Recipe
from streams.prepare.rules.examples import CODE_TEXT, file
from streams.prepare.rules.rule import RuleInput
from streams.prepare.texts import judged
from streams.recipe import RecipeSettings
from tests.support.licences.licences import licence

OWN = """
says = "Short lines."
[lengths]
comment_lines = 9
[[rules]]
rule = "long_lines"
languages = ["python"]
longest = 20
[[rules]]
rule = "long_lines"
name = "others"
except = ["python", "@data"]
longest = 30
rate = 0.5
"""


def written(folder: Path, text: str) -> Recipe:
    (folder / "own.toml").write_text(text)
    return read(folder / "own.toml", "own")


def verdict(made: Recipe, document: Document) -> str:
    found = made.judge(RuleInput(document, judged(document)))
    return found.rule if found else ""


def told(*arguments: object, answers: str = "") -> str:
    result = CliRunner().invoke(main, ["recipes", *map(str, arguments)], input=answers)
    assert result.exit_code == 0, result.output
    return result.output


def test_a_file_says_rules_kinds_and_languages(tmp_path: Path) -> None:
    made = written(tmp_path, OWN)
    assert (made.name, made.lengths.comment_lines, made.lengths.thread_chars) == ("own", 9, 50_000)
    assert verdict(made, file("x = 'twenty characters'\n")) == "long_lines"
    assert verdict(made, file("short\n" * 9 + "x" * 25, "a.go", "go")) == ""
    assert verdict(made, file("x" * 99, "a.json", "json")) == ""


def test_a_rate_takes_its_share_and_always_the_same_documents(tmp_path: Path) -> None:
    made = written(tmp_path, OWN)
    documents = [file(f"{number} " + "x" * 40, "a.go", "go") for number in range(400)]
    dropped = [verdict(made, document) for document in documents]
    assert 140 < dropped.count("others") < 260
    assert dropped == [verdict(made, document) for document in documents]


def test_settings_change_a_recipe(tmp_path: Path) -> None:
    changes = {"long_lines": {"longest": 9, "except": ["go"]}, "numbers": {"off": True}}
    made = resolve(RecipeSettings(licences="permissive", languages=("python",), rules=changes))
    steps = {step.name: step for step in made.steps}
    assert steps["long_lines"].parameters.longest == 9 and steps["long_lines"].exempt == {"go"}
    assert steps["licence"].parameters.policy == "permissive" and "numbers" not in steps
    assert steps["language"].parameters.names == ("python",)
    assert recipe("default").settings()["long_lines.longest"] == 1_000
    wider = resolve(RecipeSettings(use="opencoder", rules={"line_count": {"least": 200_000, "most": 300_000}}))
    assert {step.name: step for step in wider.steps}["line_count"].parameters.least == 200_000
    for settings in (
        RecipeSettings(licences="any", rules={"licence": {"policy": "permissive"}}),
        RecipeSettings(languages=("go",), rules={"language": {"names": ["python"]}}),
    ):
        with pytest.raises(SettingsError, match="leave one of them out"):
            resolve(settings)


def test_a_recipe_may_be_like_another(tmp_path: Path) -> None:
    text = 'like = "santacoder"\n[[rules]]\nrule = "comments"\nleast = 0.5\n[[rules]]\nrule = "stars"\n'
    made = written(tmp_path, text)
    names = [step.name for step in made.steps]
    assert names == [*(step.name for step in recipe("santacoder").steps), "stars"]
    assert made.steps[names.index("comments")].parameters.least == 0.5


COMMENTED = """
# Names of the run, as the log shows them.
# They are short. They never change.
# A name that is long is cut in the middle.
# The rest stands in the file of the run.
# See there for more.
def name(number):
    # for key in table:
    #     if key.startswith(number):
    #         total += table[key]
    #     print(key)
    # return total
    return os.path.join("a", str(number))  # x = 1;
"""


def test_commented_out_code_is_taken_out_and_prose_stays() -> None:
    document = file(COMMENTED)
    edits.apply(document, (("commented_out", edits.CommentedParameters()),))
    text = document.parts[0].text
    assert "total" not in text and "# See there for more.\n" in text and text.endswith("# x = 1;\n")
    assert document.cut == len(COMMENTED) - len(text) > 100
    whole = file(COMMENTED)
    edits.apply(whole, (("commented_out", edits.CommentedParameters(rate=0.0)),))
    assert whole.parts[0].text == COMMENTED and whole.cut == 0
    block = "  /*\n  int x = 1;\n  f(x);\n  g(x);\n  return x;\n  h(x);\n  */\n"
    java = file(f"class A {{\n{block}  int y = 2;\n}}\n", "A.java", "java")
    edits.apply(java, (("commented_out", edits.CommentedParameters()),))
    assert java.parts[0].text == "class A {\n  int y = 2;\n}\n"


DOCUMENTATION = {
    "sentence first": "// Name says the name.\n// x := 1\n// f(x)\n// g(x)\n// return x\n// h(x)\n",
    "try": "// Try the following:\n//   x := 1;\n//   f(x);\n//   g(x);\n//   h(x);\n//   k(x);\n",
    "sentence behind": "// x := 1\n// f(x)\n// g(x)\n// h(x)\n// k(x)\n// This takes a long time.\n",
    "example": "/* x := 1;\n f(x);\n Example\n g(x);\n h(x);\n k(x);\n m(x);\n*/\n",
    "tool": "/** x := 1;\n * f(x);\n * g(x);\n * h(x);\n * k(x);\n * m(x);\n */\n",
    "told": "//go:build linux\n// +build linux\n//go:generate f(x);\n//go:generate f(y);\n//go:generate f(z);\n",
}


@pytest.mark.parametrize("said", DOCUMENTATION.values(), ids=DOCUMENTATION)
def test_documentation_with_code_in_it_stays(said: str) -> None:
    document = file(f"package a\n\n{said}func b() {{}}\n", "a.go", "go")
    text = document.parts[0].text
    edits.apply(document, (("commented_out", edits.CommentedParameters()),))
    assert document.parts[0].text == text


def test_comments_that_share_a_line_are_one_block() -> None:
    kept = "int a;\nint b; /* k(x);\n m(x); */\n/* n(x); */"
    document = file("/* f(x); */ /* g(x); */\n/* h(x); */\n/* i(x);\n   j(x); */\n" + kept, "a.c", "c")
    edits.apply(document, (("commented_out", edits.CommentedParameters(lines=2)),))
    assert document.parts[0].text == kept


def test_the_best_answers_stay_in_their_order_with_the_best_comments() -> None:
    remarks = [Remark(text=f"remark {n}", votes=n) for n in range(7)]
    answers = [Answer(text=f"answer {n}", votes=n - 1, comments=remarks if n == 3 else []) for n in range(13)]
    event = Question(
        repository=Repository(name="site"), number=1, title="t", text="q", answers=answers, comments=remarks[:2]
    )
    (document,) = expand(encode(event), 0).documents
    edits.apply(document, (("best_answers", edits.AnswersParameters()),))
    said = [part.text for part in document.parts]
    assert said[:4] == ["t", "q", "remark 0", "remark 1"]
    assert [text for text in said if text.startswith("answer")] == [f"answer {n}" for n in range(3, 13)]
    assert said[5:10] == [f"remark {n}" for n in range(2, 7)] and document.cut > 0


def test_the_accepted_answer_stays_whatever_its_votes() -> None:
    answers = [Answer(text=f"answer {n}", votes=2 + n, accepted=n == 0) for n in range(13)]
    answers[0] = Answer(text="answer 0", votes=-1, accepted=True)
    event = Question(repository=Repository(name="site"), number=1, title="t", text="q", answers=answers)
    (document,) = expand(encode(event), 0).documents
    edits.apply(document, (("best_answers", edits.AnswersParameters(answers=3, least=1)),))
    assert [part.text for part in document.parts] == ["t", "q", "answer 0", "answer 11", "answer 12"]


def test_hunks_that_do_not_replay_are_dropped() -> None:
    old = [f"line {n}\n" for n in range(60)]
    new = [*old[:3], "new\n", *old[3:20], *old[22:50], "other\n", *old[51:]]
    diff = "".join(difflib.unified_diff(old, new, "a", "b")).split("\n", 2)[2]
    hunks = ["@@" + hunk for hunk in diff.split("\n@@")]
    hunks = [hunks[0][2:], *hunks[1:]]
    assert len(hunks) == 3 and replayable(diff) == diff
    short = hunks[1].rsplit("\n", 1)[0]
    assert replayable("\n".join([hunks[0], short, hunks[2]])) == "\n".join([hunks[0], hunks[2]])
    moved = hunks[2].replace("@@ -", "@@ -9", 1)
    assert replayable("\n".join([*hunks[:2], moved])) == "\n".join([*hunks[:2], ""])
    assert (
        replayable("Binary files differ\n") == ""
        and replayable("@@ -0,0 +1,2 @@\n+a\n+b\n") == "@@ -0,0 +1,2 @@\n+a\n+b\n"
    )
    event = Pull(
        repository=Repository(name="r"), number=1, title="t", comments=[],
        files=[Patch(path="a.py", text=short), Patch(path="b.py", text=diff)],
    )  # fmt: skip
    (document,) = expand(encode(event), 0).documents
    edits.apply(document, recipe("default").edits)
    assert [part.label for part in document.parts if part.role == "diff"] == ["b.py"]
    assert document.cut == len(short)


def test_a_recipe_like_another_has_its_edits_and_takes_settings(tmp_path: Path) -> None:
    made = written(tmp_path, 'like = "aixcoder"\n[lengths]\ncomment_lines = 7\n')
    assert [name for name, _ in made.edits] == ["whole_hunks", "commented_out"] and made.lengths.comment_lines == 7
    named = resolve(RecipeSettings(use="opencoder", languages=("python",)))
    assert named.steps[0].name == "language" and named.steps[0].parameters.names == ("python",)
    with pytest.raises(SettingsError, match="off must be true or false"):
        resolve(RecipeSettings(rules={"binary": {"off": "false"}}))


def test_list_show_and_diff() -> None:
    assert [line.split()[0] for line in told("list").splitlines()] == shipped()
    assert len(shipped()) == 11
    assert "fertility: bars python 2.32" in told("show", "santacoder")
    assert json.loads(told("show", "santacoder", "--json"))["comments.least"] == 0.01
    assert told("show", "incoder", "--toml").startswith('says = "InCoder')
    shown = told("diff", "default", "santacoder").splitlines()
    assert "- vendored" in shown and "+ comments" in shown
    assert "~ licence.policy: no-copyleft | permissive" in shown
    result = CliRunner().invoke(main, ["recipes", "show", "nobody"])
    assert result.exit_code == 1 and "there is no recipe 'nobody'; known are aixcoder," in result.output


def test_compare_counts_what_only_one_drops(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d/a.py").write_text(CODE_TEXT)
    (tmp_path / "d/b.go").write_text("package a\n\nfunc f(text string) string {\n\treturn text\n}\n// and so on\n")
    (tmp_path / "d/c.py").write_text("x = 1\n")
    made = json.loads(told("compare", "default", "santacoder", tmp_path / "d", "--json"))
    assert (made["documents"], made["kept"], made["both_drop"], made["only"]) == (3, [2, 0], 1, [0, 2])
    assert [row["path"] for row in made["samples"][0]] == []
    assert {(row["language"], row["rule"]) for row in made["samples"][1]} == {("go", "licence"), ("python", "licence")}
    assert "santacoder: keeps 0; drops 2 that default keeps" in told("compare", "default", "santacoder", tmp_path / "d")


def test_compare_says_why_there_are_no_documents(git_folder: Any, tmp_path: Path) -> None:
    shown = told("compare", "default", "santacoder", git_folder.path)
    assert "HEAD names no commit yet\nno documents: nothing is there that would be sent\n0 documents; both" in shown
    (tmp_path / "a.py").write_text(CODE_TEXT)
    assert "\n1 document; both" in "\n" + told("compare", "default", "santacoder", tmp_path / "a.py")


def test_review_keeps_marks_and_goes_on(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    for number in range(3):
        (tmp_path / f"d/{number}.py").write_text(f"{CODE_TEXT}print({number})\n")
    (tmp_path / "d/small.py").write_text("x = 1\n")
    marks = tmp_path / "marks.jsonl"
    first = told("review", "default", tmp_path / "d", "-n", 2, "--marks", marks, answers="g\nx\nb\ns\n")
    assert "[3 of 3]" in first and "dropped      1  good 1.00" in first
    assert marks.stat().st_mode & 0o777 == 0o600 and "print" not in marks.read_text()
    second = told("review", "default", tmp_path / "d", "-n", 2, "--marks", marks, answers="u\n")
    assert "[1 of 1]" in second
    last = told("review", "default", "--marks", marks).splitlines()[-1]
    assert last.split()[:4] == ["default", "all", "kept", "2"]
    unnamed = told("review", tmp_path / "d", "-n", 1, "--by-rule")
    assert "small.py" in unnamed  # a path in the name's place
    lost = CliRunner().invoke(main, ["recipes", "review", str(tmp_path / "d"), "--marks", str(tmp_path / "no/m.jsonl")])
    assert lost.exit_code == 1 and "there is no folder" in lost.output


def test_a_folder_of_a_clone_has_the_clone_s_licence(git_folder: Any) -> None:
    git_folder.commit("one", {"LICENSE": licence("MIT"), "src/a.py": CODE_TEXT, "src/b.py": CODE_TEXT + "print(3)\n"})
    for path in ("src", "src/a.py"):
        made = json.loads(told("compare", "default", "starcoder", git_folder.path / path, "--json"))
        assert "licence" not in made["rules"][1]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "has no rules"),
        ('[[rules]]\nrule = "binary"\nkinds = []', "judges nothing"),
        ('[[rules]]\nrule = "binary"\nlanguages = []', "judges nothing"),
        ('[[rules]]\nrule = "binary"\nlanguages = ["python"]\nexcept = ["python"]', "judges nothing"),
    ],
)
def test_what_would_have_no_effect_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        written(tmp_path, text)


def test_options_without_sense_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(CODE_TEXT)
    for arguments, sentence in (
        (["review", "nobody"], "there is no recipe 'nobody'"),
        (["review", str(tmp_path), "-n", "0"], "0 is not in the range"),
        (["review", str(tmp_path), "--only", "pythn"], "nothing is in pythn; there is python"),
        (["compare", "default", "incoder", str(tmp_path), "--samples", "-3"], "-3 is not in the range"),
        (["scores", "--share", "7", str(tmp_path)], "7.0 is not in the range"),
    ):
        result = CliRunner().invoke(main, ["recipes", *arguments])
        assert result.exit_code and sentence in result.output, result.output
