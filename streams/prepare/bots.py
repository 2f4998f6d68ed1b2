"""Accounts of programs, by whole names: `codecovfan` and `renovateme` are people."""

from __future__ import annotations

import re

BOTS = frozenset(
    [
        "allcontributors",
        "appveyor",
        "bors",
        "botmanager",
        "circleci",
        "codacy",
        "codeclimate",
        "codecov",
        "codecov-commenter",
        "codecov-io",
        "coveralls",
        "cla-bot",
        "clabot",
        "claassistantio",
        "deepsource-autofix",
        "dependabot",
        "dependabot-preview",
        "github-actions",
        "githubactions",
        "gitguardian",
        "googlebot",
        "google-cla",
        "greenkeeper",
        "greenkeeperio-bot",
        "homu",
        "houndci-bot",
        "imgbot",
        "jenkins",
        "k8s-ci-robot",
        "k8s-bot",
        "kodiakhq",
        "lgtm-com",
        "linuxfoundation-easycla",
        "mention-bot",
        "mergify",
        "msftclas",
        "netlify",
        "now",
        "pre-commit-ci",
        "probot",
        "prow",
        "pull-bot",
        "pyup-bot",
        "renovate",
        "renovate-bot",
        "rust-highfive",
        "rust-timer",
        "rustbot",
        "semantic-release-bot",
        "sentry-io",
        "snyk-bot",
        "sonarcloud",
        "sonarqubecloud",
        "stale",
        "stalebot",
        "stickler-ci",
        "storybook-bot",
        "travis-ci",
        "travisbot",
        "trunk-io",
        "tracis-bot",
        "vercel",
        "web-flow",
        "welcome",
        "whitesource-bolt-for-github",
        "weblate",
        "zenhub",
    ]
)
"""User names without `[bot]`, lower case."""
_ENDS = re.compile(r"\[bot\]$|[-_](bot|robot|ci|cibot|autobot)$", re.I)
"""Of names that only programs have."""


def is_bot(name: str) -> bool:
    return name.lower() in BOTS or bool(_ENDS.search(name))
