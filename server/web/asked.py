"""What the protocols share on the way in: a prompt as text, ids or a template, and options as a request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from model.fim.parse import Templated, parse, parse_ids
from server.request import LEAST_TEMPERATURE, Extra, Request
from server.served import Served

UNLIMITED = 1_000_000
"""Tokens, for protocols whose answers end by themselves: the engine cuts it to half of the context."""
MOST_IDS = 200_000
"""Of a prompt: what is longer is text."""
LEAST_TOP_P = 1e-6
"""In place of 0, which leaves the likeliest token alone, as this does."""

Prompt = str | list[str | int | list[int]]
"""As OpenAI and llama.cpp take it; of several prompts in one request only the first kind is answered: one."""


@dataclass(frozen=True)
class Text:
    """Both sides of the cursor."""

    prefix: str
    suffix: str = ""
    path: str = ""
    extra: tuple[Extra, ...] = ()


def text_of(prompt: Prompt, suffix: str | None, served: Served) -> Text:
    """With a suffix the prompt is text; without one it may be a template, of the served model or of another. Raises
    ValueError for several prompts, and for more ids than any context holds."""
    if isinstance(prompt, list) and (len(prompt) > MOST_IDS or (len(prompt) == 1 and _size(prompt[0]) > MOST_IDS)):
        raise ValueError(f"prompt has at most {MOST_IDS:,} token ids")
    one = prompt[0] if isinstance(prompt, list) and len(prompt) == 1 and not isinstance(prompt[0], int) else prompt
    if isinstance(one, str):
        return Text(one, suffix) if suffix else _untemplated(parse(one, served.manifest.format), one)
    ids = [i for i in one if isinstance(i, int)]
    if not one or len(ids) < len(one):
        raise ValueError("prompt is one text, or the token ids of one; ask for several in as many requests")
    if not all(0 <= i < served.tokenizer.vocab_size for i in ids):
        raise ValueError(f"prompt's token ids are from 0 to {served.tokenizer.vocab_size - 1}")
    plain = served.tokenizer.decode(ids)
    if suffix:
        return Text(plain, suffix)
    return _untemplated(parse_ids(ids, served.tokenizer, served.manifest.format), plain)


def _size(one: str | int | list[int]) -> int:
    return len(one) if isinstance(one, list) else 0


def _untemplated(templated: Templated | None, plain: str) -> Text:
    if templated is None:
        return Text(plain)
    files = tuple(Extra(path, text) for path, text in templated.files)
    return Text(templated.prefix + templated.middle, templated.suffix, templated.path, files)


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a protocol says beside the text; None: nothing."""

    max_tokens: int
    temperature: float | None = None
    usual: float = 1.0
    """The protocol's own temperature, for alternatives that would else be the same."""
    top_p: float | None = None
    n: int | None = None
    stop: str | Sequence[str] | None = None
    seed: int | None = None
    deadline: float | None = None
    session: str = ""
    logprobs: bool = False

    @property
    def count(self) -> int:
        return 1 if self.n is None else self.n

    @property
    def heat(self) -> float:
        """Greedy where no temperature is given, since what completes code wants the likeliest."""
        if self.temperature is None:
            return 0.0 if self.count == 1 else self.usual
        return 0.0 if 0 <= self.temperature < LEAST_TEMPERATURE else self.temperature

    @property
    def copies(self) -> int:
        """How often one answer is given: greedy alternatives are all the same."""
        return self.count if not self.heat else 1


def request(text: Text, options: Options) -> Request:
    """Raises ValueError, whose message is for the client."""
    stops = (options.stop,) if isinstance(options.stop, str) else options.stop or ()
    top_p = 1.0 if options.top_p is None else options.top_p
    if options.copies > 1:
        Request("", alternatives=options.count, temperature=1.0)  # the bound is the same
    return Request(
        prefix=text.prefix,
        suffix=text.suffix,
        path=text.path,
        max_tokens=min(options.max_tokens, UNLIMITED),
        temperature=options.heat,
        seed=options.seed or 0,
        stop=tuple(stop for stop in stops if stop),
        deadline=options.deadline,
        session=options.session,
        top_p=top_p or LEAST_TOP_P,
        alternatives=options.count if options.copies == 1 else 1,
        logprobs=options.logprobs,
        extra=text.extra,
    )
