"""Licences: what an expression allows, which one a text is, and what a file says at its head."""

from streams.prepare.licences.classes import POLICIES as POLICIES
from streams.prepare.licences.classes import classify as classify
