"""Redaction: secrets and personal data are found in linear time and replaced by what depends on the text alone.

One hyperscan pass says where something may be, validators say whether it is. Spans are merged before any is replaced,
so finds that overlap are replaced once. Redacting twice changes nothing, and a file that parsed still does.
"""

from streams.redact.redaction import Clean as Clean
from streams.redact.redaction import clean as clean
from streams.redact.redaction import find as find
from streams.redact.redaction import redact as redact
from streams.redact.replacing import FORMS as FORMS
from streams.redact.replacing import KINDS as KINDS
from streams.redact.replacing import merge as merge
from streams.redact.replacing import replacement as replacement
