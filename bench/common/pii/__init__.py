"""The windows of the bench `pii`: secrets and personal data in real files, at places that are known, and their score."""
