"""What a commit, or a merge, changed: texts, hunks, windows, cells of notebooks"""
