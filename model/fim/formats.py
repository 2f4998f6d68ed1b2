"""The FIM formats as data: what a checkpoint was trained on is stored in its manifest, never assumed.

docs/formats.md is made from this table (`python -m tests.formats_page`).
"""

from __future__ import annotations

from model.fim.format import Format

STARCODER = Format(
    name="starcoder",
    prefix="<fim_prefix>",
    middle="<fim_middle>",
    suffix="<fim_suffix>",
    pad="<fim_pad>",
    end="<|endoftext|>",
    orders=("psm", "spm"),
    stops=("<|endoftext|>",),
    repository="<reponame>",
    file="<filename>",
    stars="<gh_stars>",
    others=(
        "<issue_start>",
        "<issue_comment>",
        "<issue_closed>",
        "<jupyter_start>",
        "<jupyter_text>",
        "<jupyter_code>",
        "<jupyter_output>",
        "<empty_output>",
        "<commit_before>",
        "<commit_msg>",
        "<commit_after>",
    ),
)

SANTACODER = Format(
    name="santacoder",
    prefix="<fim-prefix>",
    middle="<fim-middle>",
    suffix="<fim-suffix>",
    pad="<fim-pad>",
    end="<|endoftext|>",
    orders=("psm", "spm"),
    stops=("<|endoftext|>",),
    joint=False,
)

STARCODER2 = Format(
    name="starcoder2",
    prefix="<fim_prefix>",
    middle="<fim_middle>",
    suffix="<fim_suffix>",
    pad="<fim_pad>",
    end="<|endoftext|>",
    orders=("psm", "spm"),
    stops=("<file_sep>", "<|endoftext|>"),
    joint=False,
    repository="<repo_name>",
    file="<file_sep>",
    others=(
        "<issue_start>",
        "<issue_comment>",
        "<issue_closed>",
        "<jupyter_start>",
        "<jupyter_text>",
        "<jupyter_code>",
        "<jupyter_output>",
        "<empty_output>",
    ),
    head="path",
    context=True,
)

CODELLAMA = Format(
    name="codellama",
    prefix="▁<PRE>",
    middle="▁<MID>",
    suffix="▁<SUF>",
    pad="",
    end="</s>",
    orders=("psm", "spm"),
    stops=("▁<EOT>", "</s>"),
    psm=("prefix", "P", "suffix", "S", "middle", "M", "close"),
    spm=("prefix", "suffix", "S", "middle", "P", "M", "close"),
    begin="<s>",
    close="▁<EOT>",
    bare=("S", "M"),
)

DEEPSEEK = Format(
    name="deepseek",
    prefix="<｜fim▁begin｜>",
    middle="<｜fim▁end｜>",
    suffix="<｜fim▁hole｜>",
    pad="",
    end="<｜end▁of▁sentence｜>",
    orders=("psm",),
    stops=("<｜end▁of▁sentence｜>",),
    begin="<｜begin▁of▁sentence｜>",
    joint=False,
    refusal="DeepSeek-Coder was trained prefix-suffix-middle alone",
)

QWEN25_CODER = Format(
    name="qwen2.5-coder",
    prefix="<|fim_prefix|>",
    middle="<|fim_middle|>",
    suffix="<|fim_suffix|>",
    pad="<|fim_pad|>",
    end="<|endoftext|>",
    orders=("psm",),
    stops=("<|endoftext|>", "<|fim_pad|>"),
    joint=False,
    repository="<|repo_name|>",
    file="<|file_sep|>",
    head="outside",
    repository_end="\n",
    context=True,
    refusal="no other order is documented for Qwen2.5-Coder",
)

AIXCODER = Format(
    name="aixcoder",
    prefix="▁<AIX-SPAN-PRE>",
    middle="▁<AIX-SPAN-MIDDLE>",
    suffix="▁<AIX-SPAN-POST>",
    pad="",
    end="</s>",
    orders=("psm", "spm"),
    stops=("</s>",),
    begin="<s>",
    bare=("S", "M"),
    comment=True,
)

PRE_SUF_MID = Format(
    name="pre-suf-mid",
    prefix="<PRE>",
    middle="<MID>",
    suffix="<SUF>",
    pad="",
    end="</s>",
    orders=("psm", "spm"),
    stops=("</s>",),
    joint=False,
    spm=("suffix", "S", "prefix", "P", "middle", "M", "end"),
)

