"""The licence of a repository, of its folders and of its files, as texts, metadata and REUSE say it"""
