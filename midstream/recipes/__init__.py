"""`midstream recipes`: the shipped recipes, and what two of them do to the same documents."""