INCODER = Format(
    name="incoder",
    prefix="",
    middle="<|mask:0|>",
    suffix="<|mask:0|>",
    pad="<pad>",
    end="<|endoftext|>",
    orders=("psm",),
    stops=("<|endofmask|>", "<|endoftext|>"),
    joint=False,
    psm=("P", "suffix", "S", "between", "middle", "M", "close", "end"),
    begin="<|endoftext|>",
    close="<|endofmask|>",
    between="<|mask:1|>",
    span="<|mask:{}|>",
    spans=8,
    attributes=("ext", "filename", "source"),
    refusal="causal masking moves the spans to the end, and nothing else",
)

CODEGEN2 = Format(
    name="codegen2",
    prefix="",
    middle="<mask_1>",
    suffix="<mask_1>",
    pad="",
    end="<|endoftext|>",
    orders=("psm",),
    stops=("<eom>", "<|endoftext|>"),
    joint=False,
    psm=("P", "suffix", "S", "end", "between", "middle", "M", "close"),
    close="<eom>",
    between="<sep>",
    refusal="span corruption moves the span to the end, and nothing else",
)

CODESTRAL = Format(
    name="codestral",
    prefix="[PREFIX]",
    middle="",
    suffix="[SUFFIX]",
    pad="",
    end="</s>",
    orders=("spm",),
    stops=("</s>",),
    joint=False,
    spm=("suffix", "S", "prefix", "P", "M", "end"),
    begin="<s>",
    bare=("S", "M"),
    refusal="the only encoding that Mistral publishes is suffix first",
)

PLAIN = Format(
    name="plain",
    prefix="",
    middle="",
    suffix="",
    pad="",
    end="<|endoftext|>",
    orders=(),
    stops=("<|endoftext|>",),
    refusal="the model reads left to right, and was never shown a suffix",
)

REGISTRY = (
    STARCODER, SANTACODER, STARCODER2, CODELLAMA, DEEPSEEK, QWEN25_CODER, AIXCODER, PRE_SUF_MID, INCODER, CODEGEN2,
    CODESTRAL, PLAIN,
)  # fmt: skip
FORMATS: dict[str, Format] = {f.name: f for f in REGISTRY}

AUTO = "auto"
"""In place of a format's name: the one that the tokenizer's sentinels tell."""
NEW = STARCODER
"""Of a tokenizer that is trained here, when no format is named."""

SOURCES: dict[str, str] = {
    "starcoder": "StarCoder, arXiv 2305.06161; bigcode Megatron-LM, gpt_dataset.py. Joint is ours.",
    "santacoder": "SantaCoder, arXiv 2301.03988, and its model card: hyphens, not underscores.",
    "starcoder2": "StarCoder2, arXiv 2402.19173; bigcode-project/starcoder2 issue 21; bigcode Megatron-LM PR 81.",
    "codellama": "Code Llama, arXiv 2308.12950 section 2.3; meta-llama/codellama, generation.py and tokenizer.py.",
    "deepseek": "DeepSeek-Coder, arXiv 2401.14196 section 3.1.2; its README: the hole is where the middle goes.",
    "qwen2.5-coder": "Qwen2.5-Coder, arXiv 2409.12186, figures 3 and 4; Qwen3-Coder issues 101 and 389 (stops).",
    "aixcoder": "aixcoder-plugin/aiXcoder-7B: README, finetune.py and the tokenizer's input wrapper.",
    "pre-suf-mid": "aiXcoder-7B, arXiv 2410.13187: the recipe of its paper; not checked against code.",
    "incoder": "InCoder, arXiv 2204.05999 section 2.1; dpfried/incoder, example_usage.py (mask:1 after the suffix).",
    "codegen2": "CodeGen2, arXiv 2305.02309; its model card (the prompt; the ending is the card's <eom>).",
    "codestral": "mistralai/mistral-common, instruct.py of its tokenizers (encode_fim). Joint or not is not published.",
    "plain": "CodeParrot's and OpenCoder's (arXiv 2411.04905) model cards.",
}
"""The paper, model card or code that a format's strings and rules come from."""
