"""A repository of git, read in three lanes"""
