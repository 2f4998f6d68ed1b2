"""Windows of the bench `pii`: secrets and personal data at known places of real files, and their score."""
