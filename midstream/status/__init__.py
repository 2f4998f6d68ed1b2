"""What `midstream up` and `midstream status` show: counts, lag, and what needs a person."""
